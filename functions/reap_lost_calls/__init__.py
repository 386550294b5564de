"""Ends what no node will end any more."""
