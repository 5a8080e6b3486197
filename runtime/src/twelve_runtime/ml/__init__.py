"""Models in an app: serve them, train them, judge a candidate, watch for drift. Each module is imported alone."""
