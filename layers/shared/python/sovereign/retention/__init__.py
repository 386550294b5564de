"""Retention: what is past its period is erased from live data."""
