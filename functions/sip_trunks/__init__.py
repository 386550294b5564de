"""The `/sip-trunks` routes."""
