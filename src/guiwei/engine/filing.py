"""What must not move, and what must be settled first: report dates of the device, invoices that are not uploaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan
from guiwei.engine.work import InstanceWork, value_at
from guiwei.errors import GateError, GuiweiError
from guiwei.invoicing.ledger import unsent_of

__all__ = ["filing_moved", "filing_told", "refuse_unsent"]


def refuse_unsent(instance: InstanceWork, parameters: ParameterPlan, observation: Observation) -> None:
    """Refuse to give a client another taxpayer id while it holds invoices that are not uploaded.

    Changing the 税号 marks every old invoice as filed (vendors' notices say so of the 2015+ Aisino client): what was
    not uploaded by then never is. A typing error is no change: one copy still has the right number then.

    Raises:
        GateError: `invoices-unsent`.
    """
    if not parameters.taxpayer_changes:
        return
    unsent = unsent_of(ledger_rows(instance, observation))
    if unsent:
        place = next((step.place for step in parameters.steps if step.place), None)
        raise GateError("invoices-unsent", place, instance=instance.id, count=unsent)


def filing_told(instance: InstanceWork, observation: Observation) -> dict[str, Any] | None:
    """Return what the device says of reports and lock dates, dotted; None where it is not asked or does not answer."""
    device, fields = instance.product.device, instance.product.filing
    if device is None or not fields:
        return None
    try:
        answer = observation.value(device, instance.id)
    except GuiweiError:
        return None
    told = {name: item for field in fields for name, item in _dotted(field, value_at(answer, field))}
    return told or None


def _dotted(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for part, item in value.items():
            yield from _dotted(f"{name}.{part}", item)
    elif value is not None:
        yield name, value


def filing_moved(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what moved, one line a date: guiwei neither files (抄报) nor clears (清卡), so nothing may.

    A device that cannot be asked any more is no date that moved: the checks say that.
    """
    if before is None or after is None:
        return ()
    names = sorted(before.keys() | after.keys())
    return tuple(
        f"{name}: {before.get(name, '—')} → {after.get(name, '—')}"
        for name in names
        if before.get(name) != after.get(name)
    )
