"""Factor VIII: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import f08_concurrency

RULES = f08_concurrency.RULES.rules
WEB = {"Procfile": "web: gunicorn app:app"}
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
        ({"Procfile": "web: ./run.sh", "run.sh": "#!/bin/sh\ncron\nexec gunicorn a:a\n"}, [("daemonize", "run.sh", 2)]),
        ({"Procfile": "web: bin/rails s -d -p $PORT"}, [("daemonize", "Procfile", 1)]),
        ({"Procfile": "web: gunicorn a:a", "gunicorn.conf.py": "daemon = True\npidfile = '/tmp/g.pid'\nworkers = 4\n"},
         [("daemonize", "gunicorn.conf.py", 1), ("pidfile", "gunicorn.conf.py", 2), ("fixed-workers", "gunicorn.conf.py", 3)]),
        ({"main.go": "package main\nfunc main() { d, _ := ctx.Reborn() }"}, [("daemonize", "main.go", 2)]),
        ({"w.rb": "require 'daemons'\nDaemons.run('impl.rb')"}, [("daemonize", "w.rb", 2)]),
        ({"Procfile": "worker: ./w.sh", "w.sh": "#!/bin/sh\nwhile true\ndo\n  python bot.py\n  sleep 1\ndone\n"},
         [("nested-supervisor", "w.sh", 2)]),
        ({"config/puma.rb": "before_fork { PumaWorkerKiller.enable_rolling_restart }"},
         [("nested-supervisor", "config/puma.rb", 1)]),
        ({"config/puma.rb": "port ENV['PORT']\nplugin :solid_queue\n"}, [("multi-process-container", "config/puma.rb", 2)]),
        ({"uwsgi.ini": "[uwsgi]\nattach-daemon = celery -A p worker\n"}, [("multi-process-container", "uwsgi.ini", 2)]),
        ({"config/unicorn.rb": "pid '/tmp/u.pid'\n"}, [("pidfile", "config/unicorn.rb", 1)]),
        ({"a.py": "PIDFILE = '/tmp/a.pid'\nwith open(PIDFILE, 'w') as f:\n    f.write(str(os.getpid()))"}, [("pidfile", "a.py", 2)]),
        ({"a.py": "Path('a.pid').write_text(str(os.getpid()))"}, [("pidfile", "a.py", 1)]),
        ({"a.js": "fs.writeFileSync(PID_FILE, String(process.pid))"}, [("pidfile", "a.js", 1)]),
        (WEB | {"app.py": "from scheduler import go\ngo()\n", "scheduler.py": "def go():\n    BackgroundScheduler().start()\n"},
         [("in-web-background", "scheduler.py", 2)]),
        (WEB | {"app.py": "async def poll():\n    while True:\n        await sync()\n        await asyncio.sleep(60)\n"
                          "async def lifespan(app):\n    asyncio.create_task(poll())\n"},
         [("in-web-background", "app.py", 6)]),
        (WEB | {"app.py": "def tick():\n    sync()\n    threading.Timer(60, tick).start()\n"}, [("in-web-background", "app.py", 3)]),
        ({"Procfile": "web: node a.js", "a.js": "require('./cron')", "cron.js": "nodeCron.schedule('* * * * *', f)"},
         [("in-web-background", "cron.js", 1)]),
        ({"Procfile": "web: node a.js", "a.js": "const { Worker } = require('bullmq')\nnew Worker('mail', send)"},
         [("in-web-background", "a.js", 2)]),
        ({"Procfile": "web: puma", "config/initializers/scheduler.rb": "Thread.new do\n  loop do\n    sync\n  end\nend"},
         [("in-web-background", "config/initializers/scheduler.rb", 1)]),
        ({"Procfile": "web: java -jar a.jar", "T.java": "pool.scheduleAtFixedRate(this::sync, 0, 1, HOURS);"},
         [("in-web-background", "T.java", 1)]),
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
        {"a.py": "pid = int(open('/run/a.pid').read())\nos.remove('a.pid')"},
        {"a.py": "if args.daemon:\n    daemonize()"},
        {"gunicorn.conf.py": "daemon = False\npidfile = None\n", "config/puma.rb": "# daemonize\nplugin :solid_queue if ENV['SOLID_QUEUE_IN_PUMA']\n"},
        {"Procfile": "web: ./run.sh", "run.sh": "#!/bin/sh\nwhile true; do nc -z db 5432 && break; sleep 1; done\nexec gunicorn a:a\n"},
        {"Procfile": "web: nginx -g 'daemon off;'\nclock: cron -f"},
        # only what other process types import
        {"Procfile": "web: node a.js\nworker: node w.js", "a.js": "", "w.js": "require('./lib/sync')", "lib/sync.js": "cron.schedule('* * * * *', f)"},
        WEB | {"Procfile": "web: gunicorn app:app\nclock: python -m a.run", "app.py": "", "a/run.py": "from a.periodic import go", "a/periodic.py": "BackgroundScheduler()"},
        WEB | {"app.py": "if __name__ == '__main__':\n    BackgroundScheduler().start()\nDOC = 'BackgroundScheduler()'"},
        WEB | {"app.py": "async def beat(ws):\n    while True:\n        await sleep(9)\n@app.websocket('/')\nasync def f(ws):\n    create_task(beat(ws))"},
        {"Procfile": "web: gunicorn app:app", "a.py": "subprocess.Popen(cmd, preexec_fn=os.setsid)\nos.setsid()\n"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []
