"""`python -m twelve_runtime.ml serve`."""

import sys

from twelve_runtime.ml.server import main

sys.exit(main())
