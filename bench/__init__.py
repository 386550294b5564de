"""`make bench`: the budget table of docs/budgets.md, measured here and now, peers in the same run."""
