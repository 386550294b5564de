"""Speech-to-text adapters, one vendor a file."""
