"""The parts of the `intents` chat model: what a caller means, what the assistant knows, what its tools need."""
