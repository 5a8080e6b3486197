"""Factor IX: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import f09_disposability

RULES = f09_disposability.RULES.rules
EXPRESS = "const app = require('express')()\nconst s = app.listen(process.env.PORT)\n"
MAIN = 'package main\nfunc main() { http.ListenAndServe(":"+os.Getenv("PORT"), nil) }\n'
PARENT = "<parent><artifactId>spring-boot-starter-parent</artifactId>\n<version>{}</version></parent>"
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
        {"Procfile": "web: gunicorn a:a", "a.py": "x = 1", "train.py": "import pickle\nm = pickle.load(open('m', 'rb'))"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []
