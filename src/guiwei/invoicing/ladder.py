"""The recovery ladder: restart, settings, repair-install, reset mode, reinstall, restore; climbed as far as needed.

Each cause names the rungs that may cure it. A round takes the lowest rung that was not yet tried for each cause; what
is found again afterwards climbs one rung. Every rung is tried once for a cause, so climbing ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from guiwei.invoicing.diagnosis import CAUSES, roots
from guiwei.model.recovery import Finding

__all__ = ["RUNGS", "Choice", "choose", "highest"]

#: Lowest first. A restart clears passing faults; a restore is the last resort and loses what came since the backup.
RUNGS = ("restart", "settings", "repair", "reset", "reinstall", "restore")


@dataclass(frozen=True)
class Choice:
    """What is to be done next.

    Attributes:
        rungs: cause → rung, for every cause that something can still be tried for.
        person: causes that a person must see to.
        blocked: nothing may be touched before the person has acted.
        exhausted: causes for which every rung has been tried, or that the product has no rung for.
    """

    rungs: Mapping[str, str]
    person: tuple[str, ...] = ()
    blocked: bool = False
    exhausted: tuple[str, ...] = ()

    @property
    def rung(self) -> str | None:
        """The highest rung of them all; None if nothing can be tried."""
        return highest(self.rungs.values())


def choose(
    findings: Iterable[Finding],
    available: Collection[str],
    tried: Collection[tuple[str, str]],
    by_hand: Collection[str] = (),
) -> Choice:
    """Return the next climb.

    Args:
        findings: of the last look.
        available: rungs that the product's profile describes and that can be taken on this PC.
        tried: (cause, rung) that were tried already.
        by_hand: causes that only a person can see to here, because nobody gave guiwei the secret.
    """
    own = roots(findings)
    person = tuple(each.cause for each in own if not CAUSES[each.cause].rungs or each.cause in by_hand)
    blocked = any(CAUSES[name].blocks for name in person)
    rungs: dict[str, str] = {}
    exhausted: list[str] = []
    for finding in own:
        cause = CAUSES[finding.cause]
        if blocked or cause.name in person:
            continue
        left = [rung for rung in cause.rungs if rung in available and (cause.name, rung) not in tried]
        if left:
            rungs[cause.name] = left[0]
        else:
            exhausted.append(cause.name)
    return Choice(rungs, person, blocked, tuple(exhausted))


def highest(rungs: Iterable[str]) -> str | None:
    """Return the highest of some rungs."""
    return max(rungs, key=RUNGS.index, default=None)
