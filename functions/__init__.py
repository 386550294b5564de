"""The Lambda functions, one package each."""

from sovereign.kernel.startup import shorten_cold_start

shorten_cold_start()
