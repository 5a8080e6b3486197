"""What a person sees when no app can answer: one small static page a code."""

from collections.abc import Mapping

from twelve.core.policy.codes import H

# what the front door knows of an app -> the code it answers with
ANSWERS: Mapping[str, str] = {
    "crashed": "H10",
    "none": "H14",
    "timeout": "H20",
    "unknown": "H31",
    "maintenance": "H80",
    "blank": "H81",
    "lost": "H99",
}
# HAProxy's own errors by the status it would give: closed without response, refused, too late
OWN_ERRORS: Mapping[int, str] = {502: "H13", 503: "H21", 504: "H12"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "H14": ("Nothing runs here", "This app has no web process. Scale it up, and it answers."),
    "H20": ("Still starting", "The app took too long to start. Try again in a moment."),
    "H31": ("No such app", "No app answers to this host name."),
    "H80": ("Down for maintenance", "The app is being worked on and will be back soon."),
    "H81": ("Nothing here yet", "The app was created, and nothing was deployed to it so far."),
}
_USUAL = ("Application error", "The app could not answer this request. If it is yours, its log tells why.")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto; padding: 0 1rem; color: #222 }}
  small {{ color: #666 }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #16181d; color: #eee }} small {{ color: #aaa }} }}
</style>
<h1>{title}</h1>
<p>{advice}</p>
<small>{code} {desc}</small>
</html>
"""


def page(code: str) -> str:
    title, advice = _WORDS.get(code, _USUAL)
    return _PAGE.format(title=title, advice=advice, code=code, desc=H[code].desc)


def raw_response(code: str) -> str:
    """The page as HAProxy wants it for its own errors: a whole HTTP response."""
    body = page(code)
    head = [
        "HTTP/1.1 503 Service Unavailable",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body.encode())}",
        "Cache-Control: no-cache, no-store",
        "Connection: close",
    ]
    return "\r\n".join(head) + "\r\n\r\n" + body
