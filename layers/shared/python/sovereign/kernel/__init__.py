"""What every resource stands on: table, bus, signing, egress, errors, settings, clock, ids. Imports no resource."""
