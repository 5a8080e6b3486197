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
_UVICORN = "www.uvicorn.org/settings/#development"
_REMIX = "remix.run/docs/en/main/other-api/dev"
_PARCEL = "parceljs.org/features/development"
# How it is started (a program, or a program and its subcommand or option) -> where that is said.
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
        "uvicorn --reload": _UVICORN,
        "gunicorn --reload": "docs.gunicorn.org/en/stable/settings.html#reload",
        "hypercorn --reload": "hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html",
        "pserve --reload": "docs.pylonsproject.org/projects/pyramid/en/latest/pscripts/pserve.html",
        "sanic --dev": "sanic.dev/en/guide/running/running.html",
        "hupper": "docs.pylonsproject.org/projects/hupper",
        "watchmedo auto-restart": "github.com/gorakhargosh/watchdog",
        "watchfiles": "watchfiles.helpmanual.io/cli",
        "babel-node": "babeljs.io/docs/babel-node",
        "pm2-runtime --watch": "pm2.keymetrics.io/docs/usage/watch-and-restart",
        "nuxi dev": "nuxt.com/docs/api/commands/dev",
        "astro dev": "docs.astro.build/en/reference/cli-reference/#astro-dev",
        "remix dev": _REMIX,
        "remix vite:dev": _REMIX,
        "react-router dev": "reactrouter.com/start/framework/installation",
        "strapi develop": "docs.strapi.io/cms/cli#strapi-develop",
        "parcel": _PARCEL,
        "parcel serve": _PARCEL,
        "rerun": "github.com/alexch/rerun",
        "shotgun": "github.com/rtomayko/shotgun",
        "CompileDaemon": "github.com/githubnemo/CompileDaemon",
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
_ALONE = {"next", "vite", "parcel"}  # their other subcommands build or serve for production
_ENGINES = {"python", "node", "bun", "deno", "ruby", "tsx", "ts-node"}
_PASSED_OVER = {"-m", "-u", "-B", "-O"}  # options of an interpreter before what it opens
_WITH_APP = {"--app", "-A"}  # of flask: `flask --app run db upgrade`


def dev_server(command: Command) -> str:
    """How the development server that a command starts is called in SOURCES; empty when it starts none."""
    words = _plain(command.words)
    return next((way for way in _BY_PROGRAM.get(words[0], ()) if _is_way(way, words[1:])), "") if words else ""


def _by_program() -> dict[str, list[str]]:
    """The longest way first."""
    found: dict[str, list[str]] = {}
    for way in sorted(SOURCES, key=len, reverse=True):
        found.setdefault(way.partition(" ")[0], []).append(way)
    return found


_BY_PROGRAM = _by_program()


def _is_way(way: str, rest: list[str]) -> bool:
    """Options may stand between a program and its subcommand: `mvn -q spring-boot:run`."""
    if way in _ALONE:
        return not rest or rest[0].startswith("-") or rest[0].endswith(".html")
    wanted = way.split()[1:]
    given = [word for before, word in zip(["", *rest], rest, strict=False) if before not in _WITH_APP]
    subcommand = next((word for word in given if word[:1] not in {"-", "+"}), "")
    is_goal = way.startswith(("mvn", "gradle", "flask"))  # others may stand before it
    return all(word in given and (word.startswith("-") or is_goal or word == subcommand) for word in wanted)


def _plain(words: list[str]) -> list[str]:
    """Without the interpreter that opens it, and without directories: ["manage.py", "runserver"]."""
    if not words:
        return []
    first, rest = PurePosixPath(words[0]).name, words[1:]
    if first.rstrip("0123456789.") in _ENGINES:
        opened = list(dropwhile(_PASSED_OVER.__contains__, rest))
        if opened and not opened[0].startswith("-"):
            return _plain(opened)
    return [first, *rest]
