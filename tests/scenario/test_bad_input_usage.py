"""Wrong command lines: one message in the user's language, or one JSON document, and no host is touched."""

from __future__ import annotations

import re

import pytest
from scenario_bench import Bench
from scenario_cases import Case, Run, check_case

from guiwei.cli.main import COMMANDS
from guiwei.report.words import catalogue_codes, entry

INVENTORY = ("-i", "inventory.yml")


def history_is_a_folder(bench: Bench, run: Run) -> None:
    (bench.folder / "home" / "guiwei" / "history.db").mkdir(parents=True)


def history_is_damaged(bench: Bench, run: Run) -> None:
    path = bench.folder / "home" / "guiwei" / "history.db"
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 40)


CASES = [
    Case("command-near", 2, "command-unknown", argv=("aply", "playbook.yml")),
    Case("command-far", 2, "command-unknown", argv=("xyzzy",)),
    Case("subcommand-unknown", 2, "command-unknown", argv=("vault", "open", "x"), json=False),
    Case("option-unknown", 2, "usage-option", argv=("apply", "playbook.yml", "--limits", "pc1")),
    Case("option-without-value", 2, "usage-option-value", argv=("apply", "playbook.yml", "-i"), json=False),
    Case("argument-missing", 2, "usage-missing", argv=("apply", *INVENTORY)),
    Case("argument-too-many", 2, "usage-extra", argv=("plan", "playbook.yml", "other.yml", *INVENTORY)),
    Case("forks-zero", 2, "usage-number", argv=("apply", "playbook.yml", *INVENTORY, "--yes", "--forks", "0")),
    Case("timeout-text", 2, "usage-number", argv=("apply", "playbook.yml", *INVENTORY, "--yes", "-T", "soon")),
    Case("language-unknown", 2, "usage-choice", argv=("apply", "playbook.yml", *INVENTORY, "--yes", "--lang", "fr")),
    Case("extra-vars-text", 2, "extra-vars", argv=("apply", "playbook.yml", *INVENTORY, "--yes", "-e", "city")),
    Case("extra-vars-quote", 2, "extra-vars", argv=("apply", "playbook.yml", *INVENTORY, "--yes", "-e", "city='杭州")),
    Case("extra-vars-file", 2, "file-unreadable",
         argv=("apply", "playbook.yml", *INVENTORY, "--yes", "-e", "@nowhere.yml")),
    Case("extra-vars-json", 2, "yaml-unclosed-bracket",
         argv=("apply", "playbook.yml", *INVENTORY, "--yes", "-e", '{"city": "杭州"')),
    Case("apply-without-a-terminal", 4, "approval-needed", argv=("apply", "playbook.yml", *INVENTORY)),
    Case("run-unknown", 2, "history-no-run", argv=("runs", "20260101T000000-000000")),
    Case("rollback-run-unknown", 2, "history-no-run", argv=("rollback", "20260101T000000-000000", *INVENTORY)),
    Case("backup-unknown", 2, "backup-not-found",
         argv=("restore", "20260101T000000-000000", "playbook.yml", *INVENTORY, "--yes")),
    Case("module-unknown", 2, "module-unknown", argv=("explain", "fil")),
    Case("schema-unknown", 2, "schema-unknown", argv=("schema", "playbok"), json=False),
    Case("check-nothing", 2, "check-nothing", argv=("check",)),
    Case("history-is-a-folder", 2, "history-unusable", prepare=history_is_a_folder),
    Case("history-damaged", 2, "history-unusable", prepare=history_is_damaged),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_wrong_command_line(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "usage", run, bench)


def test_nothing_at_all_shows_the_help(run: Run) -> None:
    result = run()
    assert result.code == 2
    assert "apply" in result.out + result.err


def test_no_message_names_a_command_that_is_not_there() -> None:
    """A fix that cannot be typed is worse than none."""
    texts = [text for code in catalogue_codes() for text in entry(code).values()]
    named = {word for text in texts for word in re.findall(r"`guiwei ([a-z][a-z-]*)", text)}
    assert {"explain", "facts", "rollback"} <= named
    assert named - set(COMMANDS) == set()
