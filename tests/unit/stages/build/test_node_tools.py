"""Which package manager a lock file belongs to, and which Node answers to `engines`."""

import json

import pytest

from twelve.infra import components
from twelve.stages.build import node_tools, package_json
from twelve.stages.build.package_json import PackageJson

MANAGERS = [
    ({}, {}, "npm", "", ""),
    ({"package-lock.json": "{}"}, {}, "npm", "", "package-lock.json"),
    ({"npm-shrinkwrap.json": "{}", "package-lock.json": "{}"}, {}, "npm", "", "npm-shrinkwrap.json"),
    ({"yarn.lock": "# yarn lockfile v1\n"}, {}, "yarn", "yarn@1.22.22", "yarn.lock"),
    ({"yarn.lock": "__metadata:\n  version: 8\n"}, {}, "yarn", "@yarnpkg/cli-dist@4.9.2", "yarn.lock"),
    ({"yarn.lock": ""}, {"packageManager": "yarn@3.6.1+sha512.x"}, "yarn", "@yarnpkg/cli-dist@3.6.1", "yarn.lock"),
    ({"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, {}, "pnpm", "pnpm@9.15.9", "pnpm-lock.yaml"),
    ({"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, {}, "pnpm", "pnpm@8.15.9", "pnpm-lock.yaml"),
    ({"pnpm-lock.yaml": ""}, {"packageManager": "pnpm@10.1.0"}, "pnpm", "pnpm@10.1.0", "pnpm-lock.yaml"),
    ({"package-lock.json": "{}"}, {"packageManager": "pnpm@10.1.0"}, "npm", "", "package-lock.json"),
    ({}, {"packageManager": "pnpm@10.1.0"}, "pnpm", "pnpm@10.1.0", ""),
]


@pytest.mark.parametrize(("files", "document", "name", "package", "lock"), MANAGERS)
def test_managers(tmp_path, files, document, name, package, lock):
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    found = node_tools.manager(tmp_path, PackageJson(document))
    assert (found.name, found.package, found.lock) == (name, package, lock)


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("", components.LAZY[node_tools.WHEEL]),
        (">=18", components.LAZY[node_tools.WHEEL]),
        ("22.x", "22.20.0"),
        ("^20", "20.18.0"),
    ],
)
def test_the_newest_line_that_fits_is_chosen(wanted, version):
    assert node_tools.choose(PackageJson({"engines": {"node": wanted}})).version == version


def test_odd_shapes_in_package_json_count_as_empty(tmp_path):
    document = {"scripts": [], "dependencies": None, "engines": "node", "name": 5, "main": None}
    (tmp_path / "package.json").write_text(json.dumps(document))
    package = package_json.read(tmp_path)
    assert (package.scripts, package.dependencies, package.node, package.main) == ({}, {}, "", "")
    assert (package.name, package.build_script, package.installs) == ("5", None, False)
