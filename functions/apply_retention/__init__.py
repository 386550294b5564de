"""The daily erasure of what is past its retention period."""
