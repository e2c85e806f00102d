"""`guiwei done`: what waits for a person, and that it is done."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from guiwei.cli._options import common_options
from guiwei.cli._output import Output
from guiwei.cli._running import now, open_history, user
from guiwei.errors import InputError
from guiwei.history.database import default_path
from guiwei.history.people import People

__all__ = ["command"]


@click.command("done")
@click.argument("host", required=False)
@click.argument("step", required=False)
@click.option("--evidence", help="What shows it: a text, or a file that is kept. 凭证：文字或文件。")
@click.option("--instance", help="The taxpayer's client, where one step waits for several. 开票实例。")
@click.option("--past", is_flag=True, help="Show what people have done, with the evidence. 查看已完成的步骤及凭证。")
@common_options
def command(
    host: str | None, step: str | None, evidence: str | None, instance: str | None, past: bool, output: Output
) -> int:
    """Say that a person did what a step waits for; without STEP, show what waits. 登记人工步骤已完成。"""
    people = People(open_history())
    if past:
        from guiwei.report.people_view import done_view

        if step is not None or evidence is not None or instance is not None:
            raise InputError("done-past-alone")
        done = people.evidence(host)
        output.show(done_view(done, output.words))
        output.document({"done": done})
        return 0
    waiting = people.waiting(host)
    if step is None:
        from guiwei.report.people_view import waiting_view

        output.show(waiting_view(waiting, output.words))
        output.document({"waiting": waiting})
        return 0
    chosen = _chosen(waiting, str(host), step, instance)
    if chosen["evidence"] and not evidence:
        raise InputError("done-no-evidence", host=chosen["host"], step=chosen["name"], evidence=chosen["evidence"])
    file = _kept(evidence)
    told = people.finish(chosen, now(), user(), None if file else evidence, file)
    if not output.as_json:
        output.say("done-noted", host=told["host"], step=told["name"], playbook=told["playbook"])
    output.document({"done": told})
    return 0


def _chosen(waiting: Sequence[dict[str, Any]], host: str, step: str, instance: str | None) -> dict[str, Any]:
    """Return the one step that is meant: by its name, or by a beginning of it that no other has.

    Raises:
        InputError: none is (`done-not-waiting`), or several are (`done-several`).
    """
    own = [each for each in waiting if instance is None or each["instance"] == instance]
    found = [each for each in own if each["name"] == step] or [each for each in own if each["name"].startswith(step)]
    if not found:
        names = ", ".join(dict.fromkeys(each["name"] for each in waiting))
        raise InputError("done-not-waiting", host=host, step=step, waiting=names or "—")
    if len(found) > 1:
        which = ", ".join(" ".join(filter(None, (each["name"], each["instance"]))) for each in found)
        raise InputError("done-several", host=host, step=step, which=which)
    return found[0]


def _kept(evidence: str | None) -> str | None:
    """Keep a file as evidence below the history's folder, named by its content; None if the text is no file's name.

    Raises:
        InputError: it cannot be read or kept.
    """
    if evidence is None:
        return None
    path = Path(evidence)
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        folder = default_path(os.environ).parent / "evidence"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = folder / f"{sha256[:16]}-{path.name}"
        if not kept.exists():
            temporary = kept.with_name(kept.name + ".new")
            shutil.copyfile(path, temporary)
            temporary.chmod(0o600)
            temporary.replace(kept)
    except OSError as error:
        raise InputError("file-unreadable", file=str(path), reason=error.strerror or str(error)) from error
    return str(kept)
