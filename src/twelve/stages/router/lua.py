"""What the front door does that HAProxy's rules cannot say: hold a request, and deal a rollout's requests out. Pure."""

from twelve.stages.router.splits import KEYS_OF_A_ROLLOUT, NEWCOMER

LONGEST_BODY = 12_000  # bytes
BUFFER = 15_000  # what a body and its headers may have of one together
COPIES = 100  # requests to a shadow under way at a time, for each thread; more are not copied


def hold(modes: str, seconds: float) -> str:
    """The newest requests are looked after most often: an app that was just restarted is back in no time."""
    return f"""local modes = Map.new("{modes}", Map._str)

core.register_action("hold", {{"http-req"}}, function(txn)
  local slot, waited = txn:get_var("txn.slot"), 0
  local answer = modes:lookup(slot)
  while answer == "hold" and waited < {seconds * 1000:.0f} do
    local pause = waited < 2000 and 10 or 50
    core.msleep(pause)
    waited = waited + pause
    answer = modes:lookup(slot)
  end
  if answer == "hold" then answer = "timeout" end
  txn:set_var("txn.answer", answer or "lost")
end)
"""


def split(splits: str, alloc: str, shadow_socket: str) -> str:
    """Only requests for hosts of a rollout come here: the variant of their unit by core/policy/assign.py's formula.

    What the line shall say goes behind the request id, and where the request goes is put in the host's place: so the
    rules that every request passes stay as they are.
    """
    return _READ.format(splits=splits, alloc=alloc, longest=LONGEST_BODY, buffer=BUFFER) + _COPY.format(
        socket=shadow_socket, most=COPIES, longest=LONGEST_BODY
    ) + _DEAL.format(keys=KEYS_OF_A_ROLLOUT, newcomer=NEWCOMER)  # fmt: skip


_READ = """local splits = Map.new("{splits}", Map._str)
local alloc = Map.new("{alloc}", Map._int)
local known, count = {{}}, 0

local function understood(entry)
  local one = known[entry]
  if one then return one end
  if count > 1000 then known, count = {{}}, 0 end
  one = {{}}
  one.number, one.salt, one.phase, one.kind, one.key, one.anonymous, one.release, one.shadow =
    entry:match("^(%d+)|([^|]*)|(%d+)|(%a+):([^|]*)|(%d)|(%d+)|(.*)$")
  one.key_number = one.number * 1000 + one.phase
  known[entry], count = one, count + 1
  return one
end

-- nil when it is too long for the buffer it shares with the headers, or of unknown length, or does not come
local function whole_body(txn)
  local length, waited = tonumber(txn.f:req_fhdr("content-length")), 0
  if not length or length >= {longest} or txn.f:req_fhdr("expect") then return nil end
  if length + #(txn.f:req_hdrs() or "") >= {buffer} then return nil end
  while (txn.f:req_body_len() or 0) < length do
    if waited >= 2000 then return nil end
    core.msleep(waited < 20 and 1 or 10)
    waited = waited + (waited < 20 and 1 or 10)
  end
  return txn.f:req_body() or ""
end

local read = {{
  header = function(txn, key) return txn.f:req_fhdr(key) end,
  cookie = function(txn, key) return txn.f:req_cook(key) end,
  query = function(txn, key)
    local value = txn.f:url_param(key)
    return value and txn.c:url_dec(value, 1)
  end,
  json = function(txn, key)
    local body = whole_body(txn)
    return body and txn.c:json_query(body, key)
  end,
}}
"""

_COPY = """
local copies = 0

local function copy(txn, target)
  local method, body = txn.f:method(), nil
  if method == "POST" then body = whole_body(txn) end
  if copies >= {most} or not (method == "GET" or body) then return end
  local headers = txn.http:req_get_headers()
  for _, name in ipairs{{"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"}} do
    headers[name] = nil
  end
  for name, values in pairs(headers) do
    local list = {{}}
    for place, value in pairs(values) do list[place + 1] = value end
    headers[name] = list
  end
  headers["x-twelve-shadow"] = {{"1"}}
  local asked = {{url = "http://" .. target .. txn.f:pathq(), headers = headers, body = body, timeout = 2000,
    dst = "{socket}"}}
  copies = copies + 1
  core.register_task(function()
    local client = core.httpclient()
    pcall(method == "POST" and client.post or client.get, client, asked)
    copies = copies - 1
  end)
end
"""

_DEAL = """
core.register_action("split", {{"http-req"}}, function(txn)
  local f, http, host = txn.f, txn.http, txn:get_var("txn.host")
  local entry = splits:lookup(host)
  if not entry then return end
  local names = f:req_hdr_names()
  if names and names:find("x-twelve-", 1, true) then
    for name in names:gmatch("[^,]+") do
      if name:find("x-twelve-", 1, true) == 1 then http:req_del_header(name) end
    end
  end
  local one = understood(entry)
  local unit, fresh = read[one.kind](txn, one.key), nil
  if one.shadow ~= "" then copy(txn, one.shadow) end
  if one.anonymous == "1" and (not unit or unit == "") then
    unit = f:req_cook("twelve_unit")
    if not unit or unit == "" then
      fresh = f:uuid()
      unit = fresh
    end
  end
  if not unit or unit == "" then return end
  entry = splits:lookup(host)  -- it may have been long ago: an answer by one phase, not by two
  if not entry then return end
  one = understood(entry)
  local digest = txn.c:sha2(one.salt .. ":" .. unit, 256)
  local bucket = string.unpack(">I7", digest) % 10000
  local hash = string.format("%016x%016x", string.unpack(">i8i8", digest))
  local arm, variant, release, place = alloc:lookup(one.key_number * {keys} + bucket), "a", one.release, nil
  if arm then variant, release, place = arm:match("^(%a):(%d+):(.*)$") end
  txn:set_var("txn.variant", variant)
  http:req_add_header("x-twelve-experiment", one.salt)
  http:req_add_header("x-twelve-variant", variant)
  http:req_add_header("x-twelve-release", "v" .. release)
  http:req_add_header("x-twelve-unit-hash", hash)
  http:req_add_header("x-twelve-phase", one.phase)
  txn:set_var("txn.id", table.concat(
    {{txn:get_var("txn.id") or "-", one.salt, variant, one.phase, hash, host}}, "|"))
  if fresh then txn:set_var("txn.new", fresh) end
  if place or fresh then txn:set_var("txn.host", place or "{newcomer}") end
end)
"""
