"""The media container: answers and places calls, and holds the conversations."""
