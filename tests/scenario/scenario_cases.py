"""A case of bad input, and what must hold for every one of them; its messages are pinned in `golden/`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from scenario_bench import INVENTORY, PLAYBOOK, Bench, Result

from guiwei.report.output_schemas import output_schemas

__all__ = ["APPLY", "Case", "Prepare", "Run", "check_case", "play", "tasks"]

Run = Callable[..., Result]
Prepare = Callable[[Bench, Run], None]

APPLY = ("apply", "playbook.yml", "-i", "inventory.yml", "--yes")
GOLDEN = Path(__file__).with_name("golden")


@dataclass(frozen=True)
class Case:
    """Something that a user gets wrong.

    Attributes:
        exit: the exit code that the design's table gives.
        files: of the controller's folder, beside a sound inventory and a sound playbook.
        argv: the command; it would change the PC if the input were right.
        code: of the error; None where `--json` gives the document of a plan or run, which holds the error.
        prepare: what else is needed, before the PC is looked at.
        json: whether the command has `--json`.
        begins: whether a step begins before the trouble shows, so that the PC has a journal of it.
    """

    id: str
    exit: int
    code: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    argv: tuple[str, ...] = APPLY
    prepare: Prepare | None = None
    json: bool = True
    begins: bool = False


def play(text: str) -> dict[str, str | bytes]:
    """Return the files of a case whose playbook is `text`."""
    return {"playbook.yml": text}


def tasks(text: str, head: str = "") -> dict[str, str | bytes]:
    """Return the files of a case whose playbook is one play with these tasks, each line indented here."""
    body = "".join(f"    {line}\n" for line in text.strip("\n").splitlines())
    return play(f"- hosts: all\n{head}  tasks:\n{body}")


def check_case(case: Case, golden: str, run: Run, bench: Bench) -> None:
    """Run a case in English, in Chinese and for a program; the PC must be as it was after each."""
    bench.write({"inventory.yml": INVENTORY, "playbook.yml": PLAYBOOK, **case.files})
    if case.prepare is not None:
        case.prepare(bench, run)
    before, runs = bench.snapshot(), bench.journals()
    argv = [bench.filled(word) for word in case.argv]
    told = {}
    for lang in ("en", "zh"):
        result = run(*argv, lang=lang)
        assert "Traceback" not in result.err
        assert result.code == case.exit, result
        told[lang] = bench.normal(result.out + result.err)
    if case.json:
        check_document(case, run(*argv, "--json", lang="en"), bench)
    assert bench.snapshot() == before
    assert (bench.journals() != runs) == case.begins
    check_golden(golden, case.id, {"exit": case.exit, "code": case.code, **told})


def check_document(case: Case, result: Result, bench: Bench) -> None:
    """One JSON document on standard output, as the schemas say; the error is in it with all that it needs."""
    assert result.code == case.exit
    found = json.loads(result.out)
    kind = next((kind for kind, key in (("run", "run"), ("plan", "digest"), ("error", "code")) if key in found), None)
    if kind is not None:
        jsonschema.validate(found, output_schemas()[kind])
    errors = list(_errors(found))
    assert case.code in [error["code"] for error in errors], errors
    for error in errors:
        jsonschema.validate(error, output_schemas()["error"])
        # A message that shows its own code has no wording.
        assert not error["message"].startswith(error["code"]), error


def _errors(found: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(found, dict):
        if {"code", "message", "fix"} <= set(found):
            yield found
            return
        for item in found.values():
            yield from _errors(item)
    elif isinstance(found, list):
        for item in found:
            yield from _errors(item)


class _Block(yaml.SafeDumper):
    """Texts of several lines as they are read."""


_Block.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)
)


def check_golden(name: str, case: str, told: Mapping[str, Any]) -> None:
    """Compare with the committed messages; `GUIWEI_WRITE_GOLDENS=1 pytest tests/scenario` writes them anew."""
    path = GOLDEN / f"{name}.yml"
    known = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    if os.environ.get("GUIWEI_WRITE_GOLDENS"):
        known = {**(known or {}), case: dict(told)}
        path.parent.mkdir(exist_ok=True)
        blocks = [
            yaml.dump({one: known[one]}, Dumper=_Block, allow_unicode=True, sort_keys=False, width=1000)
            for one in sorted(known)
        ]
        path.write_text("\n".join(blocks), encoding="utf-8")
    assert known[case] == told
