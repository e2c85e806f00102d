"""Many hosts at once: a fixed number of threads, and no host waits for a dead one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from guiwei.engine.work import Work

__all__ = ["over_hosts"]

Outcome = TypeVar("Outcome")


def over_hosts(
    works: Sequence[Work],
    call: Callable[[Work], Outcome],
    forks: int,
    finished: Callable[[Work, Outcome], None] | None = None,
) -> list[Outcome]:
    """Call for every host, at most `forks` at a time, and return the outcomes in the hosts' order.

    Args:
        finished: called in this thread as each host ends; the one place that may write history.

    Raises:
        Exception: whatever bug one host's call raised, after the hosts under way have ended.
        KeyboardInterrupt: at once; the hosts under way are left to themselves.
    """
    outcomes: dict[int, Outcome] = {}
    pool = ThreadPoolExecutor(max_workers=max(1, min(forks, len(works) or 1)), thread_name_prefix="host")
    pending: dict[Future[Outcome], int] = {pool.submit(call, work): place for place, work in enumerate(works)}
    patient = True
    try:
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for place, outcome in _collected(pending, done):
                outcomes[place] = outcome
                if finished is not None:
                    finished(works[place], outcome)
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)
    return [outcomes[place] for place in range(len(works))]


def _collected(pending: dict[Future[Outcome], int], done: Iterable[Future[Outcome]]) -> Iterable[tuple[int, Outcome]]:
    for future in done:
        yield pending.pop(future), future.result()
