"""What the units of a rollout meet: router lines and the apps' own events, kept by unit for the read-out.

log stream -> Intake (a bounded queue) -> Batch (a second of it, by unit) -> Units (PostgreSQL) -> readings
"""
