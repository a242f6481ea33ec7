"""`python -m rorem_demo`: the command line."""

import sys

from rorem_demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
