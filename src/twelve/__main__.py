"""`python -m twelve`: the command line."""

import sys

from twelve.faces.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
