"""Diagnosis: from what was seen of a client to named causes with evidence. Pure, and the same for every product.

A product's profile says which of its signs show which cause (`recovery: causes:`); the signs that every product has
(its process, versions, parameters) show theirs by the rules here. What a cause explains is no cause of its own: a
client whose disk cannot be read does not start, and starting it would cure nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from guiwei.invoicing.versions import older
from guiwei.model.product import CauseRule
from guiwei.model.recovery import Finding

__all__ = ["CAUSES", "GENERAL", "OPERATORS", "SIGNS", "Cause", "diagnose", "holds", "roots", "sign_at"]

RESTART, SETTINGS, REPAIR, RESET, REINSTALL, RESTORE = (
    "restart",
    "settings",
    "repair",
    "reset",
    "reinstall",
    "restore",
)

#: Minutes by hand, as public notices and forums give them: wrong parameters 10–15 minutes; a crash, a re-installation
#: or an upgrade 1–2 hours and a service provider.
PARAMETERS_BY_HAND = (10, 15)
CRASH_BY_HAND = (60, 120)


@dataclass(frozen=True)
class Cause:
    """One way in which an invoicing PC fails.

    Attributes:
        part: where it lies: `hardware`, `driver`, `software`, `data`, `parameters`, `process`, `network` or `person`.
        rungs: of the ladder, those that may cure it, lowest first; empty where a person must act.
        blocks: nothing may be touched before the person has acted: whose client this is cannot be known.
        explains: parts whose causes are no causes of their own beside this one.
        names: further causes that this one explains.
        replaces: causes that say the same less exactly.
        by_hand: minutes that a person needs, from and to; None where that varies.
    """

    name: str
    part: str
    rungs: tuple[str, ...] = ()
    blocks: bool = False
    explains: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()
    by_hand: tuple[int, int] | None = None


def _cause(
    name: str,
    part: str,
    *rungs: str,
    blocks: bool = False,
    explains: Iterable[str] = (),
    names: Iterable[str] = (),
    replaces: Iterable[str] = (),
    by_hand: tuple[int, int] | None = None,
) -> Cause:
    return Cause(name, part, rungs, blocks, frozenset(explains), frozenset(names), frozenset(replaces), by_hand)


#: Everything but the disk itself is judged once the disk is known.
_BEHIND_DISK = ("driver", "software", "data", "parameters", "process", "network", "person")
#: What a program that cannot run, or a disk that it cannot read, brings with it.
_BEHIND_PROGRAM = ("parameters", "process", "network", "person")

_ALL = (
    _cause("disk-missing", "hardware", blocks=True, explains=_BEHIND_DISK),
    _cause("disk-other", "hardware", blocks=True, explains=_BEHIND_DISK, replaces=("disk-missing",)),
    _cause("disk-several", "hardware", blocks=True, explains=_BEHIND_DISK, replaces=("disk-missing", "disk-other")),
    # An old driver may be all that keeps a good disk from being read.
    _cause("disk-unreadable", "hardware", blocks=True, explains=_BEHIND_DISK[1:]),
    _cause("disk-locked", "person", replaces=("disk-unregistered", "pin-last-try")),
    _cause("pin-last-try", "person", replaces=("disk-unregistered",)),
    _cause("lock-date-passed", "person"),
    _cause(
        "driver-outdated",
        "driver",
        REPAIR,
        explains=("parameters", "process"),
        names=("disk-unreadable",),
        by_hand=CRASH_BY_HAND,
    ),
    _cause("pc-empty", "software", RESTORE, explains=("software", "data", *_BEHIND_PROGRAM), by_hand=CRASH_BY_HAND),
    _cause(
        "data-missing",
        "data",
        RESTORE,
        explains=_BEHIND_PROGRAM,
        names=("program-missing", "program-damaged"),
        by_hand=CRASH_BY_HAND,
    ),
    _cause("program-missing", "software", REINSTALL, RESTORE, explains=_BEHIND_PROGRAM, by_hand=CRASH_BY_HAND),
    _cause("record-lost", "software", SETTINGS, REINSTALL, RESTORE, explains=_BEHIND_PROGRAM, by_hand=CRASH_BY_HAND),
    _cause("record-wrong", "software", REPAIR, REINSTALL, explains=("process",), by_hand=CRASH_BY_HAND),
    _cause("program-damaged", "software", REPAIR, REINSTALL, explains=_BEHIND_PROGRAM, by_hand=CRASH_BY_HAND),
    _cause(
        "data-damaged",
        "data",
        RESTORE,
        explains=("process",),
        names=("migration-unfinished", "record-behind", "activation-needed"),
        by_hand=CRASH_BY_HAND,
    ),
    _cause("settings-damaged", "parameters", SETTINGS, RESTORE, explains=("process",), by_hand=PARAMETERS_BY_HAND),
    _cause("migration-unfinished", "data", RESTART, REPAIR, explains=("process",), by_hand=CRASH_BY_HAND),
    _cause(
        "record-behind",
        "data",
        RESTART,
        REPAIR,
        explains=("process",),
        replaces=("migration-unfinished",),
        by_hand=CRASH_BY_HAND,
    ),
    _cause(
        "parameters-wrong",
        "parameters",
        SETTINGS,
        RESET,
        REINSTALL,
        names=("process-stopped", "process-crashed", "network-down", "network-unsteady"),
        by_hand=PARAMETERS_BY_HAND,
    ),
    _cause("copies-differ", "parameters", RESET, REINSTALL, by_hand=PARAMETERS_BY_HAND),
    _cause("port-taken", "process", names=("process-stopped", "process-crashed")),
    _cause("process-stuck", "process", RESTART, REPAIR, REINSTALL, by_hand=CRASH_BY_HAND),
    _cause(
        "process-crashed",
        "process",
        RESTART,
        REPAIR,
        RESET,
        REINSTALL,
        replaces=("process-stopped",),
        by_hand=CRASH_BY_HAND,
    ),
    _cause("process-stopped", "process", RESTART, REPAIR, RESET, REINSTALL, by_hand=CRASH_BY_HAND),
    _cause("disk-unregistered", "parameters", SETTINGS, by_hand=PARAMETERS_BY_HAND),
    _cause("activation-needed", "parameters", SETTINGS, by_hand=PARAMETERS_BY_HAND),
    _cause("network-down", "network", replaces=("network-unsteady",)),
    _cause("network-unsteady", "network"),
    _cause("unknown", "unknown", RESTART, REPAIR, RESET, REINSTALL),
)

#: Every cause by name, in the order in which a person would look: hardware, system, program, data, settings, network.
CAUSES: Mapping[str, Cause] = {cause.name: cause for cause in _ALL}

#: What the signs that every product has say. A profile's rules come on top.
GENERAL = (
    CauseRule("disk-missing", {"present": False}, {"wanted": "instance.disk"}),
    CauseRule("driver-outdated", {"drivers.behind": True}, {"found": "drivers.found", "wanted": "drivers.wanted"}),
    CauseRule("pc-empty", {"there.program": False, "there.data": False, "there.record": False}, {}),
    CauseRule("data-missing", {"there.data": False, "there.record": True}, {}),
    CauseRule("program-missing", {"there.program": False, "there.data": True}, {}),
    CauseRule("record-lost", {"there.record": False, "there.data": True, "there.program": True}, {}),
    CauseRule(
        "record-wrong",
        {"version": {"not": None}, "tree_version": {"not": None}, "versions_agree": False},
        {"version": "version", "tree": "tree_version"},
    ),
    CauseRule(
        "migration-unfinished",
        {"data_behind": True},
        {"version": "version", "data-version": "data_version"},
    ),
    CauseRule("parameters-wrong", {"wrong": {"not": []}}, {"wrong": "wrong"}),
    CauseRule("process-stopped", {"running": False, "wants_running": True}, {}),
    CauseRule("process-crashed", {"running": False, "wants_running": True, "there.pid_file": True}, {}),
    CauseRule("activation-needed", {"active": False}, {}),
    CauseRule("unknown", {"unmet": {"not": []}}, {"checks": "unmet"}),
)

#: Signs that every product has; a profile's own come beside them. `errors` holds the code of why a sign was not seen.
SIGNS = (
    "instance", "facts", "today", "there", "present", "device", "wrong", "drivers", "unmet", "errors", "running",
    "wants_running", "version", "data_version", "data_behind", "active", "tree_version", "versions_agree",
)  # fmt: skip

#: What a rule may ask of a sign beside equality.
OPERATORS = ("not", "one_of", "contains", "at_most", "older_than", "before", "differs_from")


def diagnose(rules: Iterable[CauseRule], signs: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return every cause that the signs show, each once, in the order of `CAUSES`.

    Args:
        rules: the product's; `GENERAL` is always asked too.
        signs: name → what was seen; mappings nest.

    Returns:
        Causes, and what follows from them with `because` set.
    """
    shown: dict[str, Mapping[str, Any]] = {}
    for rule in (*rules, *GENERAL):
        if rule.cause not in shown and all(holds(signs, path, wanted) for path, wanted in rule.conditions.items()):
            shown[rule.cause] = {
                name: found for name, path in rule.evidence.items() if (found := sign_at(signs, path)) is not None
            }
    for cause in _ALL:
        # Whatever is known says more than that something is wrong.
        less = cause.replaces if cause.name != "unknown" or len(shown) == 1 else {"unknown"}
        for name in less if cause.name in shown else ():
            shown.pop(name, None)
    return tuple(
        Finding(cause.name, shown[cause.name], _explained(cause, shown)) for cause in _ALL if cause.name in shown
    )


def roots(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that nothing else explains."""
    return tuple(finding for finding in findings if finding.because is None)


def _explained(cause: Cause, shown: Mapping[str, Any]) -> str | None:
    for other in _ALL:
        if other.name in shown and other is not cause and _explains(other, cause):
            return other.name
    return None


def _explains(other: Cause, cause: Cause) -> bool:
    return cause.part in other.explains or cause.name in other.names


def holds(signs: Mapping[str, Any], path: str, wanted: Any) -> bool:
    """Tell whether one sign is as a rule says; what was not seen shows nothing but its own absence."""
    found = sign_at(signs, path)
    if not isinstance(wanted, Mapping):
        return _same(found, wanted)
    return all(_operator(signs, name, found, operand) for name, operand in wanted.items())


def _operator(signs: Mapping[str, Any], name: str, found: Any, operand: Any) -> bool:
    if name == "not":
        return not _same(found, operand)
    if found is None:
        return False
    if name == "one_of":
        return any(_same(found, item) for item in operand)
    if name == "contains":
        return str(operand) in (found if isinstance(found, (list, tuple)) else str(found))
    if name == "at_most":
        return isinstance(found, (int, float)) and not isinstance(found, bool) and found <= operand
    other = sign_at(signs, str(operand))
    if other is None:
        return False
    if name == "differs_from":
        return _plain(found) != _plain(other)
    if name == "before":
        # Dates as ISO texts: their order is the order of days.
        return str(found) < str(other)
    return older(str(found), str(other))


def _same(found: Any, wanted: Any) -> bool:
    """True is not 1: a sign has the kind of value that the rule writes."""
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _plain(item: Any) -> str:
    """Files hold texts, a device's answer holds numbers: 72 and "72" are one value."""
    return str(item).strip()


def sign_at(signs: Mapping[str, Any], path: str) -> Any:
    """Return what a dotted path leads to, None if it leads nowhere."""
    found: Any = signs
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found
