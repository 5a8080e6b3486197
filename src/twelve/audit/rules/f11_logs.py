"""Factor XI: logs are event streams to stdout; where they go is the platform's business."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import dockerfile, entries, servers, start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.manifests import python_dependencies
from twelve.audit.facts.start import Command
from twelve.audit.model import Evidence, Hit, Verdict, number
from twelve.audit.rule import ERROR, WARNING, Rulebook
from twelve.audit.rules import f11_handlers

RULES = Rulebook()
RULES.rules += f11_handlers.RULES.rules
CODE = ("python", "javascript", "typescript", "tsx", "ruby", "go", "java")
STREAM = re.compile(
    r"\bStreamHandler\b|\bbasicConfig\s*\(|\bstructlog\.|\blogging\.getLogger\b|^[ \t]*print\s*\("
    r"|\bconsole\.(?:log|error|info|warn)\s*\(|\btransports\.Console\b|\bpino\s*\(|\bmorgan\s*\("
    r"|\blog\.(?:Print|Fatal)\w*\s*\(|\bslog\.\w+\s*\(|\bzap\.New\w+\s*\(|\$stdout|\bSTDOUT\b|\bSystem\.(?:out|err)\.|\bLoggerFactory\.",
    re.MULTILINE,
)
ASKED = re.compile(
    r"\b(?:if|unless)\b[^\n]{0,200}?\b\w{0,40}(?:LOG_(?:TO_)?(?:STDOUT|CONSOLE)|STDOUT_LOG\w*|LOG2STDOUT)\b[^\n]{0,200}|"
    r"\b(?:process\.env\.)?\w*LOG_TO_(?:STDOUT|CONSOLE)\b\s*(?:===?\s*['\"]\w+['\"]\s*)?\?"
)
TO_FILE = re.compile(
    r"--(?:access-?log(?:file)?|error-?log(?:file)?|log-?file|logto2?|daemonize|log-path)[= ]\s*"
    r"['\"]?([^\s'\"|;&]+)"
)
REDIRECT = re.compile(
    r"(?<![<>\d&])(?:1|2|&)?>>?\s*(?!&)['\"]?([^\s'\"|;&)]+)|\|\s*(?:tee|rotatelogs|cronolog)\b\s+(?:-a\s+)?([^\s-]\S*)"
)
NO_FILES = {"-", "/dev/stdout", "/dev/stderr", "/dev/null", "/proc/1/fd/1", "/proc/1/fd/2", "/proc/self/fd/1"}
SERVER_FILES = {
    "gunicorn.conf.py": r"^(?:accesslog|errorlog)\s*=\s*['\"](?!-['\"]|/dev/std)([^'\"]+)",
    "gunicorn_conf.py": r"^(?:accesslog|errorlog)\s*=\s*['\"](?!-['\"]|/dev/std)([^'\"]+)",
    "uwsgi.ini": r"^[ \t]*(?:logto2?|daemonize|req-logger|logger)\s*=\s*(?!/dev/std|stdio)(\S+)",
    "puma.rb": r"^[ \t]*stdout_redirect\s*\(?\s*(['\"][^'\"]+|\S+)",
}  # fmt: skip
PRINTED = re.compile(r"^[ \t]*print\s*\((?![^\n]*(?:flush\s*=\s*True|file\s*=))", re.MULTILINE)
QUIET = re.compile(
    r"(^|/)(scripts?|tools?|bin|management|migrations|alembic|cli|notebooks?)(/|\.py$)|(^|/)(setup|manage|conftest|cli)\.py$"
)


def witness(code: Codebase) -> Iterator[Evidence]:
    """What writes to stdout or stderr: the server by itself, and the code."""
    for one in code.fact(entries.web_starts)[:1]:
        for command in one.chain:
            if server := servers.of(command):
                yield Evidence(f"{server.name} logs to stdout or stderr, and to no file", command.path, command.line)
    streams = code.extracted(streaming)
    if streams:
        file, line = streams[0][0], streams[0][1][0]
        more = f", here and in {number(len(streams) - 1, 'more file')}" if len(streams) > 1 else ""
        yield Evidence(f"Logs to the standard streams{more}", file.path, line)
    for file in code.find("pom.xml", "build.gradle*", kinds=(Kind.PRODUCTION,)):
        if "spring-boot" in file.text:
            yield Evidence("Spring Boot logs to the console and to no file unless told (its documentation)", file.path)
    for entry in code.fact(entries.web_entries):
        if entry.runs and re.search(r"\.run\s*\(|\blisten\s*\(", entry.file.text):
            yield Evidence("The server in the code writes to the standard streams", entry.file.path)


@extraction(
    language=CODE,
    needles=("StreamHandler", "basicConfig", "structlog", "getLogger", "print(", "console.", "pino", "morgan", "log.",
             "zap.", "stdout", "STDOUT", "System.out", "System.err", "LoggerFactory"),
)  # fmt: skip
def streaming(file: SourceFile) -> list[int]:
    """The first line that logs to a standard stream."""
    match = STREAM.search(file.text)
    return [file.line_at(match.start())] if match else []


@RULES.of_files(
    "TF11-stdout-opt-in",
    WARNING,
    "The log goes to stdout only when a variable asks for it.",
    fix="Log to stdout always.",
    why="Factor XI: each running process writes its event stream, unbuffered, to stdout.",
    bad={"config/environments/production.rb": 'if ENV["RAILS_LOG_TO_STDOUT"].present?\n  config.logger = x\nend\n'},
    good={"config/environments/production.rb": "config.logger = ActiveSupport::Logger.new(STDOUT)\n"},
    language=CODE,
    needles=("LOG_TO_STDOUT", "LOG_STDOUT", "LOG_TO_CONSOLE", "LOG_CONSOLE", "STDOUT_LOG", "LOG2STDOUT"),
)
def stdout_is_asked_for(file: SourceFile) -> Iterator[Hit]:
    for match in ASKED.finditer(uncommented(file)):
        if not re.search(r"['\"](?:1|true|yes|on)['\"]\s*[)\]]|!=|\bnot\b", match[0], re.IGNORECASE):
            yield Hit(file.path, file.line_at(match.start()))


@RULES.of_code(
    "TF11-server-log-to-file",
    ERROR,
    "The server or its start command writes the log to a file.",
    fix="Leave the output on stdout (`--access-logfile -`), without redirection.",
    why="Factor XI: a twelve-factor app should not attempt to write to or manage logfiles.",
    bad={"Procfile": "web: gunicorn app:app --access-logfile /var/log/app.log\n"},
    good={"Procfile": "web: gunicorn app:app --access-logfile -\n"},
)
def server_logs_to_a_file(code: Codebase) -> Iterator[Hit]:
    for order, one in enumerate((*code.fact(start.starts), *code.fact(start.in_container))):
        later = order >= len(code.fact(start.starts))
        for command in one.chain if one.type != "release" else ():
            if path := _log_file(command, stays=command is one.chain[-1]):
                verdict = Verdict.PARTIAL if later else None
                yield Hit(command.path, command.line, f"{command.program} logs to {path}.", verdict=verdict)
    for name, pattern in SERVER_FILES.items():
        for file in code.find(name, kinds=(Kind.PRODUCTION,)):
            for line, match in file.search(pattern):
                yield Hit(file.path, line, f"The server logs to {match[1].strip(chr(39) + chr(34))}.")


def _log_file(command: Command, *, stays: bool) -> str:
    if (match := TO_FILE.search(command.text)) and match[1] not in NO_FILES and not match[1].startswith("$"):
        return match[1]
    for match in REDIRECT.finditer(command.text):
        path = match[1] or match[2]
        if path not in NO_FILES and (path.endswith((".log", ".out")) or (stays and servers.of(command))):
            return path
    return ""


@RULES.of_code(
    "TF11-log-file-committed",
    WARNING,
    "A log file is under version control.",
    fix="Remove it from the repository and ignore *.log; log to stdout.",
    why="Factor XI: logs are a stream without beginning or end, not files of the codebase.",
    bad={"logs/production.log": "GET /\n"},
    good={".gitignore": "*.log\n"},
)
def log_file_in_git(code: Codebase) -> Iterator[Hit]:
    for file in code.find("*.log", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT)):
        if file.tracked and file.size:
            left = file.name.startswith(
                ("npm-debug", "yarn-", "lerna-debug", "pnpm-debug", "hs_err_pid", "build", "install")
            )
            yield Hit(file.path, None, f"{file.name} {code.keeps}.", verdict=Verdict.PASS if left else None)


@RULES.of_code(
    "TF11-buffered-stdout",
    WARNING,
    "Python's output is buffered, so that log lines come late or get lost.",
    fix="Set PYTHONUNBUFFERED=1 in the image.",
    why="Factor XI: each running process writes its event stream, unbuffered, to stdout.",
    bad={"Dockerfile": 'FROM python:3.12\nCMD ["python", "app.py"]\n', "app.py": "print('started')\n"},
    good={
        "Dockerfile": 'FROM python:3.12\nENV PYTHONUNBUFFERED=1\nCMD ["python", "app.py"]\n',
        "app.py": "print('started')\n",
    },
)
def buffered(code: Codebase) -> Iterator[Hit]:
    """Of images: Heroku's Python buildpack and twelve set it themselves."""
    web = code.fact(start.web)
    stage = next(iter(dockerfile.production_stages(code)), None)
    if web is None or web.origin != "Dockerfile" or stage is None or not web.chain:
        return
    is_python = "python" in web.chain[-1].text or bool(servers.of(web.chain[-1]) and code.fact(python_dependencies))
    unbuffered = any("PYTHONUNBUFFERED" in one.value for one in stage.instructions) or " -u " in web.chain[-1].text
    printing = [file for file, _ in code.extracted(prints) if not QUIET.search(file.path)]
    if is_python and not unbuffered and printing:
        yield Hit(web.path, web.line, f"{printing[0].path} prints, and PYTHONUNBUFFERED is not set.")


@extraction(language="python", needles=("print(", "print ("))
def prints(file: SourceFile) -> list[int]:
    match = PRINTED.search(file.text)
    return [file.line_at(match.start())] if match else []
