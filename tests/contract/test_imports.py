"""Who may import whom: the table of docs/architecture.md is complete and true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from repository import REPOSITORY, table

#: Folders of the repository that the package reaches by links, and files that are no layer.
BUNDLED = {"modules", "products", "calendars", "playbooks", "inventories", "schemas", "lab"}
#: `python -m guiwei` and the package itself.
NO_LAYER = {"__main__", ""}


def _rows() -> dict[str, set[str]]:
    """Return folder → what it may import, `*` for all, out of the document's table."""
    found = {}
    for folder, _what, may in table("docs/architecture.md", "Folders"):
        name = re.findall(r"`([^`]+)`", folder)[0].rstrip("/").removeprefix("src/guiwei/").removesuffix(".py")
        found[name] = {"*"} if may == "all" else set(re.findall(r"`([^`]+)`", may))
    return found


def test_the_table_names_every_folder_of_the_package() -> None:
    package = REPOSITORY / "src" / "guiwei"
    there = {path.stem for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"} | {"errors"}
    assert set(_rows()) == there


def test_the_top_level_folders_are_reached_by_relative_links() -> None:
    package = REPOSITORY / "src" / "guiwei"
    links = {path.name: str(path.readlink()) for path in package.iterdir() if path.is_symlink()}
    assert links == {name: f"../../{name}" for name in BUNDLED}
    for name in BUNDLED:
        assert (REPOSITORY / name).is_dir()


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Return folder → the folders that it does import."""
    graph = grimp.build_graph("guiwei", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = _folder(module), _folder(imported)
            if one != other:
                found.setdefault(one, set()).add(other)
    return found


def _folder(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def test_every_folder_imports_what_the_table_allows_and_nothing_else(imports: dict[str, set[str]]) -> None:
    rows = _rows()
    wrong = {}
    for folder, others in imports.items():
        allowed = rows.get(folder, set())
        if folder in NO_LAYER or allowed == {"*"}:
            continue
        # `guiwei` itself holds nothing but the version.
        more = others - allowed - {""}
        if more:
            wrong[folder] = more
    assert wrong == {}


def test_the_table_allows_nothing_that_nobody_needs(imports: dict[str, set[str]]) -> None:
    unused = {
        folder: allowed - imports.get(folder, set()) for folder, allowed in _rows().items() if allowed - {"*"}
    }  # fmt: skip
    assert {folder: names for folder, names in unused.items() if names} == {}


def test_import_linter_keeps_its_contracts() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Contracts: \d+ kept, 0 broken", result.stdout)
