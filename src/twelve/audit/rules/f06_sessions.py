"""Factor VI, what a request leaves in the process or on its disk: sessions, uploads, files, locks."""

import re
from collections.abc import Iterator
from itertools import islice

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import services
from twelve.audit.facts.comments import MOST, in_code, inside, uncommented
from twelve.audit.model import Hit, Verdict
from twelve.audit.rule import ERROR, WARNING, Rulebook

RULES = Rulebook()
SCRIPTS = ("javascript", "typescript")
SHARED = (
    "Memory space or filesystem is a brief, single-transaction cache at most; what persists is in a backing service."
)
TASKS = re.compile(
    r"(?i)(^|/)(scripts?|bin|tools?|bench(?:marks?)?|seeds?|migrations?|management|cli|commands?|db)/|(^|/)(manage|setup|cli)\.py$"
)

_EXPRESS = re.compile(r"(?:require\(\s*|from\s+)[\"'](?:express-session|@fastify/session)[\"']")
_SESSION_CALL = re.compile(
    r"(?<![\w.])(?:session|expressSession|Session|esession|require\(\s*[\"']express-session[\"']\s*\))\s*(\()"
    r"|\.register\(\s*\w{0,40}[sS]ession\s*,\s*(\{)"
)
_IN_MEMORY = {
    "python": re.compile(
        r"[\"']?SESSION_TYPE[\"'\]]*\s*[=:]\s*[\"'](?P<flask>filesystem|cachelib)[\"']"
        r"|SESSION_ENGINE\s*=\s*[\"']django\.contrib\.sessions\.backends\.(?P<django>file)[\"']"
    ),
    "go": re.compile(r"\bsessions\.(?P<go>NewFilesystemStore)\(|\b(?P<gin>memstore\.NewStore)\("),
    "ruby": re.compile(
        r"\buse\s+(?P<rack>Rack::Session::Pool)|session_store\s*:(?P<rails>mem_cache_store_local|file_store)"
    ),
    "properties": re.compile(r"^[ \t]*spring\.session\.store-type\s*=\s*(?P<spring>none|hash_map)", re.MULTILINE),
}


@RULES.of_files(
    "TF06-inmemory-session",
    ERROR,
    "Sessions are kept in the memory or on the disk of one process.",
    fix="Keep them in a datastore with time-expiration, such as Redis, or in a signed cookie.",
    why="Session state data is a good candidate for a datastore that offers time-expiration, such as Redis.",
    bad={"server.js": "const session = require('express-session')\napp.use(session({ secret: process.env.KEY }))\n"},
    good={
        "server.js": "const session = require('express-session')\n"
        "app.use(session({ store: new RedisStore({ client }), secret: process.env.KEY }))\n"
    },
    language=(*SCRIPTS, *_IN_MEMORY),
    needles=("express-session", "@fastify/session", "memorystore", "SESSION_TYPE", "SESSION_ENGINE",
             "NewFilesystemStore", "memstore", "Session::Pool", "session_store", "spring.session"),
)  # fmt: skip
def session_is_local(file: SourceFile) -> Iterator[Hit]:
    if file.language in SCRIPTS:
        yield from _express(file)
        return
    for line, match in in_code(file, _IN_MEMORY[file.language]):
        kept = next(text for text in match.groupdict().values() if text)
        yield Hit(file.path, line, f"Sessions are kept by this process alone ({kept}).")


def _express(file: SourceFile) -> Iterator[Hit]:
    """Without a store express-session takes its MemoryStore."""
    text = uncommented(file)
    if not _EXPRESS.search(text):
        return
    for match in _SESSION_CALL.finditer(text):
        options = inside(text, match.start(match.lastindex or 1)).strip()
        if re.fullmatch(r"\w+", options):
            given = re.search(rf"\b{options}\s*(?::\s*\w+\s*)?=\s*(\{{)", text)
            options = inside(text, given.start(1)) if given else "store" if f"{options}.store" not in text else options
        if not re.search(r"\bstore\b", options) and f"{options}.store" not in text:
            yield Hit(file.path, file.line_at(match.start()), "The session has no store, so it is kept in memory.")
        elif re.search(r"\bstore\s*:\s*new\s+(?:\w+\.)?(?:MemoryStore|FileStore)\b", options):
            yield Hit(file.path, file.line_at(match.start()), "express-session keeps sessions in memory or in files.")


_STICKY = re.compile(
    r"^[ \t]*(?:ip_hash\s*;|sticky\s+(?:cookie|route|learn)\b|hash\s+\$(?:remote_addr|cookie_)"
    r"|stickiness\b.{0,200}?\btrue"
    r"|stick on\b)"
    r"|sessionAffinity:\s*[\"']?ClientIP|ingress\.kubernetes\.io/affinity[\"']?:\s*[\"']?cookie|loadbalancer\.sticky[\w.]{0,60}=true"
    r"|stickiness\.enabled[\"']?[=:,]\s*(?:Value:\s*)?[\"']?true|^[ \t]*cookie\s+\w+\s+insert\b"
    r"|sessionAffinity\s*=\s*[\"']CLIENT_IP|^[ \t]*(?:httpCookie|useSourceIp):|^[ \t]*balance[ \t]+source\b"
    r"|^[ \t]*stickiness[ \t]*\{[^{}]{0,300}?\benabled\s*=\s*true",
    re.MULTILINE,
)


@RULES.of_files(
    "TF06-sticky-session",
    ERROR,
    "Requests of a visitor are routed to one and the same process.",
    fix="Keep sessions where every process has them, and take the stickiness out.",
    why="Sticky sessions are a violation of twelve-factor and should never be used or relied upon.",
    bad={"nginx.conf": "upstream app {\n  ip_hash;\n  server a:8000;\n}\n"},
    good={"nginx.conf": "upstream app {\n  server a:8000;\n}\n"},
    needles=(
        "ip_hash",
        "sticky",
        "stickiness",
        "sessionAffinity",
        "affinity",
        "hash $",
        "stick on",
        "insert",
        "httpCookie",
        "useSourceIp",
        "balance source",
        "balance  source",
        "balance\tsource",
    ),
)
def sessions_stick(file: SourceFile) -> Iterator[Hit]:
    if file.language not in {"", "yaml", "toml", "json", "dockerfile", "ini"}:
        return
    for line, match in in_code(file, _STICKY):
        if not file.lines[line - 1].lstrip().startswith("#") and not match[0].lstrip().startswith("#"):
            at = line + match[0].count("\n", 0, len(match[0]) - len(match[0].lstrip()))
            yield Hit(file.path, at)


_TEMPORARY = re.compile(
    r"""(?i)/tmp\b|tempfile|tmpdir|os\.tmpdir|mkdtemp|mkstemp|TemporaryFile|/dev/|gettempdir|java\.io\.tmpdir|Tempfile|os\.TempDir|createTempFile"""
)
_ROUTE = re.compile(
    r"^[ \t]*@(?:\w+\.)?(?:route|get|post|put|patch|delete|api_view|websocket)\("
    r"|\b(?:app|router|server|fastify)\.(?:get|post|put|patch|delete|use|all)\("
    r"|\bhttp\.HandleFunc\(|\*gin\.Context|http\.ResponseWriter|@(?:Rest)?Controller\b"
    r"|\bdef\s+\w+\((?:self,\s*)?request\b|\bdef do_(?:GET|POST|PUT|PATCH|DELETE)\(self\b"
    r"|^[ \t]*(?:get|post|put|delete)\s+['\"]/",
    re.MULTILINE,
)  # fmt: skip
_NAMED = r"(?P<named>f?[\"'][^\"'\n]{1,200}[\"'])"
_WRITES = {
    "python": re.compile(
        r"""(?<![\w.])open\(\s*+(?P<path>[^,()\n]{0,300}+(?:\([^()\n]{0,300}+\)[^,()\n]{0,300}+)?)\s*+,\s*+(?:mode\s*+=\s*+)?["'][wax]b?\+?["']"""
        r"""|\b(?P<to>\w++)\.(?:write_text|write_bytes)\("""
        r"""|(?:\bPath\(\s*|/\s*)(?P<into>["'][^"'\n]{1,200}["'])\s*\)\.(?:write_text|write_bytes)\("""
        rf"""|\.(?:to_csv|to_excel|to_json|to_pickle|to_parquet|savefig|write_image|write_html)\(\s*{_NAMED}"""
        rf"""|\bjoblib\.dump\([^,()\n]{{1,100}},\s*{_NAMED.replace("named", "dumped")}"""
        r"""|(?<=\w)\.save\(\s*(?P<saved>f?["'][^"'\n]{1,200}\.\w{2,5}["'])"""
    ),
    "javascript": re.compile(
        r"(?:\b(?:fs\.promises\.|fs\.|fsp\.|fsPromises\.|promises\.)|(?<![\w.]))"
        r"(?:writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream)\(\s*"
        r"(?P<path>path\.(?:join|resolve)\([^()\n]{0,200}\)|[^,\n]{1,300})"
    ),
    "go": re.compile(
        r"\b(?:os\.(?:Create|WriteFile)|ioutil\.WriteFile)\(\s*(?P<path>[^,\n]+)"
        r"|\bos\.OpenFile\(\s*(?P<opened>[^,\n]{1,300}),[^,\n]{0,100}\bO_(?:APPEND|CREATE|WRONLY|RDWR)\b"
    ),
    "ruby": re.compile(
        r"\bFile\.(?:write|open)\(\s*+(?P<path>[^,\n]{1,300}+),\s*+[\"'](?:w|a)|\bFile\.write\(\s*+(?P<to>[^,\n]{1,300}+),"
    ),
    "java": re.compile(r"\b(?:new FileOutputStream|new FileWriter|Files\.write(?:String)?)\(\s*(?P<path>[^,\n]+)"),
}
_WRITES["typescript"] = _WRITES["javascript"]
_LITERAL = re.compile(r"""["'`](?P<path>[\w./-]*[\w-])""")
_LOGS = re.compile(r"(?i)\blogs?\b|\.log\b|pid\b|\.env|config")


def given(file: SourceFile, told: str) -> str:
    """What is handed over; of a plain name, what the file sets it to."""
    name = re.fullmatch(r"(?:this\.|self\.|@)?(\w{1,80})", told.strip())
    if name is None:
        return told
    made = re.findall(rf"^[^\n]{{0,80}}\b{name[1]}\b[^=\n]{{0,40}}=(?!=)([^\n]{{1,300}})", file.text, re.MULTILINE)
    return " ".join([told, *made])


@extraction(
    language=tuple(_WRITES),
    needles=("open(", "writeFile", "appendFile", "createWriteStream", "os.Create", "WriteFile", "File.write",
             "File.open", "FileOutputStream", "FileWriter", "Files.write", "write_text", "write_bytes", ".to_csv",
             ".to_excel", ".to_json", ".to_pickle", ".to_parquet", "savefig", "write_image", "write_html",
             "joblib.dump", '.save("', ".save('", ".save(f", "os.OpenFile"),
)  # fmt: skip
def files_written(file: SourceFile) -> list[tuple[int, str]]:
    """(line, path) of files with a name of their own that are written where requests are handled."""
    if TASKS.search(file.path) or not _ROUTE.search(file.text):
        return []
    found = []
    for line, match in islice(in_code(file, _WRITES[file.language]), MOST):
        told = given(file, next((text for text in match.groupdict().values() if text), ""))
        literal = _LITERAL.search(told)
        if literal and not _TEMPORARY.search(told) and not _LOGS.search(told):
            found.append((line, literal["path"]))
    return found if found and any(True for _ in in_code(file, _ROUTE)) else []


@RULES.of_code(
    "TF06-local-write",
    WARNING,
    "A file is written where requests are handled.",
    fix="Write it to a backing service: an object store, a database.",
    why=SHARED,
    bad={
        "app.py": "@app.post('/note')\ndef note():\n    with open('notes.txt', 'a') as out:\n        out.write(text)\n"
    },
    good={"app.py": "@app.post('/note')\ndef note():\n    db.session.add(Note(text))\n"},
)
def a_file_is_written(code: Codebase) -> Iterator[Hit]:
    for file, found in code.extracted(files_written):
        yield from (Hit(file.path, line, f"{path} is written to the disk of this process.") for line, path in found)
    for path, line, what in code.fact(services.only_local):
        if not path.endswith((".properties", ".yml", ".yaml")):
            yield Hit(path, line, f"All data is in a file of this process ({what}).", ERROR, Verdict.FAIL)


_LOCKS = re.compile(
    r"\b(?:fcntl\.(?:flock|lockf)|(?:Inter)?(?:Process|File)Lock|SoftFileLock|portalocker\.\w+|lockfile\.lock(?:Sync)?|properLockfile\.lock\w*"
    r"|\.flock|flock\.New|syscall\.Flock)\s*\("
)


@RULES.of_files(
    "TF06-local-lock",
    WARNING,
    "A file lock keeps processes apart.",
    fix="Take a lock of the database (pg_advisory_lock) or of Redis.",
    why="Processes are share-nothing, and may be on many machines: a lock on one disk is seen by one machine.",
    bad={"jobs.py": "from filelock import FileLock\n\nwith FileLock('billing.lock'):\n    bill()\n"},
    good={
        "jobs.py": "with connection.cursor() as cursor:\n    cursor.execute('SELECT pg_advisory_lock(7)')\n    bill()\n"
    },
    language=("python", "javascript", "typescript", "ruby", "go"),
    needles=("flock", "FileLock", "ProcessLock", "portalocker", "lockfile", "lockf", "Flock"),
)
def lock_is_local(file: SourceFile) -> Iterator[Hit]:
    if not TASKS.search(file.path):
        yield from (Hit(file.path, line) for line, _ in in_code(file, _LOCKS))
