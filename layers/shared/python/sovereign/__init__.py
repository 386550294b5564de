"""Sovereign: the domain of the voice-agent platform, shared by every function and by the media container."""

__version__ = "0.1.0"
