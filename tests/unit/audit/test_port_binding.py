"""Factor VII: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.facts import start
from twelve.audit.rules import f07_port_binding

RULES = f07_port_binding.RULES.rules


def found(files):
    return [(one.rule.removeprefix("TF07-"), one.path, one.line) for one in findings(Codebase.of(files), RULES)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # the code listens itself
        ({"Procfile": "web: node index.js", "index.js": "const app = express()\napp.listen(3000)"},
         [("port-hardcoded", "index.js", 2)]),
        ({"Procfile": "web: node index.js", "index.js": "const port = 3000\napp.listen(port)"},
         [("port-hardcoded", "index.js", 2)]),
        ({"Procfile": "web: python app.py", "app.py": "serve(app, host='0.0.0.0', port=5000)"},
         [("port-hardcoded", "app.py", 1)]),
        ({"Procfile": "web: bin/app", "go.mod": "", "main.go": 'package main\nhttp.ListenAndServe(":8080", nil)'},
         [("port-hardcoded", "main.go", 2)]),
        ({"Dockerfile": 'FROM python\nENTRYPOINT ["python"]\nCMD ["app.py"]',
          "app.py": "if __name__ == '__main__':\n    app.run(host='0.0.0.0', port=5000)"},
         [("port-hardcoded", "app.py", 2)]),
        # a server that listens on its own port when nobody says another
        ({"Procfile": "web: uvicorn app:app --host 0.0.0.0"}, [("port-hardcoded", "Procfile", 1)]),
        ({"Procfile": "web: gunicorn app:app", "gunicorn.conf.py": 'bind = "0.0.0.0:8000"'},
         [("port-hardcoded", "gunicorn.conf.py", 1)]),
        # loopback
        ({"Procfile": "web: uvicorn app:app --port $PORT"}, [("bind-loopback", "Procfile", 1)]),
        ({"Procfile": "web: node a.js", "a.js": "app.listen(process.env.PORT, '127.0.0.1')"},
         [("bind-loopback", "a.js", 1)]),
        # another variable
        ({"Procfile": "web: java -jar a.jar", "src/main/resources/application.properties": "server.port=8080"},
         [("port-other-var", "src/main/resources/application.properties", 1)]),
        ({"Procfile": "web: node a.js", "a.js": "app.listen(process.env.APP_PORT)"}, [("port-other-var", "a.js", 1)]),
        # somebody else serves
        ({"pom.xml": "<packaging>war</packaging>"}, [("external-container", "pom.xml", 1)]),
        ({"Dockerfile": "FROM php:8-apache"}, [("external-container", "Dockerfile", 1)]),
    ],
)  # fmt: skip
def test_what_is_found(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "web: gunicorn app:app --log-file -"},
        {"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port ${PORT:-8000}"},
        {"Procfile": "web: node index.js", "index.js": "const port = process.env.PORT || 5000\napp.listen(port)"},
        {"Procfile": "web: node index.js", "index.js": "app.listen(require('./config').port)"},
        {"Procfile": "web: node index.js", "index.js": "// app.listen(3000)\napp.listen(process.env.PORT)"},
        {"Procfile": "web: java -jar a.jar", "src/main/resources/application.properties": "server.port=${PORT:5000}"},
        {"Procfile": "web: java -Dserver.port=$PORT -jar a.jar", "application.properties": "server.port=8080"},
        {"Procfile": "web: bin/app", "go.mod": "", "main.go": 'package main\np := os.Getenv("PORT")\nhttp.ListenAndServe(":"+p, nil)'},
        # run by hand, while production has a server
        {"Procfile": "web: gunicorn app:app", "app.py": "if __name__ == '__main__':\n    app.run(port=5000, debug=True)"},
        {"Procfile": "web: gunicorn -c conf.py app:app", "conf.py": "import os\nbind = f\"0.0.0.0:{os.environ['PORT']}\""},
        # not what serves
        {"Procfile": "worker: celery -A app worker"},
        {"Procfile": "web: gunicorn app:app", "tests/test_a.py": "app.run(port=1)"},
        {"pom.xml": "<!-- <packaging>war</packaging> -->\n<packaging>jar</packaging>"},
        {"pom.xml": "<packaging>war</packaging><plugin>spring-boot-maven-plugin</plugin>"},
        {"Procfile": "web: node s.js", "s.js": "/* https.createServer(o, app) */\napp.listen(process.env.PORT)"},
        {"requirements.txt": "fastapi[standard]==0.115", "Procfile": "web: fastapi run"},
        # broken on purpose
        {"Procfile": "web: ", "package.json": "[1, 2", "Dockerfile": "FROM\nCMD [", "render.yaml": "services: 3"},
        {"heroku.yml": "run:\n  web: [1, 2]\n  worker:\n    - a\n"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []


def test_an_empty_file_is_no_program_of_go():
    assert start.starts(Codebase.of({"main.go": ""})) == []
    assert [one.command for one in start.starts(Codebase.of({"main.go": "package main\nfunc main() {}\n"}))] == [
        "bin/main"
    ]
