"""What serves a static site: `requirements.txt` is installed for it, and `server.py` runs beside it."""
