"""Which versions a manifest allows, by the rules of its language, and what a lock that has another one is."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.facts.ranges import allows
from twelve.audit.rules import f02_dependencies

RULES = [rule for rule in f02_dependencies.RULES.rules if rule.id == "TF02-lock-drift"]


@pytest.mark.parametrize(
    ("language", "wanted", "version", "expected"),
    [
        ("python", "==3.1.0", "3.1.0", True),
        ("python", "==3.1.*", "3.2", False),
        ("python", ">=2,<3", "3.0", False),
        ("python", "~=2.2", "2.9", True),
        ("python", "~=2.2", "3.0", False),
        ("python", ">=3", "3.1.0rc1", None),
        ("python", ">=3.1rc1", "3.0", None),
        ("python", "!=3.1", "3.1", None),
        ("python", ">=2,!=2.5", "3.0", None),
        ("python", "===3.1", "3.2", False),
        ("python", "^1.2", "1.9.0", True),  # poetry's
        ("python", "^0.2.3", "0.3.0", False),
        ("python", "~1.2", "1.3", False),
        ("python", "", "1", None),
        ("python", "whatever", "1", None),
        ("node", "^4.17.1", "4.18.2", True),
        ("node", "^4.17.1", "5.0.0", False),
        ("node", "^4.17.1", "4.17.0", False),
        ("node", "^0.2.3", "0.2.9", True),
        ("node", "^0.2.3", "0.3.0", False),
        ("node", "^0.0.3", "0.0.4", False),
        ("node", "~1.2.3", "1.2.9", True),
        ("node", "~1.2.3", "1.3.0", False),
        ("node", "~1", "1.9.0", True),
        ("node", "1.2.3", "1.2.4", False),
        ("node", "1.2", "1.2.9", True),
        ("node", "4.x", "4.18.2", True),
        ("node", "4.x.x", "5.0.0", False),
        ("node", ">=1.2.0 <2", "2.0.0", False),
        ("node", "^3 || ^4.0.0", "4.1.0", True),
        ("node", "^3 || ^4.0.0", "5.0.0", False),
        ("node", "latest", "1.0.0", None),
        ("node", "*", "1.0.0", None),
        ("node", "1.2.3 - 2.0.0", "9.0.0", None),
        ("node", "^1.0.0-beta.1", "1.0.0", None),
        ("node", "^1.0.0", "2.0.0-rc.1", None),
        ("node", "npm:other@^1.0.0", "2.0.0", None),
        ("node", "git+https://example.com/a.git#1.2.3", "9.0.0", None),
        ("ruby", "~> 7.0", "7.2.1", True),
        ("ruby", "~> 7.0", "8.0", False),
        ("ruby", "~> 7.0.4", "7.1.0", False),
        ("ruby", "~> 2", "2.9", True),
        ("ruby", ">= 5, < 7", "7.0", False),
        ("ruby", "1.2", "1.2.0", True),
        ("ruby", "1.2", "1.2.1", False),
        ("node", "^" + "9" * 100_000, "1.0.0", False),
    ],
)
def test_what_is_allowed(language, wanted, version, expected):
    assert allows(language, wanted, version) is expected


UV = 'version = 1\n[[package]]\nname = "flask"\nversion = "3.0.3"\n'
NPM = '{"packages": {"": {}, "node_modules/express": {"version": "4.18.2"}, "node_modules/a/node_modules/b": {"version": "1.0.0"}}}'
GEMS = "GEM\n  specs:\n    rails (7.0.4)\n      rack (~> 2)\n    nokogiri (1.15.0-x86_64-linux)\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": '[project]\ndependencies = ["flask>=3.1"]\n', "uv.lock": UV},
         "flask is declared as >=3.1, and uv.lock has 3.0.3."),
        ({"pyproject.toml": '[project]\ndependencies = ["flask>=3"]\n', "uv.lock": UV}, ""),
        ({"package.json": '{"dependencies": {"express": "^5.0.0"}}', "package-lock.json": NPM},
         "express is declared as ^5.0.0, and package-lock.json has 4.18.2."),
        ({"package.json": '{"dependencies": {"express": "^4.17.0"}}', "package-lock.json": NPM}, ""),
        ({"web/package.json": '{"dependencies": {"express": "^5.0.0"}}', "package-lock.json": NPM}, ""),  # a workspace
        ({"Gemfile": "gem 'rails', '~> 7.1'\n", "Gemfile.lock": GEMS},
         "rails is declared as ~> 7.1, and Gemfile.lock has 7.0.4."),
        ({"Gemfile": "gem 'rails', '~> 7.0'\ngem 'nokogiri', '>= 1.14'\n", "Gemfile.lock": GEMS}, ""),
    ],
)  # fmt: skip
def test_a_lock_with_another_version_is_older_than_the_manifest(files, expected):
    assert [one.message for one in findings(Codebase.of(files), RULES)] == ([expected] if expected else [])
