"""Reusable parts of the stacks, one class a file."""
