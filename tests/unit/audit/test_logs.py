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

RAILS = {"Gemfile": "gem 'rails'", "config/environments/production.rb": "config.log_level = :info"}
DOCKER = {"Dockerfile": 'FROM python\nCMD ["python", "app.py"]'}


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
        ({"app.log.1": "x", "nohup.out": "x"},
         [("log-file-committed", "app.log.1", None, "partial"), ("log-file-committed", "nohup.out", None, "partial")]),
        *(({path: text}, [("file-handler", path, line, "fail")]) for path, line, text in [
            ("s.py", 2, "from loguru import logger\nlogger.add(LOGS / 'app.log')"),
            ("s.py", 2, "LOG_FILE = 'app.log'\nwith open(LOG_FILE, 'a') as log:\n    pass"),
            ("s.py", 1, "sys.stdout = open('out.txt', 'w')"),
            ("logging.conf", 2, "[handler_file]\nclass=handlers.RotatingFileHandler"),
            ("logging.json", 1, '{"f": {"class": "logging.handlers.RotatingFileHandler"}}'),
            ("l.js", 1, "winston.add(winston.transports.File, { filename: 'x.log' })"),
            ("l.js", 1, "bunyan.createLogger({ streams: [{ level: 'info', path: '/var/log/x.log' }] })"),
            ("l.js", 1, "fs.appendFileSync(this.logFile, line)"),
            ("l.js", 2, "if (process.env.NODE_ENV === 'production') {\n  log.add(new transports.File({}))\n}"),
            ("l.rb", 1, "file = File.new(\"#{root}/log/x.log\", 'a+')"),
            ("m.go", 1, "f, err := os.OpenFile(cfg.Path, os.O_APPEND, 0666)\nif err != nil {\n}\nlog.SetOutput(f)\n"),
            ("m.go", 1, 'cfg.OutputPaths = []string{"stdout", "/var/log/a.log"}'),
            ("src/main/resources/application.yml", 1, "logging:\n  level:\n    root: INFO\n  file:\n    name: a.log\n"),
        ]),
        *(({path: text}, [("log-shipping", path, line, "partial")]) for path, line, text in [
            ("s.py", 1, "class H(logging.Handler):\n    def emit(self, record):\n        requests.post(URL, json=record)"),
            ("s.py", 2, "import google.cloud.logging\nclient.setup_logging()"),
            ("l.js", 1, "pino({ transport: { target: 'pino-loki' } })"),
            ("l.rb", 1, "SemanticLogger.add_appender(appender: :elasticsearch)"),
            ("m.go", 1, 'hook, err := lSyslog.NewSyslogHook("udp", "h", 1, "")'),
            ("log4j.properties", 1, "log4j.appender.S=org.apache.log4j.net.SyslogAppender"),
        ]),
        ({"l.js": "if (process.env.LOG_TO_CONSOLE === 'true') log.add(x)"}, [("stdout-opt-in", "l.js", 1, "partial")]),
        ({"l.js": "if (process.env.NODE_ENV !== 'production') {\n  log.add(new winston.transports.Console())\n}"},
         [("stdout-opt-in", "l.js", 1, "partial")]),
        *(({"Procfile": f"worker: {command}"}, [("server-log-to-file", "Procfile", 1, "fail")]) for command in [
            "python app.py > out.txt", "python -u app.py 2>&1 | tee logs/app.txt", "bundle exec sidekiq -L log/sidekiq.log",
            "celery -A p worker -f celery.log", "java -Dlogging.file.name=a.log -jar a.jar",
        ]),
        ({"Procfile": "web: supervisord -n", "supervisord.conf": "[program:web]\nstdout_logfile=/var/log/web.log"},
         [("server-log-to-file", "supervisord.conf", 2, "fail")]),
        (RAILS, [("server-log-to-file", "config/environments/production.rb", None, "fail")]),
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
        {"m.go": 'cfg.OutputPaths = []string{"stdout", "stderr"}'},
        {"s.py": "from urllib.request import HTTPHandler\nopener = build_opener(HTTPHandler())"},
        {"s.py": "class H(logging.Handler):\n    def emit(self, record):\n        logger.opt(depth=6).log(record.levelname, 'x')"},
        {"l.js": "pino(pino.destination({ sync: false }))"},
        {"l.rb": "Logger.new('/dev/stdout')"},
        {"application.yml": "logging:\n  level:\n    root: INFO\nfile:\n  name: x\n"},
        {"values.yml": "logging:\n  file: x\n"},
        {"Procfile": "web: gunicorn a:a", "supervisord.conf": "[program:web]\nstdout_logfile=/var/log/web.log"},
        {"Procfile": "web: ./run.sh", "run.sh": "echo $KEY > /tmp/key.json\nexec gunicorn a:a\n"},
        RAILS | {"config/application.rb": "config.logger = Logger.new($stdout)"},
        RAILS | {"Gemfile": "gem 'rails'\ngem 'rails_12factor'"},
        DOCKER | {"app.py": "print(\n    'x',\n    flush=True,\n)"},
        DOCKER | {"app.py": 'DOC = """\nprint(1)\n"""'},
        DOCKER | {"app.py": "print('x')", "k8s/d.yml": "env:\n- name: PYTHONUNBUFFERED\n  value: '1'"},
    ],
)  # fmt: skip
def test_what_is_not(files):
    assert found(files) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("l.js", "if (process.env.LOG_FILE) {\n  const o = {};\n  log.add(new transports.File({}))\n}"),
        ("l.js", "if (process.env.LOG_TO_FILE === 'true') log.add(new transports.File({}))"),
        ("l.js", "process.env.LOG_FILE && log.add(new transports.File({}))"),
        ("l.js", "if (process.env.NODE_ENV !== 'production') {\n  log.add(new transports.File({}))\n}"),
        ("m.go", 'if cfg.LogFile != "" {\n  log.SetOutput(&lumberjack.Logger{})\n}'),
        ("logback-spring.xml", '<springProfile name="dev">\n<appender class="ch.qos.logback.core.FileAppender"/>'),
    ],
)
def test_what_somebody_has_to_ask_for_is_a_warning_that_costs_no_verdict(path, text):
    (one,) = findings(Codebase.of({path: text}), RULES)
    assert (one.rule, one.severity.value, one.verdict.value) == ("TF11-file-handler", "warning", "pass")
