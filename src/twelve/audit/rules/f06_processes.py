"""Factor VI: processes are stateless and share nothing."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts import services, sources, start, state
from twelve.audit.facts.comments import in_code, inside, uncommented
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook
from twelve.audit.rules import f06_sessions, f06_uploads

RULES = Rulebook()
for part in (f06_sessions, f06_uploads):
    RULES.rules.extend(part.RULES.rules)
SHOWN = 3


def witness(code: Codebase) -> Iterator[Evidence]:
    """Where the state is instead; or that there is none."""
    stores = [read for read in code.fact(services.attached) if re.search(r"URL|URI|DSN|BUCKET|DATABASE", read.name)]
    for read in stores[:SHOWN]:
        yield Evidence(f"What persists is in the service that {read.name} attaches", read.path, read.line)
    run = next(iter(code.fact(start.starts)), None)
    what = "session, upload or changing variable between requests"
    if not stores and run and (said := sources.none_has(code, "keeps", what)):
        yield Evidence(said, run.path, run.line)


@RULES.of_files(
    "TF06-module-state",
    WARNING,
    "What requests say is kept in a variable of the process.",
    fix="Keep it in a backing service: another process does not see the variable, and the next one starts without it.",
    why="A twelve-factor app never assumes that anything cached in memory will be available on a future request.",
    bad={"app.py": "carts = {}\n\n\n@app.post('/cart/<user>')\ndef add(user):\n    carts[user] = 'apple'\n"},
    good={"app.py": "@app.post('/cart/<user>')\ndef add(user):\n    redis.rpush(f'cart:{user}', 'apple')\n"},
    language=(*state.LANGUAGES,),
    needles=state.NEEDLES,
)
def variable_keeps_state(file: SourceFile) -> Iterator[Hit]:
    for line, name in state.changed_by_requests(file):
        if not re.search(r"(?i)cache|memo|pool|connection|client|registry|lock|metric|counter_?vec", name):
            yield Hit(file.path, line, f"{name} is changed by requests.")


_LIMITERS = re.compile(
    r"(?<![\w.])(?P<name>Limiter|rateLimit|RateLimit|rateLimiter|slowDown|RateLimiterMemory|MemoryRateLimiter)\s*(?P<open>\()"
)
_SHARED_LIMIT = re.compile(r"storage_uri|RATELIMIT_STORAGE|\bstore\b|storage\b|redis|Redis|memcached")


@RULES.of_files(
    "TF06-memory-rate-limit",
    INFO,
    "Requests are counted by each process for itself.",
    fix="Count them in Redis: give the limiter a store.",
    why="With three processes a visitor has three limits, and after a restart a new one.",
    bad={"app.py": "from flask_limiter import Limiter\n\nlimiter = Limiter(get_remote_address, app=app)\n"},
    good={"app.py": "from flask_limiter import Limiter\n\nlimiter = Limiter(address, app=app, storage_uri=REDIS)\n"},
    language=("python", "javascript", "typescript"),
    needles=("imiter", "rate-limit", "rateLimit", "slow-down"),
)
def limits_are_local(file: SourceFile) -> Iterator[Hit]:
    if not re.search(rb"flask_limiter|slowapi|express-rate-limit|express-slow-down|rate-limiter-flexible", file.data):
        return
    text = uncommented(file)
    if re.search(r"RATELIMIT_STORAGE", text):
        return
    for match in _LIMITERS.finditer(text):
        if not _SHARED_LIMIT.search(inside(text, match.start("open"))):
            yield Hit(file.path, file.line_at(match.start()), f"{match['name']} counts in the memory of this process.")


_CACHES = {
    "python": re.compile(
        r"[\"']django\.core\.cache\.backends\.(?P<django>locmem\.LocMemCache|filebased\.FileBasedCache)"
        r"|[\"']?CACHE_TYPE[\"'\]]*\s*[=:]\s*[\"'](?P<flask>SimpleCache|simple|filesystem|FileSystemCache)[\"']"
        r"|^(?P<tools>\w+)\s*=\s*(?:cachetools\.)?(?:TTLCache|LRUCache|LFUCache)\("
    , re.MULTILINE),
    "javascript": re.compile(r"new\s+(?P<js>NodeCache|LRUCache|LRU|QuickLRU)\s*\("),
    "ruby": re.compile(r"cache_store\s*=\s*:(?P<ruby>memory_store|file_store)"),
    "java": re.compile(r"new\s+(?P<java>ConcurrentMapCacheManager|CaffeineCacheManager)\("),
    "go": re.compile(r"\b(?:go-cache|gocache|cache)\.(?P<go>New)\(cache\.|(?P<ristretto>ristretto\.NewCache)\("),
}  # fmt: skip
_CACHES["typescript"] = _CACHES["javascript"]


@RULES.of_files(
    "TF06-local-cache",
    INFO,
    "A cache is in the memory or on the disk of each process.",
    fix="Attach a shared cache where processes must agree; for what may be lost and may differ it is fine.",
    why="Memory is a brief, single-transaction cache; what a process remembers longer, the others do not know.",
    bad={"settings.py": "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}\n"},
    good={"settings.py": "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.redis.RedisCache'}}\n"},
    language=tuple(_CACHES),
    needles=("LocMemCache", "FileBasedCache", "CACHE_TYPE", "TTLCache", "LRUCache", "LFUCache", "NodeCache", "LRU",
             "cache_store", "CacheManager", "go-cache", "ristretto"),
)  # fmt: skip
def cache_is_local(file: SourceFile) -> Iterator[Hit]:
    for line, match in in_code(file, _CACHES[file.language]):
        name = next(text for text in match.groupdict().values() if text)
        yield Hit(
            file.path, line, f"{name} is a cache of this process alone.", ERROR if _holds_sessions(file) else None
        )


def _holds_sessions(file: SourceFile) -> bool:
    return bool(re.search(r"SESSION_ENGINE\s*=\s*[\"']django\.contrib\.sessions\.backends\.cache[\"']", file.text))
