"""Minutes of metered organizations: reserve, extend, settle, each with a ledger entry."""
