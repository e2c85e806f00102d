"""What a service provider needs of this PC: the ends of the client's logs, journals, backups; buyers masked right here.

What tells who bought something never leaves the PC: the names and ids that the client's own database knows are masked
in every text before it is sent. Where the database cannot be asked, nobody knows whom to mask, and no log is given.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping

from guiwei.errors import GuiweiError, ResourceError
from guiwei.target.backups import Backups
from guiwei.target.contract import fill
from guiwei.target.journal import journal_entries, list_runs
from guiwei.target.observation import contexts_of
from guiwei.target.system import System
from guiwei.target.text import parse

__all__ = ["collect"]

#: Bytes of a log's end, runs, and entries of a journal that are given: the whole answer fits one frame.
LOG_END = 96 << 10
RUNS = 8
ENTRIES = 250

BUYER, TAXPAYER, PHONE = "‹buyer›", "‹taxpayer›", "‹phone›"
#: Taxpayer ids: 18 characters (GB 32100), from before 15, 17 or 20. Invoice numbers that look alike go with them.
_TAXPAYER = re.compile(r"(?<![0-9A-Za-z])[0-9A-Z]{15,20}(?![0-9A-Za-z])")
_PHONE = re.compile(r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9][0-9]{9}(?![0-9A-Za-z])")


def collect(system: System, request: Mapping[str, Any]) -> Dict[str, Any]:
    """Return `logs` (instance, path, size, text or error), `journals` (run → entries) and `backups` (receipts).

    Args:
        request: `instances` and `define` as in an observation; `support`: instance → `logs` (path, encoding) and
            `people` (path and sql of the query whose values are masked); `own`: ids that are not masked.
    """
    contexts = contexts_of(system, request)
    own = set(request.get("own", ()))
    logs: List[Dict[str, Any]] = []
    known: List[str] = []
    for instance, part in request.get("support", {}).items():
        part = fill(part, contexts[instance])
        try:
            people = _people(system, part.get("people"))
        except GuiweiError as error:
            logs += [dict(_named(instance, log), error=_unmasked(error)) for log in part.get("logs", ())]
            continue
        known += people
        logs += [_log(system, instance, log, people, own) for log in part.get("logs", ())]
    known.sort(key=len, reverse=True)
    return {
        "op": "support",
        "logs": logs,
        "journals": {run: _masked(_entries(system, run), known) for run in list_runs(system.state_dir)[-RUNS:]},
        "backups": _masked(Backups(system).list(), known),
    }


def _people(system: System, query: Any) -> List[str]:
    if not query:
        raise ResourceError("support-no-query")
    rows = system.rows.query(query["path"], query["sql"])
    if rows is None:
        raise ResourceError("path-missing", path=query["path"])
    found = {str(item).strip() for row in rows for item in row.values() if item is not None}
    # The longest first: a name may be a part of another one.
    return sorted((text for text in found if len(text) > 1), key=len, reverse=True)


def _log(system: System, instance: str, log: Mapping[str, Any], people: List[str], own: Any) -> Dict[str, Any]:
    told = _named(instance, log)
    try:
        real = system.files.real(log["path"])
        with open(real, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - LOG_END, 0))
            data = file.read(LOG_END)
    except OSError as error:
        return dict(told, error=ResourceError("path-missing", path=log["path"], reason=error.strerror).to_wire())
    if size > LOG_END:
        # Neither half a line nor half a character: half a name would not be known for one.
        data = data.partition(b"\n")[2]
    try:
        text = "".join(parse(data, log.get("encoding", "auto"), log["path"]).lines)
    except GuiweiError:
        text = data.decode(log.get("encoding", "utf-8").replace("auto", "utf-8"), "backslashreplace")
    return dict(told, size=size, text=_text(text, people, own))


def _named(instance: str, log: Mapping[str, Any]) -> Dict[str, Any]:
    return {"instance": instance, "path": log["path"]}


def _unmasked(error: GuiweiError) -> Dict[str, Any]:
    cause = {"code": error.code, "args": error.arguments}
    return ResourceError("support-no-names", cause=cause).to_wire()


def _text(text: str, people: List[str], own: Any) -> str:
    for name in people:
        text = text.replace(name, BUYER)
    text = _TAXPAYER.sub(lambda found: found.group() if found.group() in own else TAXPAYER, text)
    return _PHONE.sub(PHONE, text)


def _masked(value: Any, people: List[str]) -> Any:
    """Mask names and ids of buyers in texts at any depth; hashes and numbers of receipts stay as they are."""
    if isinstance(value, str):
        for name in people:
            value = value.replace(name, BUYER)
        return value
    if isinstance(value, dict):
        return {name: _masked(item, people) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, people) for item in value]
    return value


def _entries(system: System, run: str) -> List[Dict[str, Any]]:
    from collections import deque

    return list(deque(journal_entries(system.state_dir, run), ENTRIES))
