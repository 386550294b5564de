"""Imports of leads from files: from the upload's address over the checked rows to the report of what was left out."""
