"""Factor IV: backing services, each made from its URL alone, with time-outs, a bounded pool and patience at boot.

`sql`, `postgres`, `redis`, `s3`, `mail` and `nats` are imported one by one; each needs the extra of its own name only.
"""
