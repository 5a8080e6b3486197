"""Models in an app: serve them, train them, judge a candidate, watch for drift. Each module is imported alone."""

import os

# ONNX Runtime would send events to its maker and keep an identifier in the home directory, from its import on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
