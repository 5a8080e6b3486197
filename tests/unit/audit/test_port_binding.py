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
        # as people write it
        ({"Procfile": "web: python manage.py runserver 0.0.0.0:8000"}, [("port-hardcoded", "Procfile", 1)]),
        ({"Procfile": "web: python manage.py runserver $PORT"}, [("bind-loopback", "Procfile", 1)]),
        ({"Procfile": "web: uwsgi --http :8000 --module app"}, [("port-hardcoded", "Procfile", 1)]),
        ({"Procfile": "web: uwsgi app.ini", "app.ini": "[uwsgi]\nhttp = 0.0.0.0:8000"}, [("port-hardcoded", "app.ini", 2)]),
        ({"Procfile": "web: puma -C config/puma.rb", "config/puma.rb": "port 3000"},
         [("port-hardcoded", "config/puma.rb", 1)]),
        ({"Procfile": "web: puma -C config/puma.rb", "config/puma.rb": "bind \"tcp://127.0.0.1:#{ENV['PORT']}\""},
         [("bind-loopback", "config/puma.rb", 1)]),
        ({"Procfile": "web: python a.py", "a.py": "app = Flask(__name__)\napp.run(host='0.0.0.0')"},
         [("port-hardcoded", "a.py", 2)]),
        ({"Procfile": "web: python a.py", "a.py": "import waitress\nserve(app, listen='0.0.0.0:8080')"},
         [("port-hardcoded", "a.py", 2)]),
        ({"Procfile": "web: python a.py", "a.py": "HTTPServer(('localhost', int(os.environ['PORT'])), H).serve_forever()"},
         [("bind-loopback", "a.py", 1)]),
        ({"Procfile": "web: node a.js", "a.js": "app.set('port', 3000)\napp.listen(app.get('port'))"},
         [("port-hardcoded", "a.js", 2)]),
        ({"Procfile": "web: node a.js", "a.js": "const config = { port: 3000 }\napp.listen(config.port)"},
         [("port-hardcoded", "a.js", 2)]),
        ({"Procfile": "web: node a.js", "a.js": "const PORT = 3000\napp.listen(PORT, () => log(`on ${PORT}`))"},
         [("port-hardcoded", "a.js", 2)]),
        ({"Procfile": "web: node a.js", "a.js": "require('./server')", "server.js": "app.listen(3000)"},
         [("port-hardcoded", "server.js", 1)]),
        ({"Procfile": "web: node ./bin/www", "bin/www": "var port = 3000\nserver.listen(port)"},
         [("port-hardcoded", "bin/www", 2)]),
        ({"package.json": '{"scripts": {"start": "nest start"}}', "src/main.ts": "await app.listen(3000)"},
         [("port-hardcoded", "src/main.ts", 1)]),
        ({"package.json": '{"scripts": {"start": "PORT=3000 node a.js"}}', "a.js": "app.listen(process.env.PORT)"},
         [("port-hardcoded", "package.json", 1)]),
        ({"Procfile": "web: node a.js", "a.js": "const host = '127.0.0.1'\nserver.listen(process.env.PORT, host)"},
         [("bind-loopback", "a.js", 2)]),
        ({"Procfile": "web: node a.js", "a.js": "const app = require('fastify')()\napp.listen({ port: process.env.PORT })"},
         [("bind-loopback", "a.js", 2)]),
        ({"Procfile": "web: ruby app.rb", "app.rb": "require 'sinatra'\nset :port, 4567"}, [("port-hardcoded", "app.rb", 2)]),
        ({"Procfile": "web: bin/a", "go.mod": "",
          "main.go": 'package main\nport := 8080\nhttp.ListenAndServe(fmt.Sprintf(":%d", port), nil)'},
         [("port-hardcoded", "main.go", 3)]),
        ({"Procfile": "web: bin/a", "go.mod": "",
          "main.go": 'package main\nhttp.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)'},
         [("bind-loopback", "main.go", 2)]),
        ({"Procfile": "web: java -jar a.jar", "pom.xml": "",
          "A.java": "static void main() {\n HttpServer.create(new InetSocketAddress(8000), 0); }"},
         [("port-hardcoded", "A.java", 2)]),
        ({"Procfile": "web: java -jar a.jar", "pom.xml": "<artifactId>spring-boot-starter-web</artifactId>"},
         [("port-other-var", "Procfile", 1)]),
        ({"build.gradle": "plugins {\n  id 'war'\n}"}, [("external-container", "build.gradle", 2)]),
        ({"Dockerfile": "FROM ubuntu:24.04\nCMD apachectl -D FOREGROUND"}, [("external-container", "Dockerfile", 2)]),
        ({"Procfile": "web: rails s", "Gemfile": "gem 'rails'\ngroup :development do\n  gem 'puma'\nend"},
         [("no-server-dep", "Gemfile", 1)]),
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
        # as people write it
        {"Procfile": "web: node a.js", "a.js": "const { PORT = 3000 } = process.env\napp.listen(PORT)"},
        {"Procfile": "web: node a.js", "a.js": "app.listen(process.env.PORT, () => console.log('on', 'localhost'))"},
        {"Procfile": "web: node a.js", "a.js": "app.listen(process.env.PORT)\nredis.connect(6379, '127.0.0.1')"},
        {"package.json": '{"scripts": {"start": "nest start"}}', "src/main.ts": "app.listen(config.get('PORT'))"},
        {"Procfile": "web: ruby app.rb", "app.rb": "require 'sinatra'\nset :bind, '0.0.0.0'"},
        {"Procfile": "web: uwsgi app.ini", "app.ini": "[uwsgi]\nhttp-socket = :$(PORT)"},
        {"Procfile": "web: python a.py", "a.py": "class S(BaseSettings):\n  port: int = 8000\nuvicorn.run(app, host='::', port=S().port)"},
        {"Procfile": "web: bin/a", "go.mod": "", "main.go":
         'package main\ngo http.ListenAndServe("localhost:6060", nil)\nhttp.ListenAndServe(":"+os.Getenv("PORT"), nil)'},
        {"build.gradle": "plugins {\n  id 'org.springframework.boot'\n  id 'war'\n}"},
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
