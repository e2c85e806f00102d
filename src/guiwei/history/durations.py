"""How long each kind of step took on this site's PCs: a mean in which late ones count more."""

from __future__ import annotations

from collections.abc import Iterable

from guiwei.history.database import History

__all__ = ["known_durations", "note_durations"]

#: A mean over about so many steps: a new client version that starts more slowly is soon believed.
_WINDOW = 20


def note_durations(history: History, taken: Iterable[tuple[str, float]]) -> None:
    """Note what steps took.

    Args:
        taken: kind of step and seconds, one pair a step that did something.
    """
    pairs = list(taken)
    if not pairs:
        return
    with history.transaction() as database:
        database.executemany(
            "INSERT INTO duration (kind, seconds, number) VALUES (?, ?, 1) ON CONFLICT (kind) DO UPDATE SET"
            f" seconds = seconds + (excluded.seconds - seconds) / (min(number, {_WINDOW - 1}) + 1),"
            " number = number + 1",
            pairs,
        )


def known_durations(history: History) -> dict[str, float]:
    """Return kind → seconds of every kind of step that was ever done."""
    if not history.exists():
        return {}
    with history.transaction() as database:
        return {row["kind"]: row["seconds"] for row in database.execute("SELECT kind, seconds FROM duration")}
