"""`python -m sovereign.cli`."""

import sys

from sovereign.cli.main import main

sys.exit(main(sys.argv[1:]))
