"""Start the command line: ``python -m lablib``."""

import sys

from lablib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
