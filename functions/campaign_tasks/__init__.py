"""The tasks of the run_campaign state machine, and what keeps every campaign attended."""
