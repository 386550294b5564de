"""The only function that reaches media nodes."""
