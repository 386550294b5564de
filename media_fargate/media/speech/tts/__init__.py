"""Text-to-speech adapters, one vendor a file."""
