"""Chat completions for work after a call: one interface, one file a vendor. Vendor SDKs are imported when used."""
