"""Factor IX: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.judge import judge
from twelve.audit.rules import f09_disposability, relevances, witnesses

RULES = f09_disposability.RULES.rules
EXPRESS = "const app = require('express')()\nconst s = app.listen(process.env.PORT)\n"
MAIN = 'package main\nfunc main() { http.ListenAndServe(":"+os.Getenv("PORT"), nil) }\n'
PARENT = "<parent><artifactId>spring-boot-starter-parent</artifactId>\n<version>{}</version></parent>"
NEST = "import { NestFactory } from '@nestjs/core'\n(await NestFactory.create(A)).listen(process.env.PORT)\n"
SILENT = "import signal\ndef hear(*_):\n    log.info('no')\nsignal.signal(signal.SIGTERM, hear)\n"
RESCUED = "class MailJob < ApplicationJob\n  def perform(id)\n    mail(id)\n  rescue => e\n    {}\n  end\nend\n"
CAUGHT = (
    "const {{ Worker }} = require('bullmq')\nnew Worker('mail', async job => {{\n"
    "  try {{ await send(job) }}\n  catch (e) {{ {} }}\n}})\n"
)
TASK = "@app.task\ndef send(id):\n    try:\n        mail(id)\n    except Exception:\n        {}\n"


def found(files):
    return [(one.rule.removeprefix("TF09-"), one.path, one.line) for one in findings(Codebase.of(files), RULES)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"package.json": '{"scripts": {"start": "node ."}, "dependencies": {"express": "4"}}', "index.js": EXPRESS},
         [("no-sigterm", "index.js", 2)]),
        ({"Procfile": "web: bin/app", "go.mod": "", "main.go": MAIN}, [("no-sigterm", "main.go", 2)]),
        ({"Procfile": "web: java -jar a.jar", "pom.xml": PARENT.format("3.1.0")}, [("no-sigterm", "pom.xml", 2)]),
        ({"Procfile": "web: python app.py", "app.py": "app.run(port=5000)"}, [("no-sigterm", "app.py", 1)]),
        ({"Procfile": "web: waitress-serve --port $PORT a:a"}, [("no-sigterm", "Procfile", 1)]),
        ({"w.js": "process.on('SIGTERM', () => {})"}, [("sigterm-ignored", "w.js", 1)]),
        ({"w.sh": "set -e\ntrap '' TERM INT\n"}, [("sigterm-ignored", "w.sh", 2)]),
        ({"Dockerfile": 'FROM x\nENTRYPOINT ["./run.sh"]', "run.sh": "#!/bin/sh\nset -e\ngunicorn a:a\n"},
         [("shell-form-cmd", "run.sh", 3)]),
        ({"t.py": TASK.format("log.error('no')")}, [("job-not-reentrant", "t.py", 5)]),
        ({"tasks.py": "import rq\ndef send(id):\n    try:\n        mail(id)\n    except:\n        pass"},
         [("job-not-reentrant", "tasks.py", 5)]),
        ({"w.py": "channel.basic_consume('q', f, auto_ack=True)"}, [("job-not-reentrant", "w.py", 1)]),
        ({"w.py": "while True:\n    job = redis.blpop('q')"}, [("job-not-reentrant", "w.py", 2)]),
        ({"Procfile": "web: node dist/main.js", "src/main.ts": NEST}, [("no-sigterm", "src/main.ts", 2)]),
        ({"Procfile": "web: bun a.ts", "a.ts": "Bun.serve({fetch})"}, [("no-sigterm", "a.ts", 1)]),
        ({"Procfile": "web: bin/app", "go.mod": "", "main.go": MAIN + "func f() { signal.Notify(c, os.Interrupt) }"},
         [("no-sigterm", "main.go", 2)]),
        ({"Procfile": "web: python a.py", "a.py": "WSGIServer(('', 80), app).serve_forever()"}, [("no-sigterm", "a.py", 1)]),
        ({"w.py": SILENT}, [("sigterm-ignored", "w.py", 4)]),
        ({"w.py": "signal.signal(signal.SIGTERM, lambda *_: None)"}, [("sigterm-ignored", "w.py", 1)]),
        ({"w.js": "process.on('SIGTERM', () => { console.log('no (yet)'); });"}, [("sigterm-ignored", "w.js", 1)]),
        ({"w.ts": "process.on('SIGTERM', () => logger.info('no'));"}, [("sigterm-ignored", "w.ts", 1)]),
        ({"w.rb": "Signal.trap('TERM') { puts 'no' }"}, [("sigterm-ignored", "w.rb", 1)]),
        ({"W.java": 'Signal.handle(new Signal("TERM"), SignalHandler.SIG_IGN);'}, [("sigterm-ignored", "W.java", 1)]),
        ({"Dockerfile": 'FROM x\nENTRYPOINT ["./run.sh"]', "run.sh": "#!/bin/sh\nmigrate\nexec npm start\n"},
         [("npm-pid1", "run.sh", 3)]),
        ({"w.go": 'package main\nmsgs, err := ch.Consume(\n q.Name, // queue\n "", // consumer\n true, // auto-ack\n false)'},
         [("job-not-reentrant", "w.go", 2)]),
        ({"w.py": "while self.running:\n    job = r.brpop('q')"}, [("job-not-reentrant", "w.py", 2)]),
        ({"j.rb": RESCUED.format("log(e)")}, [("job-not-reentrant", "j.rb", 4)]),
        ({"w.js": CAUGHT.format("console.error(e)")}, [("job-not-reentrant", "w.js", 4)]),
        ({"application.yml": "acknowledge-mode: none"}, [("job-not-reentrant", "application.yml", 1)]),
    ],
)  # fmt: skip
def test_what_is_found(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "web: node index.js", "index.js": EXPRESS + "process.once('SIGTERM', () => s.close())"},
        {"Procfile": "web: node index.js", "index.js": EXPRESS, "package.json": '{"dependencies": {"http-graceful-shutdown": "3"}}'},
        {"Procfile": "web: node index.js", "index.js": "// app.listen(1)\nrequire('express')", "lib/bus.js": "bus.listen(x)"},
        {"Procfile": "web: bin/app", "go.mod": "", "main.go": MAIN + "signal.Notify(c, syscall.SIGTERM)"},
        {"Procfile": "web: java -jar a.jar", "pom.xml": PARENT.format("3.4.1")},
        {"Procfile": "web: java -jar a.jar", "pom.xml": PARENT.format("2.7.0"), "application.properties": "server.shutdown=graceful"},
        {"Procfile": "web: python app.py", "app.py": "uvicorn.run(app, port=int(os.environ['PORT']))"},
        {"Procfile": "web: gunicorn a:a", "a.py": "if __name__ == '__main__':\n    app.run(debug=True)"},
        {"w.js": "process.on('SIGTERM', () => { server.close() })"},
        {"Dockerfile": 'FROM x\nENTRYPOINT ["./run.sh"]', "run.sh": '#!/bin/sh\nset -e\nexec "$@"\n'},
        {"Dockerfile": 'FROM x\nENTRYPOINT ["tini", "--"]\nCMD ["npm", "start"]'},
        {"t.py": TASK.format("raise")},
        {"t.py": TASK.format("send.retry()")},
        {"t.py": "@shared_task\ndef all():\n    for id in ids:\n        try:\n            mail(id)\n        except Exception:\n            pass"},
        {"views.py": "def send(id):\n    try:\n        mail(id)\n    except Exception:\n        pass"},
        {"w.py": "item = redis.lpop('recent')"},
        {"Procfile": "web: node dist/main.js", "src/main.ts": NEST + "app.enableShutdownHooks()"},
        # a mock that the server does not import
        {"Procfile": "web: node a.js", "a.js": "require('./lib/http')", "lib/http.js": EXPRESS + "process.on('SIGTERM', stop)", "mock.js": EXPRESS},
        {"Procfile": "web: bin/app", "go.mod": "", "main.go": MAIN + "func f() { signal.Notify(c, signals...) }"},
        {"Procfile": "web: bin/app", "go.mod": "", "main.go": MAIN.replace("http.", "endless."), "tools/x/main.go": MAIN},
        {"Procfile": "web: python a.py", "a.py": "from sanic import Sanic\napp.run(port=int(os.environ['PORT']))"},
        {"Procfile": "web: uwsgi uwsgi.ini", "uwsgi.ini": "[uwsgi]\ndie-on-term = true\n"},
        {"w.py": SILENT + "signal.pause()\n"},
        {"w.py": SILENT.replace("log.info('no')", "log.info('no')\n    stop.set()")},
        {"w.js": "process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });"},
        {"w.js": "process.on('SIGTERM', () => console.log('bye'));\nprocess.on('SIGTERM', () => server.close());"},
        {"w.rb": "trap('TERM') { puts 'bye'; exit }"},
        {"Dockerfile": 'FROM oven/bun\nCMD ["bun", "run", "src/index.ts"]'},
        {"j.rb": RESCUED.format("log(e)\n    raise")},
        {"j.rb": RESCUED.format("log(e)").replace("Application", "Base")},
        {"w.js": CAUGHT.format("console.error(e); throw e")},
        {"w.go": 'package main\nmsgs, err := ch.Consume(q.Name, "", false, false)'},
        {"Procfile": "web: gunicorn a:a", "a.py": "x = 1", "train.py": "import pickle\nm = pickle.load(open('m', 'rb'))"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []


@pytest.mark.parametrize(
    ("start", "verdict"),
    [
        ({"Procfile": "worker: celery -A p worker"}, "pass"),
        ({"Procfile": "web: ./answer\nworker: celery -A p worker"}, "unknown"),
        ({"Procfile": "worker: ./work"}, "unknown"),
    ],
)
def test_workers_speak_for_an_app_without_web(start, verdict):
    code = Codebase.of(start)
    (one,) = [one for one in judge(code, findings(code, RULES), witnesses(), relevances()) if one.item == "IX"]
    assert one.verdict.value == verdict
