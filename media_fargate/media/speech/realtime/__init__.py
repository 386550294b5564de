"""Adapters of speech-to-speech models, one file a vendor."""
