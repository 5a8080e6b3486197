"""Programs that serve in development only, as their own documentation says. Data, with sources."""

from collections.abc import Mapping
from itertools import dropwhile
from pathlib import PurePosixPath
from types import MappingProxyType

from twelve.audit.facts.start import Command

_DJANGO = "docs.djangoproject.com/en/stable/ref/django-admin/#runserver"
_NEXT = "nextjs.org/docs/app/api-reference/cli/next"
_VITE = "vite.dev/guide/cli"
_SPRING = "docs.spring.io/spring-boot/maven-plugin/run.html"
# How it is started (a program, or a program and its subcommand) -> where that is said.
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "flask run": "flask.palletsprojects.com/en/stable/deploying",
        "manage.py runserver": _DJANGO,
        "manage.py runserver_plus": "django-extensions.readthedocs.io/en/latest/runserver_plus.html",
        "django-admin runserver": _DJANGO,
        "fastapi dev": "fastapi.tiangolo.com/fastapi-cli",
        "wsgiref.simple_server": "docs.python.org/3/library/wsgiref.html",
        "http.server": "docs.python.org/3/library/http.server.html",
        "php -S": "www.php.net/manual/en/features.commandline.webserver.php",
        "php artisan serve": "laravel.com/docs/installation",
        "nodemon": "nodemon.io",
        "ts-node-dev": "github.com/wclr/ts-node-dev",
        "tsx watch": "tsx.is/watch-mode",
        "node --watch": "nodejs.org/api/cli.html#--watch",
        "supervisor": "github.com/petruisfan/node-supervisor",
        "next dev": _NEXT,
        "next": _NEXT,
        "nuxt dev": "nuxt.com/docs/api/commands/dev",
        "vite": _VITE,
        "vite dev": _VITE,
        "vite serve": _VITE,
        "vite preview": _VITE,
        "webpack-dev-server": "webpack.js.org/configuration/dev-server",
        "webpack serve": "webpack.js.org/configuration/dev-server",
        "react-scripts start": "create-react-app.dev/docs/available-scripts",
        "vue-cli-service serve": "cli.vuejs.org/guide/cli-service.html",
        "ng serve": "angular.dev/cli/serve",
        "gatsby develop": "www.gatsbyjs.com/docs/reference/gatsby-cli",
        "nest start --watch": "docs.nestjs.com/cli/scripts",
        "mvn spring-boot:run": _SPRING,
        "mvnw spring-boot:run": _SPRING,
        "gradle bootRun": "docs.spring.io/spring-boot/gradle-plugin/running.html",
        "gradlew bootRun": "docs.spring.io/spring-boot/gradle-plugin/running.html",
        "air": "github.com/air-verse/air",
    }
)
_ALONE = {"next", "vite"}  # their other subcommands build or serve for production
_LONGEST = max(way.count(" ") + 1 for way in SOURCES)
_ENGINES = {"python", "node", "bun", "deno", "ruby", "tsx", "ts-node"}
_PASSED_OVER = {"-m", "-u", "-B", "-O"}  # options of an interpreter before what it opens


def dev_server(command: Command) -> str:
    """How the development server that a command starts is called in SOURCES; empty when it starts none."""
    words = _plain(command.words)
    ways = (" ".join(words[:count]) for count in range(_LONGEST, 0, -1))
    found = next((way for way in ways if way in SOURCES), "")
    return "" if found in _ALONE and words[1:2] and not words[1].startswith("-") else found


def _plain(words: list[str]) -> list[str]:
    """Without the interpreter that opens it, and without directories: ["manage.py", "runserver"]."""
    if not words:
        return []
    first, rest = PurePosixPath(words[0]).name, words[1:]
    if first.rstrip("0123456789.") in _ENGINES:
        opened = list(dropwhile(_PASSED_OVER.__contains__, rest))
        if opened and not opened[0].startswith("-"):
            return _plain(opened)
    if first == "flask" and "run" in rest:  # flask --app shop run
        return ["flask", "run"]
    return [first, *rest]
