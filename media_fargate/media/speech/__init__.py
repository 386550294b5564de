"""Speech and language providers behind four narrow streaming interfaces; one adapter a file."""
