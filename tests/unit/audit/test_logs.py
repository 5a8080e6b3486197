"""Factor XI: what is found, and what only looks like it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import f11_logs

RULES = f11_logs.RULES.rules
GUARDED = """
LOG_TO_FILE = os.getenv("LOG_TO_FILE", "False") == "True"
to_file = {"class": "logging.handlers.RotatingFileHandler", "filename": "a.log"}
if LOG_TO_FILE:
    LOGGING["handlers"]["file"] = to_file
"""


def found(files):
    return [
        (one.rule.removeprefix("TF11-"), one.path, one.line, one.verdict.value)
        for one in findings(Codebase.of(files), RULES)
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"s.py": "LOGGING = {'handlers': {'f': {'class': 'logging.FileHandler', 'filename': 'a.log'}}}"},
         [("file-handler", "s.py", 1, "fail")]),
        ({"s.py": GUARDED}, [("file-handler", "s.py", 3, "pass")]),
        ({"s.py": GUARDED.replace('"False"', '"True"')}, [("file-handler", "s.py", 3, "fail")]),
        ({"s.py": "if settings.LOG_FILE:\n    log.addHandler(FileHandler(settings.LOG_FILE))"},
         [("file-handler", "s.py", 2, "pass")]),
        ({"s.py": "if not app.debug:\n    log.addHandler(FileHandler('a.log'))"}, [("file-handler", "s.py", 2, "fail")]),
        ({"s.py": "if app.config['LOG_TO_STDOUT']:\n    pass\nelse:\n    h = RotatingFileHandler('a.log')"},
         [("stdout-opt-in", "s.py", 1, "partial"), ("file-handler", "s.py", 4, "fail")]),
        ({"s.py": "logging.basicConfig(level=10, filename='a.log')"}, [("file-handler", "s.py", 1, "fail")]),
        ({"s.py": "with open('logs/app.log', 'a') as log:\n    log.write('hit')"}, [("file-handler", "s.py", 1, "fail")]),
        ({"s.py": "out = open(os.path.join(HERE, 'app.log'), mode='w')"}, [("file-handler", "s.py", 1, "fail")]),
        ({"s.py": "with (Path(folder) / f'{name}.log').open('a') as log:\n    pass"},
         [("file-handler", "s.py", 1, "fail")]),
        ({"s.py": "if app.config['MAIL_SERVER']:\n    h = SMTPHandler(mailhost=x)"}, [("log-shipping", "s.py", 2, "pass")]),
        ({"l.js": "const l = createLogger({transports: [new winston.transports.File({filename: 'a.log'})]})"},
         [("file-handler", "l.js", 1, "fail")]),
        ({"m.go": 'log.SetOutput(&lumberjack.Logger{Filename: "a"})'}, [("file-handler", "m.go", 1, "fail")]),
        ({"logback.xml": '<appender name="F" class="ch.qos.logback.core.rolling.RollingFileAppender">'},
         [("file-handler", "logback.xml", 1, "fail")]),
        ({"app.properties": "logging.file.name=app.log"}, [("file-handler", "app.properties", 1, "fail")]),
        ({"Procfile": "web: node a.js >> app.log 2>&1"}, [("server-log-to-file", "Procfile", 1, "fail")]),
        ({"Procfile": "web: gunicorn a:a", "gunicorn.conf.py": 'accesslog = "/var/log/a.log"'},
         [("server-log-to-file", "gunicorn.conf.py", 1, "fail")]),
        ({"npm-debug.log": "x"}, [("log-file-committed", "npm-debug.log", None, "pass")]),
    ],
)  # fmt: skip
def test_what_is_found(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"s.py": "LOGGING = {'handlers': {'n': {'class': 'logging.NullHandler'}}}"},
        {"s.py": "h = logging.FileHandler('/dev/stdout')"},
        {"scripts/s.py": "out = open('out.log', 'w')"},
        {"s.py": "for line in open('app.log'):\n    print(line)"},
        {"s.py": "text = Path('app.log').open(encoding='utf-8').read()"},
        {"s.py": "with open('app.login', 'w') as out:\n    pass"},
        {"s.py": "import logging\nlogging.basicConfig(level=20)"},
        {"s.py": "# FileHandler('a.log')\nx = 'FileHandler'"},
        {"s.py": "class HTTPHandler(Base):\n    pass"},
        {"l.js": "// new winston.transports.File({})\nnew winston.transports.Console()"},
        {"logback.xml": '<!-- <appender class="x.RollingFileAppender"> --><appender class="ConsoleAppender">'},
        {"Procfile": "web: gunicorn a:a --log-file - --access-logfile /dev/stdout --error-logfile=-"},
        {"Procfile": "web: echo ok > status.txt && node a.js 2>&1"},
        {"tests/app.log": "x", "docs/sample.log": "x"},
        {"Procfile": "web: python app.py", "app.py": "print('x')"},
        {"Dockerfile": 'FROM python\nCMD ["python", "-u", "app.py"]', "app.py": "print('x')"},
        {"s.py": "def broken(:\n  FileHandler('x')"},
        {"m.go": 'f, _ := os.Create("report.csv")'},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []
