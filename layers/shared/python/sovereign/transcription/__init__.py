"""Transcripts of recordings, made after the call: one file a vendor, over its documented HTTP API."""
