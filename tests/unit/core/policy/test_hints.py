import pytest

from twelve.core.policy.hints import clients, known_troubles, unattached

POSTGRES = "psycopg2 is among the dependencies and DATABASE_URL is not set: `twelve services add postgres -a blog`"
REDIS = "rq is among the dependencies and REDIS_URL is not set: `twelve services add redis -a blog`"

CASES = {
    "both are missing": (("psycopg2", "rq"), {"PORT": "1"}, [POSTGRES, REDIS]),
    "one is there": (("psycopg2", "rq"), {"REDIS_URL": "redis://x"}, [POSTGRES]),
    "set to something else on purpose": (("psycopg2",), {"DATABASE_URL": "sqlite:///x"}, []),
    "under another name": (("psycopg2", "rq"), {"DB": "postgresql+psycopg2://x", "CACHE_URL": "rediss://x"}, []),
    "a value that only mentions it": (("psycopg2",), {"NOTE": "see postgres://x"}, [POSTGRES]),
    "no client": ((), {}, []),
}


@pytest.mark.parametrize(("there", "config", "said"), CASES.values(), ids=CASES.keys())
def test_what_is_said_about_services(there, config, said):
    assert unattached(there, config, "blog") == said


def test_clients_are_picked_out_of_all_dependencies():
    assert clients(["flask", "redis", "psycopg2-binary", "sqlalchemy", "redis"]) == ("psycopg2-binary", "redis")
    assert clients(["celery", "kombu"]) == ()  # their broker may be anything


def test_a_known_trouble_is_told_with_its_way_out():
    last_lines = ["Traceback", "NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres"]
    (told,) = known_troubles(last_lines)
    assert told.startswith("SQLAlchemy only takes postgresql://")
    assert known_troubles(["sqlalchemy.exc.OperationalError: no such table: users"]) == []
