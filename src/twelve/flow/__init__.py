"""The sentences: deploy, rollback, configure, attach, scale, restart, run. The only place where two rooms meet."""
