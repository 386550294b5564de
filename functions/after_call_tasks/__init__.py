"""The steps of the after_call state machine."""
