"""What is generated from the code is committed, and fresh."""

from __future__ import annotations

import json
from pathlib import Path

import generate
import repository
from jsonschema import Draft202012Validator
from repository import REPOSITORY, table

from guiwei import errors
from guiwei.cli.main import COMMANDS
from guiwei.model.run import STATUSES, exit_code


def test_schemas_and_references_are_fresh() -> None:
    assert generate.stale() == [], "run `make generate`"


def test_something_stale_is_noticed(tmp_path: Path) -> None:
    for path, text in generate.generated().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert generate.stale(tmp_path) == []
    (tmp_path / "schemas" / "resource-gone.json").write_text("{}")
    (tmp_path / "schemas" / "product.json").write_text("{}")
    (tmp_path / "docs" / "modules.md").unlink()
    assert generate.stale(tmp_path) == ["docs/modules.md", "schemas/product.json", "schemas/resource-gone.json"]


def test_every_schema_is_a_schema() -> None:
    paths = sorted((REPOSITORY / "schemas").glob("*.json"))
    assert len(paths) > 20
    for path in paths:
        Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_the_products_are_valid_by_the_committed_schema() -> None:
    import yaml

    validator = Draft202012Validator(json.loads((REPOSITORY / "schemas" / "product.json").read_text(encoding="utf-8")))
    paths = sorted((REPOSITORY / "products").glob("*.yml"))
    assert paths
    for path in paths:
        assert list(validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))) == []


def test_the_table_of_exit_codes_has_every_code_and_no_other() -> None:
    classes = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    from_errors = {item.exit_code for item in classes if hasattr(item, "exit_code")}
    from_results = {exit_code((status,)) for status in STATUSES}
    documented = [int(row[0]) for row in table("docs/commands.md", "Exit codes")]
    assert sorted(documented) == sorted(from_errors | from_results | {1})
    # In the order in which they apply.
    assert documented == [1, 2, 5, 4, 3, 0]
    assert exit_code(("failed", "refused", "differs")) == 5
    assert exit_code(("refused", "differs")) == 4


def test_every_command_has_its_section() -> None:
    text = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"\n## guiwei {name}\n" in text
    assert repository.REPOSITORY == generate.REPOSITORY
