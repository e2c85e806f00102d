"""What an agent that was cut (killed, a power cut) left half written: found by its journal, and taken away."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator

from guiwei.target.journal import journal_entries
from guiwei.target.swaps import finish_swap
from guiwei.target.trees import remove_tree

__all__ = ["REHEARSALS", "UNDO", "end_users", "sweep"]

#: Folder, below guiwei's own, of the copies that upgrades are rehearsed on.
REHEARSALS = "rehearsals"

#: What a rollback writes beside the path that it puts back.
UNDO = ".guiwei-undo"


def sweep(state_dir: str, run: str, fetched: bool = False) -> None:
    """Remove a run's temporary files and folders, and backups that were not finished; the caller holds the PC's lock.

    Args:
        run: the run that was cut; empty if none was.
        fetched: also what was fetched for a program that is not in place yet; the next try would otherwise go on there.
    """
    if not run:
        return
    in_place, done = False, set()
    for entry in reversed(list(journal_entries(state_dir, run))):
        if entry["op"] == "done":
            done.add(entry["of"])
        elif entry["op"] == "tree" and entry["n"] not in done:
            finish_swap(entry)
        for path in _temporary(entry, fetched or in_place):
            if os.path.basename(os.path.dirname(path)) == REHEARSALS:
                end_users(path)
            remove_tree(path)
        if entry.get("database"):
            from guiwei.target.rows import settle

            settle(entry["database"])
        # What was fetched is of no more use once its step got to the swap.
        in_place = entry["op"] == "tree" or (in_place and entry["op"] not in ("begin", "run"))
    backups = os.path.join(state_dir, "backups")
    for name in os.listdir(backups) if os.path.isdir(backups) else ():
        if name.endswith(".partial"):
            remove_tree(os.path.join(backups, name))


def _temporary(entry: Dict[str, Any], fetched: bool) -> Iterator[str]:
    if entry.get("temporary"):
        yield entry["temporary"]
    if fetched and entry.get("fetched"):
        yield entry["fetched"]
    if entry["op"] in ("file", "touched", "tree"):
        yield entry["path"] + UNDO


def end_users(folder: str) -> None:
    """End the programs that run out of a rehearsal's copy: its random name stands in no other command line."""
    if not os.path.isdir("/proc"):
        return
    import signal

    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open("/proc/%s/cmdline" % name, "rb") as file:
                if os.fsencode(folder) in file.read():
                    os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue
