"""From the deliveries queue to customers' endpoints."""
