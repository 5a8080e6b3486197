"""One file a command, or a family of commands that share a noun."""
