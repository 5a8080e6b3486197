"""Factor XI, where loggers write: files and remote hosts, by language."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Kind, SourceFile
from twelve.audit.facts import optional_texts
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
    "HTTPSHandler", "CloudLoggingHandler", "AzureLogHandler", "SplunkHandler", "LogentriesHandler", "SumoLogicHandler",
    "KafkaLoggingHandler", "ElasticsearchHandler", "CMRESHandler",
)  # fmt: skip
ON_REQUEST = "The log goes elsewhere when configuration asks for it."
SENDS = {"post", "insert_one", "insert_many", "execute", "sendto", "sendall", "produce", "put_log_events", "urlopen"}
OPENS = {"open", "io.open", "codecs.open", "aiofiles.open", "gzip.open"}
WRITING = "wax+"
Constants = dict[str, ast.expr]
STREAMS = {"/dev/stdout", "/dev/stderr", "/proc/1/fd/1", "/proc/1/fd/2", "/dev/null"}
ASIDE = re.compile(r"(^|/)(scripts?|tools?|bin|management/commands|migrations|alembic|notebooks?|benchmarks?)/")
_JS_FILE = (
    r"\btransports\.(?:DailyRotate)?File\s*[(),]|\bnew\s+DailyRotateFile\s*\(|\bpino\.destination\s*\(\s*(?:\{[^}]{0,200}dest\s*:\s*)?['\"`][^'\"`]"
    r"|['\"]pino/file['\"][^}]{0,200}destination\s*:\s*['\"]|['\"]pino-roll['\"]|type\s*:\s*['\"](?:rotating-file|file|dateFile)['\"]\s*,\s*(?:filename|path)"
    r"|\bstreams\s*:\s*\[[^\]]{0,300}?\bpath\s*:\s*['\"`]|['\"](?:rotating-file-stream|file-stream-rotator)['\"]"
    r"|\b(?:createWriteStream|appendFile(?:Sync)?)\s*\((?:[^;\n]{0,200}(?:\.log|\blogs?\.txt)['\"`]"
    r"|\s*(?:this\.)?[\w.]{0,60}?(?:[lL]og|LOG)_?(?:[fF]ile|FILE|[pP]ath|PATH)\w*\s*,)"
)
_INI = r"^[ \t]*class\s*=\s*(?:logging\.)?(?:handlers\.)?\w*FileHandler\b"
FILES = {
    "javascript": _JS_FILE,
    "typescript": _JS_FILE,
    "ruby": r"\bLogger\.new\s*+(?:\(\s*+)?(?:['\"](?!/dev/)[^'\"]+|Rails\.root\.join\s*\(\s*['\"]log"
            r"|File\.join\([^)]{0,200}?['\"]log|(?:Rails\.application\.)?config\.paths\[)"
            r"|\bFile\.(?:new|open)[\s(]*+['\"][^'\"\n]{0,200}\.log['\"]\s*,\s*['\"][aw]"
            r"|\bSemanticLogger\.add_appender[\s(]*+file_name\b",
    "go": r"\blumberjack\.Logger\s*\{|\brotatelogs\.New\s*\(|\bos\.(?:OpenFile|Create)\s*\([^\n]{0,200}\.log\""
          r"|\bOutputPaths\s*[:=]\s*\[\]string\{\s*+(?:\"std(?:out|err)\"\s*+,\s*+)?\"(?!std(?:out|err)\"|/dev/std)"
          r"|\b(\w{1,40}),\s*\w{1,40}\s*:?=\s*os\.(?:OpenFile|Create)\([^\n]{0,200}\n(?:[^\n]{0,200}\n){0,9}?"
          r"[^\n]{0,80}?\.SetOutput\(\s*(?:io\.MultiWriter\([^)\n]{0,80}?)?\1\b",
    "java": r"\bnew\s+(?:java\.util\.logging\.)?FileHandler\s*\(|\bnew\s+(?:Rolling)?FileAppender\b",
    "xml": r"class\s*=\s*\"[\w.]*(?:RollingFile|File)Appender\""
           r"|<(?:RollingFile|File|RollingRandomAccessFile)\s[^<>]*fileName",
    "properties": r"^[ \t]*logging\.file(?:\.name|\.path)?\s*[=:]\s*\S"
                  r"|^[ \t]*(?:log4j\.)?appender\.[\w.]+\s*=\s*[\w.]*(?:RollingFile|File)(?:Appender)?\s*$"
                  r"|^[ \t]*quarkus\.log\.file\.enabled?\s*=\s*true\b"
                  r"|^[ \t]*server\.tomcat\.accesslog\.enabled\s*=\s*true\b",
    "ini": _INI,
    "": _INI,  # logging.conf
    "json": r"\"class\"\s*:\s*\"(?:logging\.)?(?:handlers\.)?\w*FileHandler\"",
    "yaml": r"^[ \t]*class\s*:\s*['\"]?logging\.(?:handlers\.)?\w*FileHandler\b",
}  # fmt: skip
# Of application.yml.
SPRING = (
    r"^logging\.file(?:\.name|\.path)?:[ \t]*\S|^logging:[ \t]*\n(?:[ \t][^\n]*\n|\n){0,40}?[ \t]+file:"
    r"(?:[ \t]*\n[ \t]+(?:name|path):)?[ \t]+(?!\$\{\w+:\})[^\s#]"
)
_JS_REMOTE = (
    r"\btransports\.(?:Http|Syslog|MongoDB|Loggly|Papertrail|CloudWatch|Logstash|Mail)\s*\(|\bnew\s+(?:WinstonCloudWatch|LokiTransport|ElasticsearchTransport|LogstashTransport|Loggly)\b"
    r"|['\"](?:winston-(?:syslog|loggly-bulk|papertrail|cloudwatch|mongodb|elasticsearch|logstash|loki|mail)|log4js-logstash-tcp"
    r"|bunyan-(?:syslog|elasticsearch|logstash-tcp|loggly|cloudwatch)|@logtail/(?:winston|pino|bunyan)|@axiomhq/(?:winston|pino)"
    r"|pino-(?:elasticsearch|loki|syslog|mongodb|http-send|socket|logflare|papertrail|datadog-transport)|fluent-logger|gelf-pro)['\"]"
)
REMOTES = {
    "javascript": _JS_REMOTE,
    "typescript": _JS_REMOTE,
    "ruby": r"\b(?:RemoteSyslogLogger|Syslog::Logger|LogStashLogger|GELF::Logger|Fluent::Logger::FluentLogger"
            r"|Logdna::Ruby)\.new\b"
            r"|\bLogtail::Logger\.(?:new|create_default_logger)\b|\bSemanticLogger\.add_appender[\s(]*+appender:\s*+:(?!io\b)\w",
    "go": r"\bsyslog\.(?:New|Dial)\s*\(|\b(?:elogrus|logrustash)\.New\w*\s*\(|\.NewSyslogHook\s*\("
          r"|\blogrus_syslog\.|\blrhook\.|\bfluent\.New\s*\(|\bgelf\.New\w*Writer\s*\(",
    "properties": r"^[ \t]*(?:log4j\.)?appender\.[\w.]+\s*=\s*[\w.]*(?:Syslog|Socket|SMTP|JDBC|JMS|Kafka)Appender\s*$",
    "xml": r"class\s*=\s*\"[\w.]*(?:Syslog|Socket|LogstashTcpSocket|LogstashUdpSocket|SMTP|Gelf\w*|Loki4j|DB|Kafka)"
           r"Appender\"|<(?:Syslog|Socket|SMTP|Gelf|Http|Kafka|JDBC|NoSql)\s+name\s*=",
}  # fmt: skip
_COMPILED = {text: re.compile(text, re.MULTILINE) for text in (*FILES.values(), SPRING, *REMOTES.values())}


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
        "FileHandler", "basicConfig", "loguru", "logzero", "sys.stdout =", "sys.stderr =", "bunyan", "-file-stream",

        "stream-rotator", "appendFile", "createWriteStream", "config.paths", "add_appender", "OutputPaths", "SetOutput",
        "logging:", "quarkus.log", "accesslog.",
        "transports.", "DailyRotateFile", "pino", "rotating-file", "dateFile", ".log'",
        '.log"', ".log`", "Logger.new", "lumberjack", "rotatelogs", "FileAppender", "fileName", "logging.file",
        "appender.",
    ),
)  # fmt: skip
def log_goes_to_a_file(file: SourceFile) -> Iterator[Hit]:
    if file.language == "python":
        yield from _python(file, FILE_HANDLERS, ERROR, Verdict.FAIL)
        serves = not ASIDE.search(file.path)
        constants = {name: value for one in file.nodes if isinstance(one, ast.Assign) for name, value in _assigned(one)}
        for call in calls(file):
            if _names_a_file(call, constants) or (serves and _writes_a_log(call, constants)):
                yield _judged(file, call, call.lineno, ERROR, Verdict.FAIL)
        yield from _replaced(file) if serves else ()
    elif file.language or file.name.endswith(".conf"):
        yield from _matched(file, FILES[file.language])
        if file.language == "yaml" and file.name.startswith(("application", "bootstrap")):
            yield from _matched(file, SPRING)


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
        "setup_logging",
        "@logtail",
        "@axiomhq",
        "pino-",
        "bunyan-",
        "Logtail",
        "Logdna",
        "add_appender",
        "elogrus",
        "logrustash",
    ),
)
def log_is_shipped(file: SourceFile) -> Iterator[Hit]:
    if file.language == "python":
        yield from _python(file, REMOTE_HANDLERS, WARNING, Verdict.PARTIAL)
        yield from _shipped_by_own_means(file)
    else:
        yield from _matched(file, REMOTES[file.language])


def _matched(file: SourceFile, pattern: str) -> Iterator[Hit]:
    if file.kind is Kind.PRODUCTION and not re.search(r"enabled\s*:\s*false", file.text):
        for match in _COMPILED[pattern].finditer(uncommented(file)):
            if file.language in QUOTING and is_inside_string(file, match.start()):
                continue
            line = file.line_at(match.start() + len(match[0]) - len(match[0].lstrip()))
            if optional_texts.opted_into(file, match.start()):
                yield Hit(file.path, line, ON_REQUEST, WARNING, Verdict.PASS)
                continue
            yield Hit(file.path, line)


def _python(file: SourceFile, handlers: tuple[str, ...], severity: Severity, verdict: Verdict) -> Iterator[Hit]:
    """Handlers that are made, and those that a dictionary configuration names."""
    for node in file.nodes:
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if name.rpartition(".")[2] in handlers and not _is_a_stream(node) and not _is_of_urllib(file, name):
                yield _judged(file, node, node.lineno, severity, verdict)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if text_of(key) == "sink" and _ends_like_a_log(value, {}):
                    yield _judged(file, node, value.lineno, severity, verdict)
                if text_of(key) in {"class", "()"} and (text_of(value) or "").rpartition(".")[2] in handlers:
                    yield from _configured(file, node, value, severity, verdict)


def _is_of_urllib(file: SourceFile, name: str) -> bool:
    """It has an HTTPHandler of its own."""
    return "HTTP" in name and "urllib" in file.text and "logging.handlers" not in file.text


def _shipped_by_own_means(file: SourceFile) -> Iterator[Hit]:
    """A handler of the app's own that sends each record on, and Google's client, which installs one."""
    for node in file.nodes:
        if isinstance(node, ast.ClassDef) and any(
            name_of(base) in {"logging.Handler", "Handler"} for base in node.bases
        ):
            for emit in (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "emit"):
                named = [name_of(one.func) for one in ast.walk(emit) if isinstance(one, ast.Call)]
                if any(name.rpartition(".")[2] in SENDS or name.endswith("objects.create") for name in named):
                    yield Hit(file.path, node.lineno, f"{node.name} sends every record somewhere.")
        elif (
            isinstance(node, ast.Call) and name_of(node.func).endswith(".setup_logging") and "google.cloud" in file.text
        ):
            yield _judged(file, node, node.lineno, WARNING, Verdict.PARTIAL)


def _replaced(file: SourceFile) -> Iterator[Hit]:
    """`sys.stdout = open("out.txt", "w")`."""
    for node in file.nodes:
        if isinstance(node, ast.Assign) and name_of(node.targets[0]) in {"sys.stdout", "sys.stderr"}:
            opened = isinstance(node.value, ast.Call) and name_of(node.value.func) in OPENS and node.value.args
            if opened and text_of(opened[0]) not in STREAMS and name_of(opened[0]) != "os.devnull":
                yield _judged(file, node, node.lineno, ERROR, Verdict.FAIL)


def _assigned(node: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))


def _configured(
    file: SourceFile, node: ast.Dict, value: ast.expr, severity: Severity, verdict: Verdict
) -> Iterator[Hit]:
    named = [text_of(one) for key, one in zip(node.keys, node.values, strict=True) if text_of(key) == "filename"]
    if not set(named) & STREAMS:
        yield _judged(file, node, value.lineno, severity, verdict)


def _judged(file: SourceFile, node: ast.AST, line: int, severity: Severity, verdict: Verdict) -> Hit:
    """What is off until somebody asks for it, and what never serves, is worth a warning."""
    if opted_into(file, node):
        return Hit(file.path, line, ON_REQUEST, WARNING, Verdict.PASS)
    if ASIDE.search(file.path):
        return Hit(file.path, line, "A script sends its log elsewhere than stdout.", WARNING, Verdict.PASS)
    return Hit(file.path, line, "", severity, verdict)


def _is_a_stream(call: ast.Call) -> bool:
    first = call.args[0] if call.args else keyword(call, "filename")
    return text_of(first) in STREAMS


def _names_a_file(call: ast.Call, constants: Constants) -> bool:
    """`basicConfig(filename=...)`, loguru's `logger.add("app.log")`, logzero's `logfile`."""
    name = name_of(call.func)
    if name.rpartition(".")[2] == "basicConfig":
        told = keyword(call, "filename")
        return told is not None and text_of(told) not in STREAMS and not _is_none(told)
    if name == "logzero.logfile":
        return bool(call.args)
    first = call.args[0] if call.args else keyword(call, "sink")
    return (
        name.endswith("logger.add")
        and first is not None
        and _ends_like_a_log(first, constants, (".log", ".txt", ".json"))
    )


def _writes_a_log(call: ast.Call, constants: Constants) -> bool:
    """`open("app.log", "a")`, and the `open` of a path that ends like that."""
    if name_of(call.func) in OPENS:
        path, modes = call.args[:1], call.args[1:2]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "open":
        path, modes = [call.func.value], call.args[:1]
    else:
        return False
    mode = text_of(modes[0] if modes else keyword(call, "mode")) or "r"
    return bool(path) and not set(mode).isdisjoint(WRITING) and _ends_like_a_log(path[0], constants)


def _ends_like_a_log(path: ast.AST, constants: Constants, endings: tuple[str, ...] = (".log",)) -> bool:
    match path:
        case ast.Constant(value=str(text)):
            return text.endswith(endings)
        case ast.Name(id=name) if name in constants:
            return _ends_like_a_log(constants[name], {}, endings)
        case ast.JoinedStr(values=[*_, last]) | ast.BinOp(right=last) | ast.Call(args=[*_, last]):
            return _ends_like_a_log(last, constants, endings)
    return False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
