"""GET /usage."""
