"""Factor XI, where loggers write: files and remote hosts, by language."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Kind, SourceFile
from twelve.audit.facts.comments import QUOTING, is_inside_string, uncommented
from twelve.audit.facts.optional import opted_into
from twelve.audit.facts.pythons import calls, keyword, name_of, text_of
from twelve.audit.model import Hit, Severity, Verdict
from twelve.audit.rule import ERROR, WARNING, Rulebook

RULES = Rulebook()
FILE_HANDLERS = (
    "FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler",
    "ConcurrentRotatingFileHandler",
)  # fmt: skip
REMOTE_HANDLERS = (
    "SMTPHandler", "SysLogHandler", "HTTPHandler", "SocketHandler", "DatagramHandler", "LogstashHandler",
    "AsynchronousLogstashHandler", "TCPLogstashHandler", "UDPLogstashHandler", "GELFUDPHandler", "GELFTCPHandler",
    "FluentHandler", "CloudWatchLogHandler", "LokiHandler", "LogtailHandler", "LogDNAHandler", "LogglyHandler",
    "HTTPSHandler", "CloudLoggingHandler", "KafkaLoggingHandler", "ElasticsearchHandler", "CMRESHandler",
)  # fmt: skip
OPENS = {"open", "io.open", "codecs.open", "aiofiles.open", "gzip.open"}
WRITING = "wax+"
STREAMS = {"/dev/stdout", "/dev/stderr", "/proc/1/fd/1", "/proc/1/fd/2", "/dev/null"}
ASIDE = re.compile(r"(^|/)(scripts?|tools?|bin|management/commands|migrations|alembic|notebooks?|benchmarks?)/")
_JS_FILE = (
    r"\btransports\.(?:DailyRotate)?File\s*\(|\bnew\s+DailyRotateFile\s*\(|\bpino\.destination\s*\(\s*(?:\{[^}]{0,200}dest\s*:\s*)?['\"`][^'\"`]"
    r"|['\"]pino/file['\"][^}]{0,200}destination\s*:\s*['\"]|['\"]pino-roll['\"]|type\s*:\s*['\"](?:rotating-file|file|dateFile)['\"]\s*,\s*(?:filename|path)"
    r"|\bcreateWriteStream\s*\([^;\n]{0,200}\.log['\"`]|\bappendFile(?:Sync)?\s*\([^;\n]{0,200}\.log['\"`]"
)
FILES = {
    "javascript": _JS_FILE,
    "typescript": _JS_FILE,
    "ruby": r"\bLogger\.new\s*+(?:\(\s*+)?(?:['\"][^'\"]+|Rails\.root\.join\s*\(\s*['\"]log"
            r"|File\.join\([^)]{0,200}?['\"]log)",
    "go": r"\blumberjack\.Logger\s*\{|\brotatelogs\.New\s*\(|\bos\.(?:OpenFile|Create)\s*\([^\n]{0,200}\.log\"",
    "java": r"\bnew\s+(?:java\.util\.logging\.)?FileHandler\s*\(|\bnew\s+(?:Rolling)?FileAppender\b",
    "xml": r"class\s*=\s*\"[\w.]*(?:RollingFile|File)Appender\""
           r"|<(?:RollingFile|File|RollingRandomAccessFile)\s[^<>]*fileName",
    "properties": r"^[ \t]*logging\.file(?:\.name|\.path)?\s*[=:]\s*\S"
                  r"|^[ \t]*(?:log4j\.)?appender\.[\w.]+\s*=\s*[\w.]*(?:RollingFile|File)(?:Appender)?\s*$",
    "ini": r"^[ \t]*class\s*=\s*(?:logging\.)?(?:handlers\.)?\w*FileHandler\b",
    "yaml": r"^[ \t]*class\s*:\s*['\"]?logging\.(?:handlers\.)?\w*FileHandler\b",
}  # fmt: skip
_JS_REMOTE = (
    r"\btransports\.(?:Http|Syslog|MongoDB|Loggly|Papertrail|CloudWatch|Logstash|Mail)\s*\(|\bnew\s+(?:WinstonCloudWatch|LokiTransport|ElasticsearchTransport|LogstashTransport|Loggly)\b"
    r"|require\(['\"](?:winston-(?:syslog|loggly-bulk|papertrail|cloudwatch|mongodb|elasticsearch|logstash|loki|mail)|bunyan-syslog|log4js-logstash-tcp)['\"]\)"
    r"|from\s+['\"](?:winston-(?:syslog|loggly-bulk|papertrail|cloudwatch|mongodb|elasticsearch|logstash|loki|mail))['\"]"
)
REMOTES = {
    "javascript": _JS_REMOTE,
    "typescript": _JS_REMOTE,
    "ruby": r"\b(?:RemoteSyslogLogger|Syslog::Logger|LogStashLogger|GELF::Logger|Fluent::Logger::FluentLogger)\.new\b",
    "go": r"\bsyslog\.(?:New|Dial)\s*\(|\blogrus_syslog\.|\blrhook\.|\bfluent\.New\s*\(|\bgelf\.New\w*Writer\s*\(",
    "xml": r"class\s*=\s*\"[\w.]*(?:Syslog|Socket|LogstashTcpSocket|LogstashUdpSocket|SMTP|Gelf\w*|Loki4j|DB|Kafka)"
           r"Appender\"|<(?:Syslog|Socket|SMTP|Gelf|Http|Kafka|JDBC|NoSql)\s+name\s*=",
}  # fmt: skip
_COMPILED = {text: re.compile(text, re.MULTILINE) for text in (*FILES.values(), *REMOTES.values())}


@RULES.of_files(
    "TF11-file-handler",
    ERROR,
    "The app writes its log to a file.",
    fix="Log to stdout, unbuffered; `twelve drains` carries the stream on.",
    why="Factor XI: a twelve-factor app should not attempt to write to or manage logfiles.",
    bad={"app.py": "import logging\nlogging.getLogger().addHandler(logging.FileHandler('app.log'))\n"},
    good={"app.py": "import logging, sys\nlogging.basicConfig(stream=sys.stdout)\n"},
    language=("python", *FILES),
    needles=(
        "FileHandler", "basicConfig", "transports.", "DailyRotateFile", "pino", "rotating-file", "dateFile", ".log'",
        '.log"', ".log`", "Logger.new", "lumberjack", "rotatelogs", "FileAppender", "fileName", "logging.file",
        "appender.",
    ),
)  # fmt: skip
def log_goes_to_a_file(file: SourceFile) -> Iterator[Hit]:
    if file.language == "python":
        yield from _python(file, FILE_HANDLERS, ERROR, Verdict.FAIL)
        serves = not ASIDE.search(file.path)
        for call in calls(file):
            if _names_a_file(call) or (serves and _writes_a_log(call)):
                yield _judged(file, call, call.lineno, ERROR, Verdict.FAIL)
        return
    yield from _matched(file, FILES[file.language])


@RULES.of_files(
    "TF11-log-shipping",
    WARNING,
    "The app sends its log somewhere itself.",
    fix="Log to stdout and add a drain; the platform routes the stream.",
    why="Factor XI: a twelve-factor app never concerns itself with routing or storage of its output stream.",
    bad={
        "app.py": "from logging.handlers import SysLogHandler\nlog.addHandler(SysLogHandler(address=('logs', 514)))\n"
    },
    good={"app.py": "import logging\nlogging.basicConfig()\n"},
    language=("python", *REMOTES),
    needles=(
        "Handler",
        "transports.",
        "winston-",
        "Syslog",
        "syslog",
        "LogStash",
        "GELF",
        "gelf",
        "fluent",
        "Appender",
    ),
)
def log_is_shipped(file: SourceFile) -> Iterator[Hit]:
    if file.language == "python":
        yield from _python(file, REMOTE_HANDLERS, WARNING, Verdict.PARTIAL)
    else:
        yield from _matched(file, REMOTES[file.language])


def _matched(file: SourceFile, pattern: str) -> Iterator[Hit]:
    if file.kind is Kind.PRODUCTION and not re.search(r"enabled\s*:\s*false", file.text):
        for match in _COMPILED[pattern].finditer(uncommented(file)):
            if file.language in QUOTING and is_inside_string(file, match.start()):
                continue
            yield Hit(file.path, file.line_at(match.start() + len(match[0]) - len(match[0].lstrip())))


def _python(file: SourceFile, handlers: tuple[str, ...], severity: Severity, verdict: Verdict) -> Iterator[Hit]:
    """Handlers that are made, and those that a dictionary configuration names."""
    for node in file.nodes:
        if isinstance(node, ast.Call):
            if name_of(node.func).rpartition(".")[2] in handlers and not _is_a_stream(node):
                yield _judged(file, node, node.lineno, severity, verdict)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if text_of(key) in {"class", "()"} and (text_of(value) or "").rpartition(".")[2] in handlers:
                    yield from _configured(file, node, value, severity, verdict)


def _configured(
    file: SourceFile, node: ast.Dict, value: ast.expr, severity: Severity, verdict: Verdict
) -> Iterator[Hit]:
    named = [text_of(one) for key, one in zip(node.keys, node.values, strict=True) if text_of(key) == "filename"]
    if not set(named) & STREAMS:
        yield _judged(file, node, value.lineno, severity, verdict)


def _judged(file: SourceFile, node: ast.AST, line: int, severity: Severity, verdict: Verdict) -> Hit:
    """What is off until somebody asks for it, and what never serves, is worth a warning."""
    if opted_into(file, node):
        return Hit(file.path, line, "The log goes elsewhere when configuration asks for it.", WARNING, Verdict.PASS)
    if ASIDE.search(file.path):
        return Hit(file.path, line, "A script sends its log elsewhere than stdout.", WARNING, Verdict.PASS)
    return Hit(file.path, line, "", severity, verdict)


def _is_a_stream(call: ast.Call) -> bool:
    first = call.args[0] if call.args else keyword(call, "filename")
    return text_of(first) in STREAMS


def _names_a_file(call: ast.Call) -> bool:
    """`basicConfig(filename=...)`, and loguru's `logger.add("app.log")`."""
    name = name_of(call.func)
    if name.rpartition(".")[2] == "basicConfig":
        told = keyword(call, "filename")
        return told is not None and text_of(told) not in STREAMS and not _is_none(told)
    first = text_of(call.args[0]) if call.args else None
    return name == "logger.add" and first is not None and first.endswith((".log", ".txt", ".json"))


def _writes_a_log(call: ast.Call) -> bool:
    """`open("app.log", "a")`, and the `open` of a path that ends like that."""
    if name_of(call.func) in OPENS:
        path, modes = call.args[:1], call.args[1:2]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "open":
        path, modes = [call.func.value], call.args[:1]
    else:
        return False
    mode = text_of(modes[0] if modes else keyword(call, "mode")) or "r"
    return bool(path) and not set(mode).isdisjoint(WRITING) and _ends_like_a_log(path[0])


def _ends_like_a_log(path: ast.AST) -> bool:
    match path:
        case ast.Constant(value=str(text)):
            return text.endswith(".log")
        case ast.JoinedStr(values=[*_, last]) | ast.BinOp(right=last) | ast.Call(args=[*_, last]):
            return _ends_like_a_log(last)
    return False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
