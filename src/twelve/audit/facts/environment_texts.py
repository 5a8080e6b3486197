"""What JavaScript, Ruby, Go, Java, Spring properties and shell scripts read from their environment, by their text."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.comments import is_inside_string, uncommented
from twelve.audit.facts.environment_python import Found

ALTERNATIVES = 8  # of one variable
_LITERAL = r"""(?:"(?P<d>[^"\n]*)"|'(?P<s>[^'\n]*)'|`(?P<b>[^`$]*)`|(?P<n>\d[\d_.]*|true|false)\b)"""
_JS_READ = re.compile(
    r"""(?:process\.env|Bun\.env)(?:\??\.(?P<dot>[A-Za-z_]\w*+)|\[\s*["'](?P<key>\w+)["']\s*\])(?!\s*=[^=])"""
    r"""|Deno\.env\.get\(\s*["'](?P<deno>\w+)["']\s*\)"""
)
_JS_UNPACKED = re.compile(r"\{([^{}]*)\}\s*=\s*process\.env\b")
_JS_CONFIG = re.compile(
    r"""\b[cC]onfig(?:Service)?\.get(?:OrThrow)?(?:<\w{1,40}>)?\(\s*+["'](?P<name>[A-Z][A-Z0-9_]{1,80})["']\s*+(?:,\s*+"""
    + _LITERAL
    + r""")?\s*+\)"""
)
_JS_OR = re.compile(
    r"(?<!\s)\s*+(?:\|\||\?\?)\s*+(?:" + _LITERAL + r"|(?P<other>[\w$.]++(?:\([^()\n]*+\))?(?:\.\w++\([^()]*+\))?))"
)
_RUBY_READ = re.compile(r"""ENV(?P<fetch>\.fetch\(\s*|\[\s*)["'](?P<name>\w+)["']\s*""")
_RUBY_DEFAULT = re.compile(r",\s*" + _LITERAL + r"|\)\s*(?:\{|do)\s*" + _LITERAL.replace("P<", "P<block_"))
_RUBY_OR = re.compile(
    r"\](?:\.presence)?\s*(?:\|\|=?|\bor\b)\s*(?:" + _LITERAL + r"|(?P<other>[\w.:]+(?:\([^()\n]*\))?))"
)
_RUBY_WRITE = re.compile(r"\]\s*=[^=~]")
_GO_READ = re.compile(
    r"""\b(?P<call>(?:\w{1,80}\.)?\w{0,80}?[eE]nv\w{0,80})\(\s*"(?P<name>[A-Z][A-Z0-9_]+)"\s*(?:,\s*"(?P<default>[^"\n]*)")?"""
)
_GO_TAG = re.compile(r"""\b(?:env|envconfig):"(?P<name>[A-Z][A-Z0-9_]++)[^"]*+"(?P<rest>[^`\n]*+)""")
_GO_TARGET = re.compile(r"\b(\w++)(?:\s*+,\s*+(\w++))?\s*+:?=\s*+$")
_JAVA_READ = re.compile(
    r"""getenv\(\s*"(?P<name>\w+)"\s*\)(?:\s*+(?:\)\s*+)?\.orElse\(\s*"(?P<or>[^"\n]*)"|\s*+!=\s*+null\s*+\?[^:;\n]{1,80}:\s*+"(?P<chosen>[^"\n]*)")?"""
    r"""|getenv\(\)\.(?:getOrDefault|get)\(\s*"(?P<map>\w+)"(?:\s*,\s*"(?P<default>[^"\n]*)")?"""
)
_SPRING_VALUE = re.compile(r"@Value\(\s*\"\$\{(?P<name>[a-z][\w.-]*+):(?P<default>[^{}\"\n]*)\}")
_SPRING_READ = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]+)(?::(?P<default>[^{}\n]*))?\}")
_SHELL_READ = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]+):?(?P<kind>[-=?])(?P<default>[^{}\n]*)\}")


def of_javascript(file: SourceFile) -> Iterator[Found]:
    text = uncommented(file)
    for match in _done(file, _JS_READ):
        one = Found(match["dot"] or match["key"] or match["deno"], file.line_at(match.start()))
        _js_default(text, match.end(), one)
        _js_instead(text, match, one)
        yield one
    for match in _done(file, _JS_CONFIG):
        one = Found(match["name"], file.line_at(match.start()), _literal(match))
        _js_default(text, match.end(), one)
        yield one
    for match in _JS_UNPACKED.finditer(text):
        for part in match[1].split(","):
            if field := re.match(r"\s*(\w+)\s*(?::\s*\w+\s*)?(?:=\s*" + _LITERAL + ")?", part):
                yield Found(field[1], file.line_at(match.start()), _literal(field))


def _js_default(text: str, end: int, one: Found) -> None:
    """What follows `||` or `??`; another variable may stand in between."""
    for _ in range(ALTERNATIVES):
        if (match := _JS_OR.match(text, end)) is None:
            return
        literal = _literal(match)
        if literal is not None:
            one.default, one.otherwise = literal, ""
            return
        one.otherwise = match["other"] or ""
        end = match.end()


def _js_instead(text: str, match: re.Match[str], one: Found) -> None:
    """What stands behind `X ? X :`, or is put in its place by an `if (!name)` of the next lines."""
    rest = text[match.end() : match.end() + 300]
    name = re.search(r"\b(\w{1,80})\s*=\s*$", text[max(0, match.start() - 100) : match.start()])
    chosen = re.compile(r"^\s*+\?\s*+" + re.escape(match[0]) + r"\s*+:\s*+" + _LITERAL).match(rest)
    if not chosen and name:
        chosen = re.search(rf"\bif\s*+\(\s*+!\s*+{name[1]}\s*+\)\s*+(?:\{{\s*+)?{name[1]}\s*+=\s*+" + _LITERAL, rest)
    if chosen and one.default is None:
        one.default = _literal(chosen)


def of_ruby(file: SourceFile) -> Iterator[Found]:
    text = uncommented(file)
    for match in _done(file, _RUBY_READ):
        fetched = match["fetch"].startswith(".fetch")
        if not fetched and _RUBY_WRITE.match(text, match.end()):
            continue
        told = (_RUBY_DEFAULT if fetched else _RUBY_OR).match(text, match.end())
        default = _literal(told) if told else None
        other = (told.groupdict().get("other") or "") if told and default is None else ""
        bare = (
            fetched
            and text[match.end() : match.end() + 1] == ")"
            and not re.match(r"\)\s*(\{|do\b)", text[match.end() :])
        )
        yield Found(match["name"], file.line_at(match.start()), default, other, required=bare)


def of_go(file: SourceFile) -> Iterator[Found]:
    text = uncommented(file)
    for match in _done(file, _GO_READ):
        one = Found(match["name"], file.line_at(match.start()), match["default"])
        start = text.rfind("\n", 0, match.start()) + 1
        if one.default is None and (target := _GO_TARGET.search(text[start : match.start()])):
            name, known = target[1], target[2] or "ok"
            filled = re.compile(
                rf'if\s+(?:{name}\s*==\s*""|len\({name}\)\s*==\s*0|!{known})\s*\{{\s*{name}\s*=\s*"([^"\n]*)"'
            ).search(text, match.end(), match.end() + 400)
            one.default = filled[1] if filled else None
        if one.default is None and text[: match.start()].endswith("cmp.Or("):
            told = re.compile(r'\)\s*,\s*"([^"\n]*)"').match(text, match.end())
            one.default = told[1] if told else None
        if "Setenv" not in match["call"] and "Unsetenv" not in match["call"]:
            yield one
    for match in _GO_TAG.finditer(text):
        default = re.search(r'(?:envDefault|default):"([^"]*)"', match["rest"])
        required = "required" in match[0]
        yield Found(match["name"], file.line_at(match.start()), default[1] if default else None, required=required)


def of_java(file: SourceFile) -> Iterator[Found]:
    text = uncommented(file)
    for match in _done(file, _JAVA_READ):
        default = (match["or"] if match["or"] is not None else match["chosen"]) if match["name"] else match["default"]
        yield Found(match["name"] or match["map"], file.line_at(match.start()), default)
    if "@Value" in text:
        yield from of_spring(file)
        for match in _SPRING_VALUE.finditer(text):  # relaxed binding: jwt.secret is JWT_SECRET
            name = re.sub(r"[.-]", "_", match["name"]).upper()
            yield Found(name, file.line_at(match.start()), match["default"])


def of_yaml(file: SourceFile) -> Iterator[Found]:
    """Spring's, or what Ruby fills in; Rails keeps development and tests beside production."""
    if "<%" not in file.text:
        yield from of_spring(file)
        return
    for one in of_ruby(file):
        above = (text for text in reversed(file.lines[: one.line]) if text[:1].isalpha())
        one.debugging = next(above, "").partition(":")[0] in {"development", "test"}
        yield one


def of_spring(file: SourceFile) -> Iterator[Found]:
    """`${NAME:default}` of properties, YAML and XML that Spring reads; YAML of other programs has other rules."""
    if file.language == "yaml" and not file.name.startswith(("application", "bootstrap")):
        return
    for match in _SPRING_READ.finditer(uncommented(file)):
        yield Found(match["name"], file.line_at(match.start()), match["default"], required=match["default"] is None)


def of_shell(file: SourceFile) -> Iterator[Found]:
    for match in _SHELL_READ.finditer(uncommented(file)):
        strict = match["kind"] == "?"
        yield Found(match["name"], file.line_at(match.start()), None if strict else match["default"], required=strict)


def _done(file: SourceFile, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Where it is code: neither in a comment nor only quoted. What is put into a template or a string is code."""
    for match in pattern.finditer(text := uncommented(file)):
        if not is_inside_string(file, match.start()) or text[: match.start()].rstrip().endswith(("${", "#{")):
            yield match


def _literal(match: re.Match[str]) -> str | None:
    groups = match.groupdict()
    for name in ("d", "s", "b", "n", "block_d", "block_s", "block_b", "block_n"):
        if groups.get(name) is not None:
            return str(groups[name])
    return None
