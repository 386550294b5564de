"""Recordings of calls: where they lie, how they are put together, and the links that lead to them."""
