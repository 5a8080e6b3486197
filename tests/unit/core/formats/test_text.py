import pytest

from twelve.core.errors import BadDotenv, BadProcfile
from twelve.core.formats import dotenv, procfile, text

PARSERS = [procfile.parse, dotenv.parse]


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    ("data", "line", "column", "code"),
    [
        pytest.param(b"web: \xff\n", 1, 6, "not-utf-8", id="a byte that is never UTF-8"),
        pytest.param(b"a=b\nc=\xc3", 2, 3, "not-utf-8", id="a truncated sequence"),
        pytest.param(b"\xff\xfew\0", 1, 1, "not-utf-8", id="UTF-16"),
        pytest.param(b"a\r\nb\rc\xff", 3, 2, "not-utf-8", id="CRLF and CR are one line end each"),
        pytest.param(b"#" * (text.LIMIT + 1), 1, 1, "too-large", id="a byte over 1 MiB"),
    ],
)
def test_bytes_that_are_no_text(parse, data, line, column, code):
    result, notes = parse(data)
    assert result == {}
    assert [(n.line, n.column, n.level, n.code) for n in notes] == [(line, column, "error", code)]


def test_a_full_mebibyte_is_read():
    assert dotenv.parse(b"A=" + b"x" * (text.LIMIT - 2))[1] == []


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        pytest.param(
            "web: a\nweb : b\n",
            [
                'Procfile:2:4: error: expected "<type>: <command>"; a type has letters, digits, "-" and "_"',
                "    web : b",
                "       ^",
            ],
            id="the caret is under the first wrong character",
        ),
        pytest.param(
            "\t+x: b\n",
            [
                'Procfile:1:2: error: expected "<type>: <command>"; a type has letters, digits, "-" and "_"',
                "    \t+x: b",
                "    \t^",
            ],
            id="a tab keeps its width",
        ),
        pytest.param(
            "web: a\x1b[31m\0\n",
            ["Procfile:1:12: error: NUL character", "    web: a\ufffd[31m\ufffd", "               ^"],
            id="no escape sequence reaches the terminal",
        ),
        pytest.param(
            "web\n",
            [
                'Procfile:1:4: error: expected "<type>: <command>"; a type has letters, digits, "-" and "_"',
                "    web",
                "       ^",
            ],
            id="after the end of the line",
        ),
        pytest.param(
            "web: foo \\\n  --bar\n",
            [
                'Procfile:2:1: error: a command is one line; the "\\" that ends line 1 does not continue it',
                "      --bar",
                "    ^",
            ],
            id="a continued line",
        ),
    ],
)
def test_a_procfile_finding_shows_its_line(source, shown):
    _, notes = procfile.parse(source.encode())
    assert procfile.render(notes, source.encode()) == shown


def test_a_long_line_is_shown_around_the_place():
    source = b"x" * 500 + b"!" + b"y" * 500
    _, line, caret = procfile.render(procfile.parse(source)[1], source)
    assert len(line) < 200
    assert line[caret.index("^")] == "!"


def test_all_errors_of_a_procfile_are_told_and_the_first_is_the_message():
    with pytest.raises(BadProcfile) as caught:
        procfile.load(b"web: a\n???\nweb: b\nworker:\n")
    problem = caught.value
    assert str(problem.where) == "Procfile:2:1"
    assert problem.message.endswith('"-" and "_" (2 more below).')
    assert [line.split(": ")[0] for line in problem.log if line.startswith("Procfile")] == [
        "Procfile:2:1",
        "Procfile:3:1",
        "Procfile:4:1",
    ]


def test_a_good_procfile_is_loaded_with_its_warnings():
    types, notes = procfile.load(b" Web: a\n")
    assert types == {"Web": "a"}
    assert [note.message for note in notes] == [
        "blanks before the process type are ignored",
        'process type "Web" is not a DNS label; Kubernetes objects get another name; only "web" receives HTTP',
    ]


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("source", "first"),
    [
        pytest.param(f"A=1\n{SECRET}\n", ".env:2:1: error: expected KEY=value", id="a value on a line of its own"),
        pytest.param(
            f"A-B={SECRET}",
            '.env:1:1: error: "A-B" is not a variable name (letters, digits, "_"; no digit first)',
            id="bad key",
        ),
        pytest.param(
            f"K=-----BEGIN\n+{SECRET}==\n",
            '.env:2:1: error: this is not a variable name (letters, digits, "_"; no digit first)',
            id="the base64 tail of an unquoted key is no key to show",
        ),
        pytest.param(f"A='{SECRET}", ".env:1:3: error: the quote opened here is never closed", id="open quote"),
        pytest.param(
            f'  export A = "x"{SECRET}',
            '.env:1:17: error: unexpected text after the closing quote of "A"',
            id="text after a quote",
        ),
        pytest.param(f"A={SECRET}\0", ".env:1:17: error: NUL character", id="NUL"),
    ],
)
def test_no_finding_of_a_dotenv_shows_a_value(source, first):
    with pytest.raises(BadDotenv) as caught:
        dotenv.load(source.encode())
    assert caught.value.log[0] == first
    assert SECRET not in " ".join([str(caught.value), *caught.value.log])
