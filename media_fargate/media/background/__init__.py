"""The sound of a place behind the agent."""
