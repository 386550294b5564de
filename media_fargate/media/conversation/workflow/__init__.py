"""Calls that follow a workflow: the graph as a call sees it, walking it, and providers that change on the way."""
