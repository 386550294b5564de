"""Calls whose model hears and speaks by itself."""
