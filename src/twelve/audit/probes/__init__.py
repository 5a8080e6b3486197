"""Observed, not read: the app is built, released and run in a throw-away platform, and watched while things happen.

Only here is anything of the codebase run, and only inside the sandbox its processes would have in production.
"""
