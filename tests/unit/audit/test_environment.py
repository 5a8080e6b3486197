"""What the app reads from its environment, in each language."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.facts.environment import reads

# file -> text -> (variable, literal default, other default, required)
CASES = [
    ("a.py", "import os\nos.environ['AA']", ("AA", None, "", True)),
    ("a.py", "import os\nos.environ.get('AA')", ("AA", None, "", False)),
    ("a.py", "import os\nos.getenv('lower', 60)", ("lower", "60", "", False)),
    ("a.py", "import os\nx = os.environ.get('AA') or 'dev'", ("AA", "dev", "", False)),
    ("a.py", "import os\nx = os.environ.get('AA', '').replace('a', 'b') or 'x' + y", ("AA", "", "'x' + y", False)),
    ("a.py", "import os\nx = os.environ['AA'] if 'AA' in z else 'y'", ("AA", "y", "", False)),
    ("a.py", "import os\nK = os.environ.get('K')\nif not K:\n    K = 'dev'", ("K", "dev", "", False)),
    ("a.py", "from decouple import config\nconfig('AA', default='b')", ("AA", "b", "", False)),
    ("a.py", "from decouple import config\nconfig('AA')", ("AA", None, "", True)),
    ("a.py", "import environ\nenv = environ.Env()\nenv.bool('AA', default=True)", ("AA", "True", "", False)),
    ("a.py", "import environ\nenv = environ.Env()\nenv('AA', str)", ("AA", None, "", False)),
    ("a.py", "import dj_database_url\ndj_database_url.config(default='pg://x')", ("DATABASE_URL", "pg://x", "", False)),
    (
        "a.py",
        "from h import get_bool_from_env\nget_bool_from_env('DEBUG', True)  # getenv",
        ("DEBUG", "True", "", False),
    ),
    ("a.py", "class S(BaseSettings):\n    api_key: str", ("API_KEY", None, "", True)),
    (
        "a.py",
        "from twelve_runtime.config import Config, Secret\nclass S(Config):\n    api_key: Secret",
        ("API_KEY", None, "", True),
    ),
    ("a.py", "class S(BaseSettings):\n    key: str = Field('x', alias='APP_KEY')", ("APP_KEY", "x", "", False)),
    ("a.js", "const p = process.env.PORT || 3000", ("PORT", "3000", "", False)),
    ("a.js", "const p = process.env['AA'] ?? process.env.B ?? 'c' // x", ("AA", "c", "", False)),
    ("a.ts", "const { AA = 'b' } = process.env", ("AA", "b", "", False)),
    ("a.rb", "ENV.fetch('AA')", ("AA", None, "", True)),
    ("a.rb", "ENV.fetch('AA', 'b')", ("AA", "b", "", False)),
    ("a.rb", 'ENV.fetch("AA") { "b" }', ("AA", "b", "", False)),
    ("a.rb", "ENV['AA'] || 'b'", ("AA", "b", "", False)),
    ("a.go", 'os.Getenv("AA")', ("AA", None, "", False)),
    ("a.go", 'a := os.Getenv("AA")\nif a == "" {\n\ta = "b"\n}', ("AA", "b", "", False)),
    ("a.go", 'getEnv("AA", "b")', ("AA", "b", "", False)),
    ("A.java", 'System.getenv("AA")', ("AA", None, "", False)),
    ("A.java", 'Optional.ofNullable(System.getenv("AA")).orElse("b")', ("AA", "b", "", False)),
    ("application.properties", "x=${AA:b}", ("AA", "b", "", False)),
    ("application.yml", "x: ${AA}", ("AA", None, "", True)),
    ("run.sh", "x=${AA:-b}", ("AA", "b", "", False)),
]


@pytest.mark.parametrize(("path", "text", "want"), CASES)
def test_a_read_is_found_with_what_takes_its_place(path, text, want):
    first = reads(Codebase.of({path: text}))[0]
    assert (first.name, first.default, first.otherwise, first.required) == want


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "# os.environ['AA']"),
        ("a.py", "os.environ['AA'] = 'b'"),
        ("a.js", "// process.env.AA"),
        ("a.js", "process.env.AA = 'b'"),
        ("a.rb", "ENV['AA'] = 'b'"),
        ("a.go", 'os.Setenv("AA", "b")'),
        ("tests/a.py", "import os\nos.environ['AA']"),
        ("other.yml", "x: ${AA:b}"),
        ("a.py", "def broken(:\nos.environ['AA']"),
    ],
)
def test_what_is_none(path, text):
    assert reads(Codebase.of({path: text})) == []
