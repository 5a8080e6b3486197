"""Notes: write, search, attach. An app that keeps all twelve factors; see README.md for which file keeps which."""
