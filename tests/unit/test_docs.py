"""The documents keep up with the code: exit codes, settings, rooms and commands that exist are described, and only those."""

import re
import tomllib
from pathlib import Path

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.report import formats
from twelve.audit.rules import AI_MODULE, MODULES, all_rules
from twelve.core.errors import all_errors
from twelve.core.policy import codes
from twelve.faces.cli.commands.audit import FORMATS
from twelve.faces.cli.group import COMMANDS
from twelve.infra.components import LAZY

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "twelve"
READ_BY_PEOPLE = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def rows(markdown, heading):
    """The cells of the table below a heading, without its first row."""
    section = markdown.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_every_exit_code_is_explained_with_its_id_and_none_is_made_up():
    documented = {
        (int(code), name.strip("`"))
        for code, name, *_ in rows(text("docs/troubleshooting.md"), "## Exit codes")
        if name
    }
    assert documented == {(error.exit_code, error.id) for error in all_errors().values()}


def test_the_bands_of_the_architecture_hold_every_exit_code():
    bands = [cell[0] for cell in rows(text("ARCHITECTURE.md"), "## Exit codes")]
    spans = [tuple(map(int, re.findall(r"\d+", band))) for band in bands]
    for error in all_errors().values():
        assert any(span[0] <= error.exit_code <= span[-1] for span in spans), error


@pytest.mark.parametrize(
    ("heading", "table"),
    [("## H: a request", codes.H), ("## R: a process", codes.R), ("## L: the log stream", codes.L)],
)
def test_every_code_of_the_log_is_explained(heading, table):
    assert [row[0] for row in rows(text("docs/troubleshooting.md"), heading)] == list(table)


def test_every_room_has_its_factor_and_every_factor_its_room():
    table = rows(text("ARCHITECTURE.md"), "## Factor, room, command")
    assert [row[0].split()[0] for row in table] == [
        "I",
        "II",
        "III",
        "IV",
        "V",
        "VI",
        "VII",
        "VIII",
        "IX",
        "X",
        "XI",
        "XII",
    ]
    named = {room for row in table for room in quoted(row[1])}
    existing = {f"stages/{path.parent.name}" for path in (SOURCE / "stages").glob("*/__init__.py")}
    assert named == existing


def test_the_commands_of_the_factor_table_exist():
    named = {command for row in rows(text("ARCHITECTURE.md"), "## Factor, room, command") for command in quoted(row[3])}
    assert named <= set(COMMANDS)


def test_the_factor_table_names_the_rules_of_each_factor():
    table = rows(text("ARCHITECTURE.md"), "## Factor, room, command")
    assert {row[0].split()[0]: quoted(row[4])[0] for row in table} == {
        item: f"rules/{module}.py" for item, module in MODULES.items()
    }
    assert f"`rules/{AI_MODULE}.py`" in text("ARCHITECTURE.md")
    assert all((SOURCE / "audit" / "rules" / f"{module}.py").exists() for module in [*MODULES.values(), AI_MODULE])


def test_every_format_of_the_audit_is_explained():
    explained = {quoted(row[0])[0] for row in rows(text("docs/audit.md"), "## Reports")}
    assert explained == set(FORMATS) == set(formats.MODULES)


def test_the_readme_names_every_command():
    shown = set(re.findall(r"`([a-z]+)", "".join(row[1] for row in rows(text("README.md"), "## Commands"))))
    assert set(COMMANDS) - {"help"} <= shown


def test_every_variable_the_code_reads_is_documented():
    read = set()
    for path in [*SOURCE.rglob("*.py"), *(ROOT / "script").iterdir(), ROOT / "twelve"]:
        if path.is_file():
            read |= set(re.findall(r"\bTWELVE_[A-Z]+(?:_[A-Z]+)*\b", path.read_text(encoding="utf-8")))
    described = set(re.findall(r"\bTWELVE_[A-Z]+(?:_[A-Z]+)*\b", text("ARCHITECTURE.md")))
    assert read == described


def test_every_dependency_has_its_reason():
    project = tomllib.loads(text("pyproject.toml"))
    declared = {re.split(r"[\[<>=! ]", requirement)[0] for requirement in project["project"]["dependencies"]}
    listed = {name for row in rows(text("ARCHITECTURE.md"), "### Dependencies") for name in row[0].split(", ")}
    assert listed == declared | set(LAZY)


@pytest.mark.parametrize("name", READ_BY_PEOPLE)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text(name)):
        if "://" not in target:
            assert (ROOT / name).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("name", READ_BY_PEOPLE)
def test_files_of_the_source_that_documents_name_exist(name):
    paths = re.findall(r"`((?:core|infra|stages|flow|faces)/[a-z_/]+(?:\.py)?)`", text(name))
    for path in paths:
        assert (SOURCE / path).exists(), path


def test_the_page_accepts_findings_that_there_are():
    block = re.search(r"```python\n(.*?twelve: ignore.*?)```", text("docs/audit.md"), re.DOTALL)
    assert block
    found = {(one.rule, one.line) for one in findings(Codebase.of({"app.py": block[1]}), all_rules())}
    assert ("TF03-hardcoded-secret", 1) in found


def test_whoever_installs_from_the_repository_installs_both_of_its_distributions():
    """The library is on no index: pip takes it from beside the platform only when it is told to."""
    asked = re.findall(r"(?i)pip install .*twelve.*", "\n".join(map(text, [*READ_BY_PEOPLE, "runtime/README.md"])))
    assert len(asked) == 4
    assert all("git+$TWELVE_REPOSITORY#subdirectory=runtime" in line for line in asked)
    assert "additional_dependencies: [./runtime]" in text(".pre-commit-hooks.yaml")
