"""Factor VIII: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import f08_concurrency

RULES = f08_concurrency.RULES.rules
CELERY = {"requirements.txt": "celery==5\n", "settings.py": "CELERY_BROKER_URL = os.environ['AMQP_URL']\n"}


def found(files):
    return [(one.rule.removeprefix("TF08-"), one.path, one.line) for one in findings(Codebase.of(files), RULES)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Procfile": "web: nohup gunicorn app:app &"}, [("daemonize", "Procfile", 1)]),
        ({"Procfile": "web: ./run.sh", "run.sh": "#!/bin/sh\npm2 start server.js\n"},
         [("daemonize", "run.sh", 2), ("nested-supervisor", "run.sh", 2)]),
        ({"d.py": "import os\nif os.fork(): raise SystemExit\nos.setsid()\n"}, [("daemonize", "d.py", 3)]),
        ({"Dockerfile": 'FROM python\nCMD ["supervisord", "-n"]'}, [("nested-supervisor", "Dockerfile", 2)]),
        ({"Procfile": "web: python app.py", "app.py": "app.run(debug=True)"}, [("nested-supervisor", "app.py", 1)]),
        ({"Procfile": "web: ./run.sh", "run.sh": "#!/bin/sh\ncelery -A a worker &\nexec gunicorn a:app\n"},
         [("multi-process-container", "run.sh", 2)]),
        ({"Procfile": "web: honcho start"}, [("multi-process-container", "Procfile", 1)]),
        ({"lib/w.rb": "File.write('tmp/app.pid', Process.pid)"}, [("pidfile", "lib/w.rb", 1)]),
        (CELERY | {"Procfile": "web: gunicorn app:app"}, [("no-process-types", "settings.py", 1)]),
        ({"Procfile": "web: node a.js", "a.js": "cron.schedule('* * * * *', send)"}, [("in-web-background", "a.js", 1)]),
    ],
)  # fmt: skip
def test_what_is_found(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(
    "files",
    [
        # a host's supervisor is not inside the process
        {"Procfile": "web: gunicorn app:app", "deployment/supervisor/app.conf": "[program:app]\ncommand=gunicorn app:app"},
        {"Procfile": "web: gunicorn app:app 2>&1"},
        {"Procfile": "web: ./manage.py check && gunicorn app:app --worker-tmp-dir /dev/shm"},
        {"Procfile": "web: celery -A app worker --pidfile=\nworker: rq worker"},
        {"Procfile": "web: node a.js", "a.js": "console.log(process.pid); // fs.writeFileSync('a.pid')"},
        # run by hand
        {"Procfile": "web: gunicorn app:app", "app.py": "if __name__ == '__main__':\n    app.run(debug=True)"},
        CELERY | {"Procfile": "web: gunicorn app:app\nworker: celery -A app worker"},
        CELERY | {"Procfile": "web: gunicorn app:app", "docker-compose.yml": "services:\n  w:\n    command: celery -A a worker"},
        {"requirements.txt": "celery==5\n", "Procfile": "web: gunicorn app:app"},
        {"Procfile": "web: gunicorn app:app\nclock: python jobs/clock.py", "jobs/clock.py": "schedule.every(5).minutes.do(f)"},
        {"Procfile": "web: gunicorn app:app", "app.py": "Thread(target=send, daemon=True).start()\ndef send():\n    post()\n"},
        {"Procfile": "web: gunicorn app:app", "a.py": "subprocess.Popen(cmd, preexec_fn=os.setsid)\nos.setsid()\n"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []
