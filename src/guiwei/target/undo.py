"""Rollback on the PC: before-images in reverse, and only over what the run itself left."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from guiwei.errors import GuiweiError, ResourceError
from guiwei.target.contract import differences, find_type
from guiwei.target.files import hash_file, own, stat_real
from guiwei.target.journal import Journal, fsync_folder, journal_entries
from guiwei.target.leftovers import UNDO
from guiwei.target.moves import busy, dress, marks_of, rename, replace, unlink
from guiwei.target.swaps import finish_swap
from guiwei.target.system import System, convert_os_error
from guiwei.target.trees import move_tree, remove_tree
from guiwei.target.wire import decode

__all__ = ["roll_back"]

Entry = Dict[str, Any]
Report = Callable[[Dict[str, Any]], None]

_INTENTS = (
    "file",
    "folder",
    "meta",
    "link",
    "tree",
    "touched",
    "row",
    "pragma",
    "registry-key",
    "registry",
    "state",
    "data",
)


def roll_back(system: System, run: str, report: Report) -> bool:
    """Undo a run's writes, last first; what is already undone or was never written is passed over.

    Args:
        system: with the journal of the run that is undone; undoing is journalled there too.
        report: called with one result an operation: `path`, `kind`, `status` (restored, conflict, failed).

    Returns:
        Whether everything is as it was before the run.
    """
    journal = system.journal
    if journal is None or not os.path.isdir(journal.folder):
        raise ResourceError("run-unknown", run=run)
    entries = list(journal_entries(system.state_dir, run))
    done = {entry["of"]: entry for entry in entries if entry["op"] == "done"}
    undone = {entry["of"] for entry in entries if entry["op"] == "undone"}
    whole = True
    journal.append({"op": "undo"})
    for entry in reversed([entry for entry in _run_intents(entries) if entry["n"] not in undone]):
        result: Dict[str, Any] = {"kind": entry["op"], "path": entry.get("path") or entry.get("step")}
        try:
            result["status"] = _undo(system, journal, entry, done.get(entry["n"]))
        except OSError as error:
            real = entry.get("path", "")
            result.update(status="failed", error=convert_os_error(busy(error, real), real).to_wire())
        except GuiweiError as error:
            result.update(status="failed", error=error.to_wire())
        if result["status"] == "restored":
            journal.append({"op": "undone", "of": entry["n"]})
        else:
            whole = False
        report(result)
        if result["status"] == "failed" and entry["op"] == "state":
            # A client that does not stop (somebody writes an invoice) must not lose its program and data meanwhile.
            break
    journal.append({"op": "rolled-back", "whole": whole})
    return whole


def _run_intents(entries: List[Entry]) -> List[Entry]:
    """Return what steps did. Undoing may write too (data from a backup), and that is never itself undone."""
    found = []
    undoing = False
    for entry in entries:
        if entry["op"] in ("undo", "begin"):
            undoing = entry["op"] == "undo"
        elif entry["op"] in _INTENTS and not undoing:
            found.append(entry)
    return found


def _undo(system: System, journal: Journal, entry: Entry, done: Optional[Entry]) -> str:
    if entry["op"] in ("row", "pragma"):
        return system.rows.undo(entry["path"], entry["op"], journal.image(entry["image"]))
    if entry["op"] in ("registry", "registry-key"):
        return system.registry.undo(entry, journal.image(entry["image"]) if "image" in entry else None)
    if entry["op"] == "state":
        return _undo_state(system, journal, entry)
    if entry["op"] == "data":
        return _undo_data(system, entry)
    if entry["op"] == "tree":
        if done is None:
            # Only then is what lies beside the path of this swap, and not of a later one.
            finish_swap(entry)
        return _undo_tree(entry)
    if entry["op"] == "folder":
        return _undo_folder(entry)
    if entry["op"] == "link":
        from guiwei.target.links import undo_link

        return undo_link(entry)
    if entry["op"] == "meta":
        return _undo_meta(entry)
    return _undo_file(journal, entry, done)


def _undo_file(journal: Journal, entry: Entry, done: Optional[Entry]) -> str:
    real, before = entry["path"], entry["before"]
    left = entry.get("after") if entry["op"] == "file" else (done or {}).get("after")
    found = _found_file(real)
    if _is(found, before):
        return "restored"
    if entry["op"] == "touched" and done is None:
        # A cut inside another program's run: it may have written anything, so what is there is what the run left.
        left = found
    if not _is(found, left):
        return "conflict"
    if before is None:
        unlink(real)
    else:
        temporary = real + UNDO
        with open(temporary, "wb") as file:
            file.write(journal.image(entry["image"]))
            file.flush()
            os.fsync(file.fileno())
        own(temporary, before["owner"], before["group"])
        os.chmod(temporary, int(before["mode"], 8))
        replace(temporary, real)
        dress(real, before)
    fsync_folder(os.path.dirname(real))
    return "restored"


def _found_file(real: str) -> Optional[Dict[str, Any]]:
    found = stat_real(real)
    if found is None or found.kind != "file":
        return None
    return {
        "sha256": hash_file(real),
        "mode": found.mode,
        "owner": found.owner,
        "group": found.group,
        **marks_of(real),
    }


def _is(found: Optional[Mapping[str, Any]], record: Optional[Mapping[str, Any]]) -> bool:
    """Compare what is there with a record that may name fewer fields."""
    if found is None or record is None:
        return found is record
    return all(found[name] == item for name, item in record.items())


def _undo_folder(entry: Entry) -> str:
    real, before = entry["path"], entry["before"]
    if before is None:
        if not os.path.isdir(real):
            return "restored"
        if os.listdir(real):
            return "conflict"
        os.rmdir(real)
    elif not os.path.isdir(real):
        os.mkdir(real)
        own(real, before["owner"], before["group"])
        os.chmod(real, int(before["mode"], 8))
        dress(real, before)
    fsync_folder(os.path.dirname(real))
    return "restored"


def _undo_meta(entry: Entry) -> str:
    real, before, after = entry["path"], entry["before"], entry["after"]
    found = stat_real(real)
    if found is None:
        return "conflict"
    if all(getattr(found, name) == before[name] for name in after):
        return "restored"
    if any(getattr(found, name) != item for name, item in after.items()):
        return "conflict"
    own(real, before["owner"], before["group"])
    os.chmod(real, int(before["mode"], 8))
    return "restored"


def _undo_tree(entry: Entry) -> str:
    real, aside = entry["path"], entry["aside"]
    leaving = real + UNDO
    if aside and not os.path.lexists(aside):
        # Never set aside (a cut before the rename), or put back already.
        remove_tree(leaving)
        return "restored" if os.path.lexists(real) else "conflict"
    if os.path.lexists(real):
        # Away first, as one rename: where a program holds a file of it open (Windows), nothing is half removed.
        remove_tree(leaving)
        rename(real, leaving)
    if aside:
        move_tree(aside, real)
    remove_tree(leaving)
    fsync_folder(os.path.dirname(real))
    return "restored"


def _undo_data(system: System, entry: Entry) -> str:
    """What a client did to its data after the backup (it migrates at its first start) is undone from the backup."""
    from guiwei.target.backups import Backups

    system.forget()
    backups = Backups(system)
    if backups.moved_since(entry["backup"], exactly=True) is not None:
        backups.restore(entry["backup"])
    return "restored"


def _undo_state(system: System, journal: Journal, entry: Entry) -> str:
    """Services and the like go back by writing the state that was read before; the proof is a read."""
    kept = decode(json.loads(journal.image(entry["image"]).decode("utf-8")))
    resource = find_type(entry["module"])(**kept["with"])
    if type(resource).kind == "lens" and not _differs(resource, kept["state"], resource.read(system)):
        return "restored"
    resource.write(system, kept["state"])
    if type(resource).kind != "lens":
        return "restored"
    system.forget()
    return "conflict" if _differs(resource, kept["state"], resource.read(system)) else "restored"


def _differs(resource: Any, wanted: Any, found: Any) -> List[Any]:
    from guiwei.target.contract import fields_of

    volatile = {spec.name for spec in fields_of(type(resource)) if spec.volatile}
    return [change for change in differences(type(resource), wanted, found) if change.field not in volatile]
