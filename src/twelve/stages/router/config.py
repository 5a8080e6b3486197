"""HAProxy's configuration as text: the rules of the front door, and the routes that a fresh start begins with. Pure.

public   every request: host -> slot, forwarded headers, the router line     waiting   requests of apps that do not
p0000 .. one slot an app: its processes, and behind them `waiting`                     serve: hold, or a page
v000 ..  one slot a treatment of a rollout, so too; behind `waiting` is the control    shadow    copies of requests

A slot exists from the start, as HAProxy cannot make one while it runs; servers and map entries come and go.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from twelve.core.policy.codes import H
from twelve.stages.router import lua
from twelve.stages.router.commands import (
    ADMIN_SOCKET,
    SHADOW_SOCKET,
    WAITING,
    WAITING_SERVER,
    WAITING_SOCKET,
    map_contents,
    map_file,
)
from twelve.stages.router.pages import ANSWERS, OWN_ERRORS, page, raw_response
from twelve.stages.router.routes import Route
from twelve.stages.router.splits import NEWCOMER

SLOTS = 1024
ARMS = 64
NEWCOMERS, SHADOW = "newcomers", "shadow"
LIFE = "LIFE"  # environment variable: the part of every request id that tells one HAProxy's from another's
HOT_MEMORY = 2 << 20  # a thread, about its core's cache: at half a MiB the buffers of 64 connections go to and fro
LONGEST_PATH, LONGEST_LINE = 3072, 4000  # bytes in the log; a line of up to 4096 is written whole or not at all


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Times in seconds. `binds` are "address:port" as HAProxy writes them."""

    binds: tuple[str, ...]
    port: int
    threads: int
    max_connections: int
    slots: int = SLOTS
    arms: int = ARMS
    hold: float = 75
    connect_timeout: float = 5
    first_byte_timeout: float = 30
    idle_timeout: float = 55


def slot_names(count: int) -> list[str]:
    return [f"p{number:04}" for number in range(count)]


def arm_names(count: int) -> list[str]:
    return [f"v{number:03}" for number in range(count)]


def render(door: FrontDoor, routes: Iterable[Route] = ()) -> dict[str, str]:
    """Every file HAProxy reads, by its name in the directory it runs in."""
    routes = list(routes)
    maps = map_contents(routes)
    maps["hosts"][NEWCOMER] = NEWCOMERS
    files = {map_file(name): _map(entries) for name, entries in maps.items()}
    files |= {f"{code}.html": page(code) for code in ANSWERS.values()}
    files |= {f"{status}.http": raw_response(code) for status, code in OWN_ERRORS.items()}
    files["hold.lua"] = lua.hold(map_file("modes"), door.hold)
    files["split.lua"] = lua.split(map_file("splits"), map_file("alloc"), f"unix@{SHADOW_SOCKET}")
    files["haproxy.cfg"] = "\n".join(
        [_global(door), _defaults(door), _public(door), _waiting(door), _shadow(), _slots(door, routes)]
    )
    return files


def _map(entries: Mapping[str, str]) -> str:
    return "".join(f"{key} {value}\n" for key, value in entries.items())


def _global(door: FrontDoor) -> str:
    return f"""global
  nbthread {door.threads}
  maxconn {door.max_connections}
  no strict-limits
  noreuseport
  log stdout len {LONGEST_LINE} format raw local0
  tune.http.logurilen {LONGEST_PATH}
  tune.memory.hot-size {HOT_MEMORY}
  stats socket {ADMIN_SOCKET} mode 600 level admin expose-fd listeners
  stats timeout 60s
  hard-stop-after {_ms(door.first_byte_timeout)}
  lua-load hold.lua
  lua-load-per-thread split.lua
"""


def _defaults(door: FrontDoor) -> str:
    errors = "".join(f"  errorfile {status} {status}.http\n" for status in OWN_ERRORS)
    return f"""defaults front
  mode http
  log global
  option abortonclose
  option dontlognull
  option idle-close-on-response
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
  http-reuse safe
  timeout connect {_ms(door.connect_timeout)}
  timeout client {_ms(door.idle_timeout)}
  timeout server {_ms(door.first_byte_timeout)}
  timeout queue {_ms(door.first_byte_timeout)}
  timeout http-request 30s
  timeout http-keep-alive 75s
  timeout tunnel {_ms(door.idle_timeout)}
{errors}"""


# Raw lines, as core/formats/router_line.py reads them: what a request costs is mostly what is printed and added for it.
_COUNTS = "%Tc %Ta %ST %B %[var(sess.fwd)]"
_REQUEST = "%[var(txn.id)] %r %[var(txn.host)]"

# A UUID whose first and last group are random decimal digits, 58 bits, around this HAProxy's life: numbers of a fixed
# width cost a fifth of what uuid() does. In a header %ID is copied, where %[unique-id] is escaped byte by byte.
_ID = f"%[rand(90000000),add(10000000)]-${{{LIFE}}}-%[rand,add(100000000000)]"

# For an app that is in no rollout, all of rollouts is one look into a map, mostly an empty one: with and without it a
# request takes 27 us of CPU, and one of a rollout 51. A second frontend would spare the look, and take 23 us or more
# beside the dealing: each request has a second connection there.

# Each header costs a rule as much as all of them: the value of one carries the others to the HTTP/1.1 behind.
_FORWARDED = (
    r'http-request set-header X-Request-Start "%[date(0,ms)]\r\nX-Forwarded-For: %[var(sess.fwd)]'
    r'\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: {port}\r\nVia: 1.1 twelve"'
)


def _public(door: FrontDoor) -> str:
    binds = "".join(f"  bind {address}\n" for address in door.binds)
    return f"""frontend public
{binds}  log-format ">%b %s %ts - {_COUNTS} %ID {_REQUEST} -"
  unique-id-format "{_ID}"
  tcp-request session set-var-fmt(sess.fwd) %[src]
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower
  http-request set-var(txn.id) req.hdr(x-request-id) if {{ req.hdr(x-request-id) -m reg ^[A-Za-z0-9+/=-]{{20,200}}$ }}
  http-request set-header X-Request-Id %ID unless {{ var(txn.id) -m found }}
  http-request del-header X-Forwarded-Proto
  http-request del-header X-Forwarded-Port
  {_FORWARDED.format(port=door.port)}
  http-request lua.split if {{ var(txn.host),map_str({map_file("splits")}) -m found }}
  use_backend %[var(txn.host),map_str({map_file("hosts")})]
  default_backend {WAITING}
  {_VARIANT}
"""


# What split.lua puts behind the request id, from the headers it has set.
_DEALT = "|".join(
    [
        "%[req.hdr(x-request-id)]",
        *(f"%[req.hdr(x-twelve-{name})]" for name in ("experiment", "variant", "phase", "unit-hash")),
        "%[var(txn.host)]",
    ]
)
_IS_DEALT = "{ req.hdr(x-twelve-experiment) -m found }"


def _kept(*maps: str) -> str:
    rules = (f"  http-request set-var(txn.app) var(txn.slot),map_str({map_file(name)}) if FALSE\n" for name in maps)
    return "".join(rules)


def _waiting(door: FrontDoor) -> str:
    """The rules that never apply make HAProxy keep those maps: the next server reads them.

    An answer that is still "hold" after the hold means that the client has left.
    """
    patience = _ms(door.hold + 2 * door.first_byte_timeout)
    return f"""backend {WAITING}
  timeout server {patience}
  server {WAITING} unix@{WAITING_SOCKET} send-proxy-v2

backend {NEWCOMERS}
  timeout server {patience}
  {_COOKIE}
  server {WAITING} unix@{WAITING_SOCKET} send-proxy-v2

frontend {WAITING}
  bind unix@{WAITING_SOCKET} mode 600 accept-proxy
  timeout client {patience}
  log-format ">%[var(txn.slot)] %s %ts %[var(txn.answer)] {_COUNTS} - {_REQUEST} %[var(txn.agent)]"
  tcp-request session set-var-fmt(sess.fwd) %[src]
  http-request set-var(txn.id) req.hdr(x-request-id)
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower
  http-request set-var(txn.slot) var(txn.host),map_str({map_file("slots")})
  http-request set-var(txn.answer) var(txn.slot),map_str({map_file("modes")},lost) if {{ var(txn.slot) -m found }}
  http-request set-var(txn.answer) str(unknown) unless {{ var(txn.slot) -m found }}
  http-request set-var(txn.agent) req.hdr(user-agent),url_enc,bytes(0,300) unless {{ var(txn.slot) -m found }}
  http-request set-var(txn.host) req.hdr(host),field(1,:),url_enc,bytes(0,300) unless {{ var(txn.slot) -m found }}
  http-request set-var-fmt(txn.id) {_DEALT} if {{ var(txn.host),map_str({map_file("splits")}) -m found }} {_IS_DEALT}
{_kept("apps", "ids", "arms")}  http-request set-var(txn.app) int(0),map_int({map_file("alloc")}) if FALSE
  http-request lua.hold if {{ var(txn.answer) -m str hold }}
  http-request return status 503 if {{ var(txn.answer) -m str hold }}
{"".join(_page(answer, code) for answer, code in ANSWERS.items())}  use_backend %[var(txn.slot)]
"""


_COOKIE = (
    'http-after-response add-header Set-Cookie "twelve_unit=%[var(txn.new)]; Path=/; Max-Age=31536000; HttpOnly; '
    'SameSite=Lax" if { var(txn.new) -m found }'
)


# An answer of an app in no rollout pays for the question alone: 214 of 45,300 instructions, too few to see in its time.
_VARIANT = "http-after-response set-header X-Twelve-Variant %[var(txn.variant)] if { var(txn.variant) -m found }"


def _shadow() -> str:
    """Copies of requests, which nobody waits for and no line tells of."""
    return f"""frontend {SHADOW}
  bind unix@{SHADOW_SOCKET} mode 600
  no log
  use_backend %[req.hdr(host),field(1,:),lower,map_str({map_file("hosts")})]
"""


def _page(answer: str, code: str) -> str:
    content = f"content-type text/html file {code}.html hdr cache-control no-store"
    return f"  http-request return status {H[code].status} {content} if {{ var(txn.answer) -m str {answer} }}\n"


def _slots(door: FrontDoor, routes: Iterable[Route]) -> str:
    """A request is kept for a repetition only where another process could take it: the copy is dear, and what broke
    the only process must not be thrown at it three times more. Behind a treatment's there is always the control.
    """
    servers: dict[str, list[str]] = {}
    for route in routes:
        for pool in route.pools.values():
            processes = [f"{one.label} 127.0.0.1:{one.port}{'' if one.ready else ' weight 0'}" for one in pool.servers]
            servers[pool.slot] = [*processes, *([f"{WAITING} {WAITING_SERVER}"] if pool.waits else [])]
    slots = "".join(_slot(name, "slots", servers.get(name, [])) for name in slot_names(door.slots))
    arms = "".join(_slot(name, "arms", servers.get(name, [])) for name in arm_names(door.arms))
    streams = (
        f"http-request set-timeout server {_ms(door.idle_timeout)} if {{ req.hdr(accept) -m beg text/event-stream }}"
    )
    return f"""defaults slots from front
  balance leastconn
  http-request disable-l7-retry if {{ nbsrv lt 2 }} || !METH_GET
  {streams}

{slots}
defaults arms from front
  balance leastconn
  http-request disable-l7-retry if !METH_GET
  {streams}
  {_COOKIE}

{arms}"""


def _slot(name: str, kind: str, servers: Iterable[str]) -> str:
    return f"backend {name} from {kind}\n" + "".join(f"  server {server}\n" for server in servers)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms"
