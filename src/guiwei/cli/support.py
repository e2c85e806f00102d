"""`guiwei support`: a redacted bundle for the service provider."""

from __future__ import annotations

import json
import os
import platform
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from guiwei import __version__
from guiwei.cli._each_host import Asked, ask_hosts
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, now, open_history
from guiwei.cli.plan import make_plan
from guiwei.engine.host import status_of
from guiwei.engine.work import Work, contexts
from guiwei.errors import GuiweiError, InputError
from guiwei.history.database import History
from guiwei.model.plan import Plan
from guiwei.model.run import exit_code
from guiwei.target.secret import Secret, masked
from guiwei.transport.settings import Settings

__all__ = ["command"]

#: Runs of the history that are given.
_RUNS = 5
#: Variables that hold a secret even where nobody encrypted them.
_SECRET_NAMES = re.compile(r"pass(word|wd|phrase)?$|_pin$|^pin$|secret|token", re.IGNORECASE)
Files = dict[str, str]


@click.command("support")
@click.argument("playbook", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The ZIP file. 输出的 ZIP 文件。")
@selection_options
@connection_options
@common_options
def command(
    playbook: Path | None,
    out: Path | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Make a redacted bundle for the service provider; nothing is changed. 生成脱敏支持包，不做任何更改。

    Facts, plan, last runs, journals, backups' receipts, ends of the client's logs. Secrets and what tells who bought
    something are masked. Without PLAYBOOK the one of the hosts' last run is taken.
    """
    history = open_history()
    playbook = playbook or _last_playbook(history, selection)
    project = Project(selection, playbook).with_history(history)
    works = project.works if playbook else tuple(Work(host) for host in project.reachable_hosts)
    path = out or Path(f"guiwei-support-{now().replace(':', '').replace('-', '')}.zip")
    if not path.absolute().parent.is_dir():
        raise InputError("folder-missing", folder=str(path.parent))
    plan = make_plan(project, Runner(output, settings, forks)) if playbook else None
    asked = ask_hosts(works, _request, Runner(output, settings, forks))
    files = _files(works, asked, plan, history, output)
    _write(path, files)
    output.say("support-written", file=str(path), files=len(files))
    output.document({"file": str(path), "files": sorted(files)})
    return exit_code(tuple(status_of(answer) for answer, _ in asked.values() if isinstance(answer, GuiweiError)))


def _last_playbook(history: History, selection: Selection) -> Path | None:
    """Return the playbook of the last run on one of the hosts, if it is still there."""
    hosts = {host.name for host in Project(selection).hosts}
    for run in history.runs(50):
        path = Path(run["playbook"])
        if path.suffix not in (".yml", ".yaml") or not path.is_file():
            continue
        if hosts & {host["host"] for host in history.run(run["id"])["hosts"]}:
            return path
    return None


def _request(work: Work) -> dict[str, Any]:
    own = [str(item) for each in work.instances for item in each.values.values()]
    support = {each.id: each.product.support for each in work.instances if each.product.support}
    return {"op": "support", "support": support, "own": own, **contexts(work)}


def _files(works: Sequence[Work], asked: Asked, plan: Plan | None, history: History, output: Output) -> Files:
    from guiwei.report.as_json import to_json

    secrets = list(_secrets(works))
    versions = {
        "guiwei": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "made": now(),
    }
    made: dict[str, Any] = {"versions.json": versions}
    plans = {host.host: to_json(host, output.words) for host in plan.hosts} if plan else {}
    for work in works:
        host = work.host.name
        folder = _plain(host)
        answer = asked[host][0]
        if host in plans:
            made[f"{folder}/facts.json"] = plans[host].pop("facts")
            made[f"{folder}/plan.json"] = plans[host]
        for run, result in _past(history, host):
            made[f"{folder}/runs/{run}.json"] = result
        if isinstance(answer, GuiweiError):
            made[f"{folder}/error.json"] = to_json(answer, output.words)
            continue
        made[f"{folder}/backups.json"] = answer["backups"]
        for run, entries in answer["journals"].items():
            made[f"{folder}/journals/{run}.json"] = entries
        for log in answer["logs"]:
            name = _plain(re.split(r"[/\\]", log["path"])[-1])
            made[f"{folder}/logs/{_plain(log['instance'])}/{name}"] = (
                log.get("text") if log.get("text") is not None else _told(log["error"], output)
            )
    texts = {name: _text(_redacted(value, secrets)) for name, value in made.items()}
    about = output.words.say("support-readme", hosts=output.words.list(work.host.name for work in works))
    return {"README.txt": "\n".join([about, "", *sorted(texts), ""]), **texts}


def _told(error: Mapping[str, Any], output: Output) -> str:
    return output.words.say(error["code"], **error["args"]) + "\n"


def _past(history: History, host: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a host's last runs with their results."""
    given = 0
    for run in history.runs(50):
        whole = history.run(run["id"])
        for each in whole["hosts"]:
            if each["host"] == host:
                about = {name: whole[name] for name in ("id", "command", "playbook", "reason", "started", "finished")}
                yield whole["id"], {**about, "result": each["result"]}
                given += 1
        if given >= _RUNS:
            return


def _secrets(works: Sequence[Work]) -> Iterator[Secret]:
    """Yield every secret that the controller knows of these hosts, encrypted in the inventory or not."""
    for work in works:
        yield from _secrets_in(work.host.vars)
        for instance in work.instances:
            for item in instance.secrets.values():
                yield item if isinstance(item, Secret) else Secret(str(item))


def _secrets_in(value: Any, name: str = "") -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets_in(item, str(key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets_in(item, name)
    elif isinstance(value, str) and value and _SECRET_NAMES.search(name):
        yield Secret(value)


def _redacted(value: Any, secrets: list[Secret]) -> Any:
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, Mapping):
        return {masked(str(name), secrets): _redacted(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(item, secrets) for item in value]
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _plain(name: str) -> str:
    """A name as one part of a path in the bundle."""
    return re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"


def _write(path: Path, files: Files) -> None:
    temporary = path.with_name(path.name + ".new")
    try:
        raw = open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        with raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in files.items():
                bundle.writestr(name, text.encode("utf-8", "backslashreplace"))
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError("file-unwritable", file=str(path), reason=error.strerror or str(error)) from error
