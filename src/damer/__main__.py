"""`python -m damer` is `damer`."""

import sys

from damer.cli import main

if __name__ == "__main__":
    sys.exit(main())
