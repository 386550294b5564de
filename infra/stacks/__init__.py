"""The stacks: composition only."""
