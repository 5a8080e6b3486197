"""How the web process serves. Gunicorn reads this file by its name; the address is in the Procfile."""

from notes import settings

worker_class = "gthread"
threads = 8
graceful_timeout = 25  # less than the platform's 30 s: requests in hand end before SIGKILL
loglevel = "warning"  # notes writes a line a request itself
control_socket_disable = True


def on_starting(_server: object) -> None:
    """Missing config ends the process at once, with one message, before a worker is started."""
    settings.load()
