"""What the Makefile runs before and around the tests."""
