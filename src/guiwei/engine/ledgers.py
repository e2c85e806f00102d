"""An instance's ledger: invoices, amount and tax per kind and month, as its database has them now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.work import InstanceWork, reading_id
from guiwei.errors import GateError
from guiwei.model.product import Reading

__all__ = ["ledger_rows", "refuse_if_moved"]


def ledger_rows(instance: InstanceWork, observation: Observation) -> tuple[Mapping[str, Any], ...]:
    """Return the ledger as rows of kind, month, count, amount and tax in yuan; empty if the product has none."""
    ledger = instance.product.ledger
    if not ledger:
        return ()
    state = observation.state(reading_id(Reading("query", ledger, "rows"), instance.id))
    return tuple(_in_yuan(row) for row in (state or {}).get("rows", ()))


def _in_yuan(row: Mapping[str, Any]) -> dict[str, Any]:
    """Fen are integers in the database; people read yuan."""
    told = dict(row)
    for name in ("amount", "tax"):
        fen = told.pop(f"{name}_fen", None)
        if fen is not None:
            told[name] = str((Decimal(int(fen)) / 100).quantize(Decimal("0.01")))
    return told


def refuse_if_moved(
    instance: str, kept: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]], since: str
) -> None:
    """Refuse to put old data over live data once an invoice has been issued, voided or uploaded in between.

    Args:
        kept: the ledger as the backup or the run's beginning has it.
        live: the ledger now.
        since: the backup or run, for the message.

    Raises:
        GateError: `data-moved`, with the first kind and month that differ.
    """
    kept, live = list(kept), list(live)
    # A counter stands in every month of its kind: the month in which something was issued says more.
    for without in ({"next_number"}, set[str]()):
        before, after = _by_month(kept, without), _by_month(live, without)
        for kind, month in sorted(before.keys() | after.keys()):
            if before.get((kind, month)) != after.get((kind, month)):
                raise GateError("data-moved", instance=instance, kind=kind, month=month, since=since)


def _by_month(rows: Iterable[Mapping[str, Any]], without: set[str]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (str(row["kind"]), str(row["month"])): {name: item for name, item in row.items() if name not in without}
        for row in rows
    }
