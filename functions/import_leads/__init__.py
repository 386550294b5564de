"""Works off imports of leads: files that were uploaded, and what the minute's sweep finds left behind."""
