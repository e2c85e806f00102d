"""`guiwei check`: everything that can be known to be wrong without touching a host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from guiwei.cli._options import Selection, common_options, selection_options
from guiwei.cli._output import Output, source_line
from guiwei.cli._project import Project
from guiwei.errors import InputError

__all__ = ["command", "show_problems"]


@click.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@selection_options
@common_options
def command(files: tuple[Path, ...], selection: Selection, output: Output) -> int:
    """Check playbooks, profiles, inventories, variables, with -i against an inventory; no host is asked. 检查文件。"""
    if not files and not selection.inventories:
        raise InputError("check-nothing")
    problems: list[InputError] = []
    checked: list[str] = []
    for path in _expanded(files):
        checked.append(str(path))
        problems += _problems(path, selection)
    if selection.inventories and not files:
        checked += [str(path) for path in selection.inventories]
        problems += _caught(lambda: Project(selection).inventory)
    show_problems(problems, checked, output)
    return 2 if problems else 0


def _expanded(files: tuple[Path, ...]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(item for item in path.iterdir() if item.suffix in (".yml", ".yaml"))
        else:
            yield path


def _problems(path: Path, selection: Selection) -> list[InputError]:
    """A list is a playbook; a mapping says what it is: a profile, policies, a calendar, or else an inventory.

    Files of variables say nothing of themselves: their folder does.
    """
    from guiwei.language.precedence import is_vars_file, read_vars_file
    from guiwei.language.source import load

    if is_vars_file(path):
        return _caught(lambda: read_vars_file(path, Project(selection).keyring))
    try:
        data = load(path).data
    except InputError as error:
        return [error]
    if isinstance(data, list):
        return _playbook_problems(path, selection)
    if isinstance(data, dict) and "product" in data:
        from guiwei.language.product_check import check_product

        return check_product(path)
    if isinstance(data, dict) and isinstance(data.get("policies"), list):
        from guiwei.language.policies import check_policies

        return check_policies(path, Project(selection).keyring)
    if isinstance(data, dict) and isinstance(data.get("calendar"), str):
        from guiwei.language.calendars import load_calendar

        return _caught(lambda: load_calendar(path))
    from dataclasses import replace

    return _caught(lambda: Project(replace(selection, inventories=(path,))).inventory)


def _playbook_problems(path: Path, selection: Selection) -> list[InputError]:
    from guiwei.language.playbook import check_playbook

    project = Project(selection, path)
    problems = check_playbook(path, project.keyring)
    if problems or not selection.inventories:
        return problems
    return _caught(lambda: project.works)


def _caught(call: object) -> list[InputError]:
    assert callable(call)
    try:
        call()
    except InputError as error:
        return [error]
    return []


def show_problems(problems: list[InputError], checked: list[str], output: Output) -> None:
    """Show each problem at its place, and how many there are."""
    from guiwei.report.problem import render_error

    for problem in problems:
        if not output.as_json:
            output.side.print(render_error(problem, output.words, source_line(problem)))
    if not output.as_json:
        output.say("check-summary", files=len(checked), problems=len(problems))
    output.document({"checked": checked, "problems": problems})
