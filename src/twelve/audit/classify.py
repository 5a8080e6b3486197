"""What a file is for, told by its path alone. Pure."""

import re
from enum import StrEnum


class Kind(StrEnum):
    PRODUCTION = "production"
    DEVELOPMENT = "development"
    TEST = "test"
    BUILD = "build"
    DOCS = "docs"
    EXAMPLE = "example"
    VENDORED = "vendored"


# The first that matches decides.
_BY_PATH = [
    (Kind.VENDORED, r"(^|/)(node_modules|bower_components|vendor|vendors|third[_-]?party|site-packages|\.yarn|\.mvn)/"),
    (Kind.VENDORED, r"(\.min\.(js|css)|[.-]bundle\.js|\.pnp\.c?js)$|(^|/)(mvnw|gradlew)(\.cmd|\.bat)?$"),
    (Kind.TEST, r"(^|/)(tests?|testing|__tests__|specs?|e2e|cypress|fixtures?|__mocks__|mocks|testdata)/"),
    (Kind.TEST, r"(^|/)(test_[^/]*|conftest|[^/]*_tests?|tests?)\.py$|_test\.go$|[._-](test|spec)s?\.[cm]?[jt]sx?$"),
    (Kind.TEST, r"(^|/)src/(test|it)/|(Tests?|IT)\.java$|_(spec|test)\.rb$"),
    (Kind.EXAMPLE, r"(^|/)(examples?|samples?|demos?)/|[._-](example|sample|template|dist)$"),
    (Kind.DOCS, r"(^|/)(docs?|documentation)/|\.(md|rst|adoc)$"),
    (Kind.DEVELOPMENT, r"(^|/)(\.devcontainer|\.vscode|\.idea|dev)/|(^|/)Vagrantfile$"),
    (Kind.DEVELOPMENT, r"(^|/)(docker-)?compose([^/]*)\.ya?ml$|(^|/)(\.env|Procfile)\.(dev|development|local)$"),
    (Kind.DEVELOPMENT, r"(^|[/._-])(dev|development|local)(_settings)?\.(py|js|ts|json|ya?ml|toml|rb|properties)$"),
    (Kind.DEVELOPMENT, r"(^|/)(Docker|Container)file[._-](dev|development|local|tests?|ci)\b|(dev|test)\.Dockerfile$"),
    (Kind.BUILD, r"(^|/)(\.github|\.gitlab|\.circleci|\.buildkite|\.husky)/|(^|/)\.(gitlab-ci|travis)\.ya?ml$"),
    (Kind.BUILD, r"(^|/)(Makefile|Rakefile|Jenkinsfile|setup\.py|noxfile\.py|fabfile\.py)$|^tasks\.py$"),
    (Kind.BUILD, r"(^|/)([Gg]ulpfile|Gruntfile|webpack|rollup|vite|babel|jest|karma)[^/]*\.[cm]?[jt]s$"),
    (Kind.BUILD, r"(^|/)\.?(eslint|tailwind|postcss|prettier)[^/]*\.[cm]?[jt]s$"),
]  # fmt: skip
# A look behind finds the same places as the group does, a seventh quicker.
_PATTERNS = [(kind, re.compile(pattern.replace("(^|/)", "(?<![^/])"))) for kind, pattern in _BY_PATH]

LANGUAGES = {
    ".py": "python",
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".rb": "ruby",
    ".go": "go",
    ".java": "java",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".json": "json",
    ".toml": "toml",
    ".ini": "ini",
    ".cfg": "ini",
    ".properties": "properties",
    ".xml": "xml",
    ".sh": "shell",
    ".bash": "shell",
    ".html": "html",
    ".env": "env",
}
_NAMES = {"Gemfile": "ruby", "Rakefile": "ruby", "config.ru": "ruby", "Procfile": "procfile",
          "www": "javascript"}  # fmt: skip
_DOCKERFILES = ("Dockerfile", "Containerfile")


def kind(path: str) -> Kind:
    return next((found for found, pattern in _PATTERNS if pattern.search(path)), Kind.PRODUCTION)


def language(path: str) -> str:
    """Empty for what is none we know."""
    name = path.rpartition("/")[2]
    if name.startswith((".env", "Procfile")):
        return "env" if name.startswith(".env") else "procfile"
    if name.startswith(_DOCKERFILES) or name.endswith((".dockerfile", ".Dockerfile")):
        return "dockerfile"
    return _NAMES.get(name) or LANGUAGES.get(_suffix(name), "")


def _suffix(name: str) -> str:
    """With its dot; a dot in front makes none."""
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if stem and dot else ""
