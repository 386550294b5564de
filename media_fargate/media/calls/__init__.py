"""Running calls: `session` owns one call and is the one place that ends it."""
