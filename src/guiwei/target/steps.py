"""Applying steps on the PC: guards, then intent, write, proof, done."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from guiwei.errors import GateError, GuiweiError, ResourceError
from guiwei.target.contract import FORMS, PRESENCE, Change, State, compose, differences, fill, known_on
from guiwei.target.facts import SYSTEM
from guiwei.target.journal import Journal
from guiwei.target.keeping import keep_state
from guiwei.target.observation import contexts_of, guarded, read_resource
from guiwei.target.pending import PendingHandlers
from guiwei.target.secret import Secret, reveal
from guiwei.target.system import System

__all__ = ["apply_steps"]

Report = Callable[[Dict[str, Any]], None]


def apply_steps(system: System, journal: Journal, request: Mapping[str, Any], report: Report) -> bool:
    """Apply the steps of one stage in order; stop at the first that fails or is refused.

    Args:
        request: `steps`, plus what `contexts_of` needs; each step has `id`, `module`, `with`, `state`, `guards`,
            `instance`, and maybe `requires` (a backup step's id) and `when_changed` (ids, for a handler).
        report: called with one result a step: `id`, `status` (unchanged, changed, failed, refused, skipped, unknown),
            `changes`, `seconds`, `receipt`, `error`.

    Returns:
        Whether all steps are done.
    """
    contexts = contexts_of(system, request)
    changed = set(request.get("changed", ()))
    for step in request["steps"]:
        started = time.monotonic()
        result: Dict[str, Any] = {"id": step["id"], "changes": []}
        try:
            _apply_one(system, journal, step, contexts[step.get("instance") or ""], changed, result)
        except GuiweiError as error:
            result["status"] = "refused" if isinstance(error, GateError) else "failed"
            result["error"] = error.to_wire()
        result["seconds"] = round(time.monotonic() - started, 4)
        if result["status"] != "unchanged":
            journal.append(
                {"op": "result", "step": step["id"], "status": result["status"], "receipt": result.get("receipt")}
            )
        if result["status"] == "changed":
            changed.add(step["id"])
        report(result)
        if result["status"] in ("failed", "refused"):
            return False
    return True


def _apply_one(
    system: System,
    journal: Journal,
    step: Mapping[str, Any],
    context: Mapping[str, Any],
    changed: "set[str]",
    result: Dict[str, Any],
) -> None:
    if step.get("when_changed") is not None and not changed.intersection(step["when_changed"]):
        result["status"] = "skipped"
        return
    resource = compose(step["module"], fill(dict(step["with"]), context))
    desired: Optional[State] = None
    if step["state"] is not None:
        # The state is final: a text in it that looks like a reference is the user's own.
        desired = known_on(SYSTEM, type(resource), resource.normal(dict(step["state"])))
    observed = guarded(resource.read, system)
    changes = differences(type(resource), desired, observed)
    proof = step.get("proof")
    if not changes or (type(resource).kind == "action" and _proved(system, proof, context)):
        _settle_handler(system, step)
        result["status"] = "unchanged"
        return
    _check_guards(step, resource, observed)
    if step.get("unless") and _in_use(system, step["unless"], context):
        raise GateError("client-busy", instance=step.get("instance"))
    if step.get("requires"):
        _check_backup(system, journal, step["requires"])
    result["changes"] = [_told(change) for change in changes]
    journal.append({"op": "begin", "step": step["id"], "module": step["module"], "changes": _names(changes)})
    if step.get("notify"):
        # Noted before the write: a handler that is notified must run, even if this run is cut here.
        PendingHandlers(system.state_dir).add(step["notify"])
    if type(resource).undo == "state":
        keep_state(journal, step["module"], step["id"], resource, observed)
    system.forget()
    result["receipt"] = guarded(resource.write, system, desired)
    system.forget()
    if type(resource).kind == "lens":
        _prove(system, resource, desired)
    if proof and not _proved(system, proof, context):
        raise ResourceError("not-proved", step=step["id"], field=proof["field"], wanted=proof["value"])
    _settle_handler(system, step)
    result["status"] = "changed"


def _settle_handler(system: System, step: Mapping[str, Any]) -> None:
    if step.get("handler"):
        PendingHandlers(system.state_dir).remove(step["handler"])


def _proved(system: System, proof: Optional[Mapping[str, Any]], context: Mapping[str, Any]) -> bool:
    """Tell whether an action's reading has its good value: what a program says of itself proves nothing."""
    if not proof:
        return False
    found: Any = read_resource(system, proof, context)
    for part in proof["field"].split("."):
        found = found.get(part) if isinstance(found, dict) else None
    wanted = fill(proof["value"], context)
    if proof.get("at_least"):
        # Days as ISO 8601 writes them: their order is that of the texts.
        return found is not None and str(found) >= str(wanted)
    return found is not None and FORMS["version"](found) == FORMS["version"](wanted)


def _in_use(system: System, reading: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    """Tell whether somebody works with the client just now; one that cannot be asked is in nobody's use."""
    try:
        found: Any = read_resource(system, reading, context)
    except ResourceError:
        return False
    for part in reading["field"].split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return bool(found == reading["value"])


def _check_guards(step: Mapping[str, Any], resource: Any, observed: Optional[State]) -> None:
    """Only the before-values of fields that this step changes make a plan stale."""
    guards = step.get("guards")
    if guards is None:
        return
    moved = moved_guards(type(resource), guards, observed, step.get("guard_key"))
    if moved:
        raise GateError("plan-stale", step=step["id"], fields=moved)


def moved_guards(cls: Any, guards: Mapping[str, Any], observed: Optional[State], key: Optional[str]) -> List[str]:
    """Return the guarded fields whose value is not what the plan saw.

    Args:
        guards: field → value seen; a secret is `{"hmac": …}`.
        key: the plan's HMAC key in hex.
    """
    moved = []
    for name, seen in guards.items():
        if name == PRESENCE:
            same = ("absent" if observed is None else "present") == seen
        else:
            same = _guard_holds(cls, name, seen, observed or {}, key)
        if not same:
            moved.append(name)
    return moved


def _guard_holds(cls: Any, name: str, seen: Any, observed: State, key: Optional[str]) -> bool:
    field, _, item = name.partition(".")
    found = observed.get(field)
    if item:
        found = (found or {}).get(item)
    if isinstance(seen, Mapping) and set(seen) == {"hmac"}:
        return found is not None and Secret(str(reveal(found))).fingerprint(bytes.fromhex(key or "")) == seen["hmac"]
    if seen is None or found is None:
        return seen is found
    if item:
        return bool(seen == found)
    return not differences(cls, {field: seen}, {field: found})


def _check_backup(system: System, journal: Journal, needed: str) -> None:
    """A destructive step needs the receipt of its backup, and the data as that backup has it."""
    from guiwei.target.backups import Backups
    from guiwei.target.journal import journal_entries

    receipt = None
    run = journal.folder.replace("\\", "/").rsplit("/", 1)[-1]
    for entry in journal_entries(system.state_dir, run):
        if entry.get("op") == "result" and entry.get("step") == needed:
            receipt = entry.get("receipt")
    if not receipt:
        raise GateError("backup-missing", step=needed)
    moved = Backups(system).moved_since(receipt["backup"], exactly=True)
    if moved:
        raise GateError("backup-outdated", backup=receipt["backup"], path=moved)


def _prove(system: System, resource: Any, desired: Optional[State]) -> None:
    """What was written must be what is read: an exit code proves nothing."""
    system.forget()
    left = differences(type(resource), desired, guarded(resource.read, system))
    left = [change for change in left if not _is_event(type(resource), change)]
    if left:
        raise ResourceError("not-converged", module=type(resource).__module__.rsplit(".", 1)[-1], fields=_names(left))


def _is_event(cls: Any, change: Change) -> bool:
    from guiwei.target.contract import fields_of

    return any(spec.name == change.field and spec.volatile for spec in fields_of(cls))


def _names(changes: List[Change]) -> List[str]:
    return [change.field for change in changes]


def _told(change: Change) -> List[Any]:
    """A change as it is reported: secrets as a mask."""
    from guiwei.target.secret import MASK

    return [change.field] + [MASK if isinstance(item, Secret) else item for item in change[1:]]
