"""From the table's stream to the bus, and the minute's sweep of what was left."""
