"""Webhooks: who is told, what is said, how it is signed, delivered, retried and recorded."""
