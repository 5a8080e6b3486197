"""Factor VII, the server itself: that the app brings it, as a declared dependency, and leaves TLS to the router."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import dockerfile, entries, servers, start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.manifests import python_dependencies, ruby_dependencies
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, INFO, Rulebook

RULES = Rulebook()
CONTAINERS = re.compile(
    r"^(?:[\w.-]+(?::\d+)?/)*(?:(tomcat|jetty|tomee|wildfly|payara|glassfish|jboss|open-?liberty|passenger-\w{1,40})\b"
    r"|(?:php|wordpress|drupal):?\S*(apache|fpm))"
)
WAR = re.compile(
    r"<packaging>\s*war\s*</packaging>|^[ \t]*(?:apply plugin:[ \t]*|id[ (]+)?['\"]war['\"]|^[ \t]*war$", re.MULTILINE
)
OUTER = {
    "apachectl",
    "apache2ctl",
    "apache2-foreground",
    "php-fpm",
    "heroku-php-apache2",
    "heroku-php-nginx",
    "catalina.sh",
}
EMBEDDED = re.compile(
    r"spring-boot-maven-plugin|org\.springframework\.boot['\"]|webapp-runner|jetty-runner|tomcat-embed|payara-micro|quarkus|tomee-maven"
)
UNIX_ONLY = re.compile(r"(?:--bind|-b|--uds|--unix-socket|--socket)[= ]\s*+(?:unix:)?(/?\S{0,200}?\.sock)")
TLS_OPTION = re.compile(r"--(?:certfile|keyfile|ssl-keyfile|ssl-certfile|ssl-certificate|https-port)\b")
TLS_CALL = re.compile(
    r"^server\.ssl\.key-store[ \t]*[=:]|\bhttps\.createServer\s*\(|\bListenAndServeTLS\s*\(|\bssl_context\s*="
    r"|\bhttp2\.createSecureServer\s*\(",
    re.MULTILINE,
)


@RULES.of_code(
    "TF07-external-container",
    ERROR,
    "A web server outside the app has to run it.",
    fix="Declare the server as a dependency and start it yourself: an embedded Tomcat or Jetty, gunicorn, puma.",
    why="Factor VII: the app is completely self-contained and does not rely on runtime injection of a webserver.",
    bad={"Dockerfile": "FROM tomcat:10\nCOPY target/app.war /usr/local/tomcat/webapps/\n"},
    good={"Dockerfile": "FROM eclipse-temurin:21\nCOPY target/app.jar .\nCMD exec java -jar app.jar\n"},
)
def outer_server(code: Codebase) -> Iterator[Hit]:
    for stage in dockerfile.production_stages(code):
        if match := CONTAINERS.match(stage.base):
            yield Hit(stage.path, stage.line, f"The app runs inside {match[1] or match[2]} of the base image.")
    yield from _wars(code)
    for one in code.fact(entries.web_starts):
        for command in one.chain:
            if command.program in OUTER:
                yield Hit(command.path, command.line, f"The app runs inside what {command.program} starts.")
            socket = UNIX_ONLY.search(command.text)
            if socket and "$PORT" not in command.text and "--http" not in command.text and ".sock" in socket[1]:
                yield Hit(command.path, command.line, "The app serves on a Unix socket, which needs a web server.")


def _wars(code: Codebase) -> Iterator[Hit]:
    for file in code.find("pom.xml", "build.gradle", "build.gradle.kts", kinds=(Kind.PRODUCTION,)):
        text = uncommented(file)
        match = WAR.search(text)
        if match and not EMBEDDED.search(text):
            yield Hit(file.path, file.line_at(match.start()), "The build makes a WAR for a servlet container.")


@RULES.of_code(
    "TF07-no-server-dep",
    ERROR,
    "A web framework is declared, but no server that could serve it in production.",
    fix="Declare a server (gunicorn, uvicorn, puma) and start it in the web process.",
    why="Factor VII: the webserver is a library of the app, declared like any other dependency.",
    bad={"requirements.txt": "flask==3.0.0\n", "app.py": "", "Procfile": "web: python app.py\n"},
    good={"requirements.txt": "flask==3.0.0\ngunicorn==22.0.0\n", "app.py": "", "Procfile": "web: gunicorn app:app\n"},
)
def no_server(code: Codebase) -> Iterator[Hit]:
    web = code.fact(start.web)
    if web is None:
        return
    production = [one for one in code.fact(python_dependencies) if not one.dev]
    names = {one.name for one in production}
    brought = any("standard" in extras(code, one.path, one.line) for one in production if one.name == "fastapi")
    if not names & servers.PYTHON_SERVERS and not brought and not _is_installed(code, servers.PYTHON_SERVERS):
        for one in [one for one in production if one.name in servers.PYTHON_FRAMEWORKS][:1]:
            yield Hit(one.path, one.line, f"{one.name} is declared, a production server is not.")
    yield from _no_ruby_server(code)


def extras(code: Codebase, path: str, line: int | None) -> str:
    file = code.get(path)
    return file.lines[line - 1] if file and line and line <= len(file.lines) else ""


def _is_installed(code: Codebase, names: set[str]) -> bool:
    runs = [run.value for stage in dockerfile.production_stages(code) for run in stage.of("RUN")]
    return any(re.search(rf"\binstall\b.{{0,2000}}?\b{re.escape(name)}\b", run) for run in runs for name in names)


def _no_ruby_server(code: Codebase) -> Iterator[Hit]:
    gems = [one for one in code.fact(ruby_dependencies) if not one.dev]
    framework = next((one for one in gems if one.name in servers.RUBY_FRAMEWORKS), None)
    if framework and not {one.name for one in gems} & servers.RUBY_SERVERS:
        yield Hit(framework.path, framework.line, f"{framework.name} is declared, a production server is not.")


@RULES.of_code(
    "TF07-https-self",
    INFO,
    "The app terminates TLS itself.",
    fix="Serve plain HTTP on $PORT; the router in front terminates TLS.",
    why="Factor VII: a routing layer handles requests from the public hostname to the port-bound processes.",
    bad={"Procfile": "web: gunicorn app:app --certfile cert.pem --keyfile key.pem\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def own_tls(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(entries.web_starts):
        for command in one.chain:
            if TLS_OPTION.search(command.text):
                yield Hit(command.path, command.line)
    for file, lines in code.extracted(tls_calls):
        yield from (Hit(file.path, line, "The code terminates TLS itself.") for line in lines)


@extraction(
    language=("javascript", "typescript", "go", "python", "properties"),
    needles=("https.createServer", "createSecureServer", "ListenAndServeTLS", "ssl_context", "server.ssl."),
)
def tls_calls(file: SourceFile) -> list[int]:
    return [file.line_at(match.start()) for match in TLS_CALL.finditer(uncommented(file))]
