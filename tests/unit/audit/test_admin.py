"""Factor XII: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import f12_admin

RULES = f12_admin.RULES.rules
RUN = {"Dockerfile": 'FROM x\nENTRYPOINT ["./run.sh"]'}
SH = "#!/bin/sh\n{}\nexec gunicorn a:a\n"
VIEW = "def reset():\n    db.drop_all()\n"


def found(files):
    return [
        (one.rule.removeprefix("TF12-"), one.path, one.line, one.severity.value)
        for one in findings(Codebase.of(files), RULES)
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (RUN | {"run.sh": SH.format("python manage.py migrate --noinput")}, [("migrate-on-boot", "run.sh", 2, "warning")]),
        (RUN | {"run.sh": SH.format('[ "${MIGRATE:-true}" = "true" ] && ./manage.py migrate')},
         [("migrate-on-boot", "run.sh", 2, "warning")]),
        ({"Procfile": "web: node a.js", "docker-compose.yml": "services:\n  web:\n    build: .\n    command: sh -c 'node db-reset.js && npm start'"},
         [("seed-on-boot", "docker-compose.yml", 4, "info")]),
        ({"api.yml": "operationId: api.views.reset", "api/views.py": VIEW}, [("http-admin-endpoint", "api/views.py", 2, "error")]),
        ({"a.js": "app.post('/reset', async (q, r) => { await db.dropDatabase(); r.end() })"},
         [("http-admin-endpoint", "a.js", 1, "error")]),
        ({"A.java": 's.executeUpdate("CREATE TABLE IF NOT EXISTS t (a int)");'}, [("startup-ddl", "A.java", 1, "warning")]),
        ({"application.properties": "spring.jpa.hibernate.ddl-auto=update"},
         [("startup-ddl", "application.properties", 1, "warning")]),
        ({"main.go": "db.AutoMigrate(&User{})"}, [("startup-ddl", "main.go", 1, "warning")]),
        ({"pom.xml": "spring-boot\n<artifactId>flyway-core</artifactId>"}, [("migrate-on-boot", "pom.xml", 2, "warning")]),
        ({"scripts/fix.py": "db = connect('postgresql://app:hunter2@db.example.com/app')"},
         [("admin-different-env", "scripts/fix.py", 1, "warning")]),
        ({"config/schedule.rb": "every 1.day do\n  rake 'x'\nend"}, [("cron-outside", "config/schedule.rb", 1, "warning")]),
    ],
)  # fmt: skip
def test_what_is_found(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "release: python manage.py migrate\nweb: gunicorn a:a"},
        RUN | {"run.sh": SH.format('if [ "$MIGRATE" = "true" ]; then\n  python manage.py migrate\nfi')},
        RUN | {"run.sh": SH.format('[ "$MIGRATE" = "1" ] && python manage.py migrate')},
        {"Procfile": "web: gunicorn a:a", "prestart.sh": "alembic upgrade head"},
        {"a.py": "@app.route('/reset')\n@admin_required\n" + VIEW},
        {"a.py": "@click.command()\n" + VIEW},
        {"tests/test_a.py": "db.create_all()", "migrations/1.py": "op.execute('CREATE TABLE a (b int)')"},
        {"create_db.py": "from app import db\ndb.create_all()", "Procfile": "web: gunicorn app:app", "app.py": "x = 1"},
        {"a.py": "if settings.CREATE_TABLES:\n    db.create_all()"},
        {"db/schema.sql": "CREATE TABLE a (b int);", "README.md": "CREATE TABLE"},
        {"A.java": '// s.executeUpdate("CREATE TABLE t")'},
        {"scripts/x.py": "db = connect('postgresql://localhost/app')"},
        {".dockerignore": "migrations/\n"},
        {".dockerignore": ".git\n*.md\nbin\n", "src/a.py": ""},
        {"docker-compose.yml": "services:\n  - a\n  web: [", "app.json": '{"scripts": []}', "Procfile": "web:"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []
