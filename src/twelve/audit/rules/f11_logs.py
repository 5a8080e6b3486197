"""Factor XI: logs are event streams to stdout; where they go is the platform's business."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import dockerfile, entries, server_files, servers, start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.manifests import python_dependencies
from twelve.audit.facts.pythons import calls, name_of
from twelve.audit.facts.server_files import GUNICORN, PUMA, UNICORN, UWSGI
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
# As winston's documentation once had it, beside transports to files.
CONSOLE_ASIDE = re.compile(
    r"\bif\s*+\(\s*+process\.env\.NODE_ENV\s*+!==?\s*+['\"]production['\"]\s*+\)[\s{]*+\w{1,40}\s*+\.add\([\s(]*+new[\s(]++"
    r"(?:winston\.)?transports\.Console\b"
)
LOGGER = re.compile(r"\blogger\s*=(?![=~])|\bSemanticLogger\b|\brails_semantic_logger\b")
TO_FILE = re.compile(
    r"--(?:access-?log(?:file)?|error-?log(?:file)?|log-?file|logto2?|daemonize|log-path)[= ]\s*"
    r"['\"]?([^\s'\"|;&]+)|^(?:celery\b.*\s-f|sidekiq\b.*\s-L|pm2-runtime\b.*\s-[oel])\s+(\S+)|\s-{1,2}D?logging\.file(?:\.name|\.path)?=(\S+)"
)
REDIRECT = re.compile(
    r">\(\s*tee\s+(?:-a\s+)?([^\s)]+)|(?<![<>\d&])(?:1|2|&)?>>?\s*(?![&>])['\"]?([^\s'\"|;&)]+)|\|\s*(?:tee|rotatelogs|cronolog)\b\s+(?:-a\s+)?([^\s-]\S*)"
)
NO_FILES = {"-", "/dev/stdout", "/dev/stderr", "/dev/null", "/proc/1/fd/1", "/proc/1/fd/2", "/proc/self/fd/1"}
SERVER_FILES = {
    GUNICORN: re.compile(r"^(?:accesslog|errorlog)\s*=\s*['\"](?!-['\"]|/dev/std)([^'\"]+)", re.MULTILINE),
    UWSGI: re.compile(
        r"^[ \t]*(?:logto2?|daemonize|req-logger|logger)[ \t]*=[ \t]*(?!/dev/std|stdio)(\S+)", re.MULTILINE
    ),
    PUMA: re.compile(r"^[ \t]*stdout_redirect[ \t(]*(['\"][^'\"]+|\S+)", re.MULTILINE),
    UNICORN: re.compile(r"^[ \t]*std(?:err|out)_path[ \t(]*(['\"](?!/dev/)[^'\"]+)", re.MULTILINE),
}
# Of what supervises inside the process: as long as it is started at all.
SUPERVISED: dict[str, dict[tuple[str, ...], re.Pattern[str]]] = {
    "supervisord": {("supervisord.conf", "supervisor.conf"): re.compile(
        r"^[ \t]*std(?:out|err)_logfile[ \t]*=[ \t]*(?!/dev/|NONE\b|syslog\b)(\S+)", re.MULTILINE
    )},
    "pm2": {("ecosystem.config.*js", "pm2.config.*js"): re.compile(
        r"\b(?:out_file|error_file|log_file)\s*:\s*['\"](?!/dev/)([^'\"]+)"
    )},
}  # fmt: skip
RUNTIMES = re.compile(r"^(?:python[\d.]*|node|ruby|java|bun|deno|npm|yarn|rails|flask|celery|sidekiq)$")
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
    needles=(
        "LOG_TO_STDOUT",
        "LOG_STDOUT",
        "LOG_TO_CONSOLE",
        "LOG_CONSOLE",
        "STDOUT_LOG",
        "LOG2STDOUT",
        "transports.Console",
    ),
)
def stdout_is_asked_for(file: SourceFile) -> Iterator[Hit]:
    for match in ASKED.finditer(uncommented(file)):
        if not re.search(r"(?:,|\|\||\?\?|\bor\b)\s*['\"](?:1|true|yes|on)['\"]|!=|\bnot\b", match[0], re.IGNORECASE):
            yield Hit(file.path, file.line_at(match.start()))
    if file.text.count("transports.Console") == 1 and (match_ := CONSOLE_ASIDE.search(uncommented(file))):
        yield Hit(file.path, file.line_at(match_.start()), "The log goes to stdout in development only.")


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
    for file, line, match in server_files.told(code, SERVER_FILES):
        yield Hit(file.path, line, f"The server logs to {match[1].strip(chr(39) + chr(34))}.")
    programs = {command.program for one in code.fact(start.starts) for command in one.chain}
    for program, patterns in SUPERVISED.items():
        if any(name.startswith(program) for name in programs):
            for file, line, match in server_files.told(code, patterns):
                yield Hit(file.path, line, f"{program} logs to {match[1]}.")
    yield from _rails(code)


def _rails(code: Codebase) -> Iterator[Hit]:
    """Rails itself writes log/production.log until it is given another logger."""
    gemfile, production = code.get("Gemfile"), code.get("config/environments/production.rb")
    if gemfile and production and re.search(r"^[ \t]*gem\s+['\"]rails['\"]", gemfile.text, re.MULTILINE):
        told = [file for path, file in code.files.items() if path.startswith("config/") and file.language == "ruby"]
        given = any(LOGGER.search(uncommented(file)) for file in told if file.kind is Kind.PRODUCTION)
        if not given and not re.search(r"rails_12factor|rails_stdout_logging|semantic|ougai", gemfile.text):
            yield Hit(production.path, None, "Rails logs to log/production.log: no other logger is set.")


def _log_file(command: Command, *, stays: bool) -> str:
    called = " ".join([command.program, *command.words[1:]])
    for match in TO_FILE.finditer(called):
        path: str = next(filter(None, match.groups()))
        if path not in NO_FILES and not path.startswith("$"):
            return path
    for match in REDIRECT.finditer(command.text):
        path = next(filter(None, match.groups()))
        serves = servers.of(command) or RUNTIMES.match(command.program)
        if path not in NO_FILES and (path.endswith((".log", ".out")) or (stays and serves)):
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
    for file in code.find("*.log", "*.log.[0-9]*", "nohup.out", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT)):
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
    unbuffered |= any(b"PYTHONUNBUFFERED" in file.data for file in code.written_in("yaml"))
    if is_python and not unbuffered and printing:
        yield Hit(web.path, web.line, f"{printing[0].path} prints, and PYTHONUNBUFFERED is not set.")


@extraction(language="python", needles=("print(", "print ("))
def prints(file: SourceFile) -> list[int]:
    """The first line that prints and leaves the stream as it is."""
    if not PRINTED.search(file.text) or "line_buffering" in file.text:
        return []
    printing = [call for call in calls(file) if name_of(call.func) == "print"]
    return [call.lineno for call in printing if not {"flush", "file"} & {one.arg for one in call.keywords}][:1]
