"""GET /webhook-deliveries, POST /webhook-deliveries/{id}/replay."""
