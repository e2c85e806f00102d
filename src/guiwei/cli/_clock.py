"""The controller's clock, for what depends on the day: policies, the filing calendar, windows."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["instant"]


def instant() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)
