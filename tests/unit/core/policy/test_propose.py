import json

import pytest

from twelve.core.formats import app_json, env_example, procfile
from twelve.core.policy.missing_files import missing_files
from twelve.core.policy.propose import CodebaseFacts, process_types


def facts(*dependencies, files=(), **others):
    return CodebaseFacts(files=frozenset(files), dependencies=frozenset(dependencies), **others)


MANAGE = "python manage.py"
MIGRATE = f"{MANAGE} migrate --noinput"

CASES = [
    ("nothing known", facts(), {}),
    (
        "Django with gunicorn",
        facts("django", "gunicorn", files=["manage.py"], django_settings="mysite.settings"),
        {"release": MIGRATE, "web": "gunicorn --bind 0.0.0.0:$PORT mysite.wsgi:application"},
    ),
    (
        "Django with settings by environment",
        facts("django", "gunicorn", files=["manage.py"], django_settings="config.settings.production"),
        {"release": MIGRATE, "web": "gunicorn --bind 0.0.0.0:$PORT config.wsgi:application"},
    ),
    (
        "Django below the root",
        facts("django", "gunicorn", files=["src/manage.py"], django_settings="mysite.settings"),
        {
            "release": "python src/manage.py migrate --noinput",
            "web": "gunicorn --chdir src --bind 0.0.0.0:$PORT mysite.wsgi:application",
        },
    ),
    (
        "Django on ASGI",
        facts("django", "uvicorn", files=["manage.py"], django_settings="mysite.settings"),
        {"release": MIGRATE, "web": "uvicorn --host 0.0.0.0 --port $PORT mysite.asgi:application"},
    ),
    (
        "Django without a server",
        facts("django", files=["manage.py"], django_settings="mysite.settings"),
        {"release": MIGRATE, "web": "python manage.py runserver 0.0.0.0:$PORT --noreload"},
    ),
    (
        "Django with Celery",
        facts("django", "celery", files=["manage.py"], django_settings="mysite.settings"),
        {
            "release": MIGRATE,
            "web": "python manage.py runserver 0.0.0.0:$PORT --noreload",
            "worker": "celery --app mysite worker --loglevel info",
        },
    ),
    ("a library that has Django among its dependencies", facts("django"), {}),
    (
        "FastAPI with migrations",
        facts("fastapi", "alembic", files=["alembic.ini"], asgi_apps=("app.main:app",)),
        {"release": "alembic upgrade head", "web": "uvicorn --host 0.0.0.0 --port $PORT app.main:app"},
    ),
    (
        "migrations somebody else's tool runs",
        facts("fastapi", files=["alembic.ini"], asgi_apps=("app.main:app",)),
        {"web": "uvicorn --host 0.0.0.0 --port $PORT app.main:app"},
    ),
    (
        "Flask with migrations",
        facts("flask", "gunicorn", "flask-migrate", files=["migrations/env.py"], wsgi_apps=("app:create_app()",)),
        {
            "release": "flask --app 'app:create_app()' db upgrade",
            "web": "gunicorn --bind 0.0.0.0:$PORT 'app:create_app()'",
        },
    ),
    (
        "Flask with gunicorn",
        facts("flask", "gunicorn", wsgi_apps=("app:app",)),
        {"web": "gunicorn --bind 0.0.0.0:$PORT app:app"},
    ),
    (
        "Flask with a factory",
        facts("flask", "gunicorn", wsgi_apps=("app:create_app()",)),
        {"web": "gunicorn --bind 0.0.0.0:$PORT 'app:create_app()'"},
    ),
    (
        "Flask with waitress and a factory",
        facts("flask", "waitress", wsgi_apps=("app:create_app()",)),
        {"web": "waitress-serve --port=$PORT --call app:create_app"},
    ),
    (
        "Flask without a server",
        facts("flask", wsgi_apps=("notes.web:app",)),
        {"web": "flask --app notes.web:app run --host 0.0.0.0 --port $PORT"},
    ),
    (
        "Flask that finds its own app",
        facts("flask", files=["app.py"]),
        {"web": "flask run --host 0.0.0.0 --port $PORT"},
    ),
    ("Flask and no app", facts("flask", files=["util.py"]), {}),
    (
        "another WSGI framework",
        facts("bottle", "gunicorn", wsgi_apps=("app:app",)),
        {"web": "gunicorn --bind 0.0.0.0:$PORT app:app"},
    ),
    (
        "FastAPI",
        facts("fastapi", asgi_apps=("main:app",)),
        {"web": "uvicorn --host 0.0.0.0 --port $PORT main:app"},
    ),
    (
        "FastAPI with a factory and a worker",
        facts("fastapi", "uvicorn", "celery", asgi_apps=("main:make()",), celery_apps=("tasks:app",)),
        {
            "web": "uvicorn --host 0.0.0.0 --port $PORT --factory main:make",
            "worker": "celery --app tasks:app worker --loglevel info",
        },
    ),
    (
        "Starlette on hypercorn",
        facts("starlette", "hypercorn", asgi_apps=("main:app",)),
        {"web": "hypercorn --bind 0.0.0.0:$PORT main:app"},
    ),
    (
        "only a worker",
        facts("celery", celery_apps=("tasks",)),
        {"worker": "celery --app tasks worker --loglevel info"},
    ),
    (
        "Node with a start script",
        facts(
            "express", files=["package.json", "server.js"], npm_scripts={"start": "node x.js", "worker": "node w.js"}
        ),
        {"web": "npm start", "worker": "npm run worker"},
    ),
    (
        "Node with main",
        facts(files=["package.json", "src/app.js"], npm_main="./src/app.js"),
        {"web": "node src/app.js"},
    ),
    ("Node with server.js", facts(files=["package.json", "server.js"], npm_main="gone.js"), {"web": "node server.js"}),
    ("a Node library", facts(files=["package.json"], npm_main="dist/index.js"), {}),
    (
        "Python with its pages built by Node",
        facts("flask", files=["package.json", "app.py"], npm_scripts={"start": "vite"}),
        {"web": "flask run --host 0.0.0.0 --port $PORT"},
    ),
]


@pytest.mark.parametrize(("codebase", "types"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_codebase_runs(codebase, types):
    assert process_types(codebase) == types


@pytest.mark.parametrize("codebase", [case[1] for case in CASES if case[2]], ids=[case[0] for case in CASES if case[2]])
def test_every_proposed_procfile_is_a_good_one(codebase):
    assert procfile.parse(missing_files(codebase)["Procfile"].encode()) == (process_types(codebase), [])


NOTES = facts(
    "flask",
    files=["app.py"],
    name="notes",
    required_keys={
        "SECRET_KEY": "app.py:3",
        "DATABASE_URL": "app.py:4",
        "CELERY_BROKER_URL": "tasks.py:1",
        "PORT": "app.py:9",
    },
    optional_keys={"GREETING": "app.py:5", "SECRET_KEY": "app.py:7"},
)


def test_what_init_proposes():
    proposed = missing_files(NOTES)
    assert list(proposed) == ["Procfile", ".env.example", "app.json"]
    assert proposed[".env.example"] == (
        "# The config this app reads. Copy to .env for development and fill in; lines with # are optional.\n\n"
        "# app.py:3\nSECRET_KEY=\n\n"
        "# app.py:4, set by the attached postgres\nDATABASE_URL=\n\n"
        "# tasks.py:1, set by the attached redis\nCELERY_BROKER_URL=\n\n"
        "# app.py:5\n#GREETING=\n"
    )
    assert json.loads(proposed["app.json"]) == {
        "name": "notes",
        "addons": ["postgres", {"plan": "redis", "as": "CELERY_BROKER"}],
        "formation": {"web": {"quantity": 1}},
    }


def test_what_init_proposes_can_be_read_back():
    proposed = missing_files(NOTES)
    assert list(env_example.parse(proposed[".env.example"].encode())) == [
        "SECRET_KEY",
        "DATABASE_URL",
        "CELERY_BROKER_URL",
    ]
    assert app_json.parse(proposed["app.json"].encode())[1] == []


@pytest.mark.parametrize("file", ["Procfile", ".env.example", "app.json"])
def test_what_is_there_is_left_alone(file):
    codebase = facts("flask", files=["app.py", file], required_keys={"SECRET_KEY": "app.py:3"})
    assert file not in missing_files(codebase, {"web": "x"})


def test_the_formation_names_the_types_of_a_procfile_that_is_there():
    codebase = facts("flask", files=["app.py", "Procfile"])
    proposed = missing_files(codebase, {"release": "r", "web": "w", "clock": "c"})
    assert json.loads(proposed["app.json"]) == {"formation": {"web": {"quantity": 1}, "clock": {"quantity": 1}}}


def test_a_codebase_nobody_recognises_gets_no_proposal():
    assert missing_files(facts(files=["index.html"])) == {}
