"""The conversation: turn-taking, history, speaking, tools, silence. Knows no vendor, no SIP and no storage."""
