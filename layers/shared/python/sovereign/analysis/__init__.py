"""After the call: its summary, its structured data, and the report that follows whatever became of them."""
