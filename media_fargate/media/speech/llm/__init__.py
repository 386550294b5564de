"""Chat-model adapters, one vendor a file."""
