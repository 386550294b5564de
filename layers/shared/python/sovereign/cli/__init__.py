"""`sovereign`: what only the operator does, with cloud credentials instead of an API key."""
