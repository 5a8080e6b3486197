"""The same servers without root: in a user namespace that shows this process as an ordinary user."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

STORY = """
import os, sys
from pathlib import Path

import psycopg, redis
from twelve.infra.database import Database
from twelve.infra.settings import Settings
from twelve.stages.services.catalogue import providers
from twelve.stages.services.postgres_server import PostgresServer

assert os.geteuid() != 0
settings = Settings(home=Path(sys.argv[1]))
settings.make_directories()
output = lambda component, chunk: None
server = PostgresServer(settings, output)
try:
    server.ensure()
    database = Database(server.platform_url())
    kinds = providers(settings, server, output, database)
    details = kinds["postgres"].create("postgresql-plain-1")
    with psycopg.connect(kinds["postgres"].config("DATABASE", details)["DATABASE_URL"]) as db:
        print("postgres", db.execute("select 1 + 1").fetchone()[0])
    details = kinds["redis"].create("redis-plain-1")
    with redis.Redis.from_url(kinds["redis"].config("REDIS", details)["REDIS_URL"]) as client:
        print("redis", client.incr("n"))
    details = kinds["s3"].create("s3-plain-1")
    print("s3", len(kinds["s3"].processes()))
    kinds["s3"].destroy(details)
    details = kinds["nats"].create("nats-plain-1")
    print("nats", len(kinds["nats"].processes()))
    for kind in kinds.values():
        kind.stop()
finally:
    database.close()
    server.stop()
"""


def test_every_server_runs_without_root(tmp_path):
    prefix = ["unshare", "-U", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    command = [*prefix, sys.executable, "-c", textwrap.dedent(STORY), str(tmp_path / "home")]
    done = subprocess.run(
        command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert done.stdout.split("\n") == ["postgres 2", "redis 1", "s3 2", "nats 1", ""], done.stderr
