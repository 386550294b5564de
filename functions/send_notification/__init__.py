"""From reported calls to the mailboxes their assistants name."""
