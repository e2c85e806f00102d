"""Whom to call where a host did not end well, as its inventory says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from guiwei.engine.outcomes import BAD
from guiwei.engine.work import Work
from guiwei.model.inventory import Host
from guiwei.model.run import HostResult

__all__ = ["contact_of", "with_contact"]


def contact_of(host: Host) -> dict[str, Any]:
    """Return the inventory's `contact`: a mapping such as name and phone, or one text; empty if there is none."""
    told = host.vars.get("contact")
    if isinstance(told, Mapping):
        return {str(name): item for name, item in told.items() if item not in (None, "")}
    return {"name": told} if told else {}


def with_contact(result: HostResult, work: Work, waits: bool = False) -> HostResult:
    """Return a host's result with whom to call, if it did not end well.

    Args:
        waits: a host that waits for a person names them too.
    """
    ends = {result.status, *(each.status for each in result.instances)}
    if not ends & {*BAD, *(["waiting"] if waits else [])}:
        return result
    return replace(result, contact=contact_of(work.host))
