"""The run's journal on the PC: intent before, done after, and the before-images that rollback restores.

    <state_dir>/runs/<run>/journal.jsonl     one JSON object a line, fsynced; hashes and paths, never contents
    <state_dir>/runs/<run>/before/<number>   before-images, mode 0600

After any cut a line says: not begun, begun (look), or done.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, Optional

from guiwei.errors import ResourceError

__all__ = ["Journal", "fsync_folder", "journal_entries", "list_runs"]

FORMAT = 1
#: A name that is no text stays what it is: bytes on Linux, half a pair of UTF-16 on Windows.
_ERRORS = "surrogatepass" if os.name == "nt" else "surrogateescape"


def fsync_folder(path: str) -> None:
    """Make a rename or removal in `path` durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Journal:
    """Append to one run's journal.

    Args:
        state_dir: guiwei's folder on the PC (a real path).
        run: the run's id.
    """

    def __init__(self, state_dir: str, run: str) -> None:
        self.folder = os.path.join(state_dir, "runs", run)
        self._images = os.path.join(self.folder, "before")
        os.makedirs(self._images, mode=0o700, exist_ok=True)
        path = os.path.join(self.folder, "journal.jsonl")
        # After a cut the last line may be torn; the next one must not be glued to it.
        torn = os.path.exists(path) and not _ends_whole(path)
        self._number = sum(1 for _ in journal_entries(state_dir, run))
        self._file = open(path, "ab")
        if torn:
            self._file.write(b"\n")
        if self._number == 0:
            self.append({"op": "run", "run": run, "format": FORMAT})
            # A journal that a power cut takes away with its name would undo nothing.
            for folder in (self.folder, os.path.dirname(self.folder), state_dir):
                fsync_folder(folder)

    def append(self, entry: Dict[str, Any]) -> int:
        """Write one line durably and return its number."""
        self._number += 1
        entry = dict(entry, n=self._number)
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", _ERRORS)
        try:
            self._file.write(line + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            # A full disk names no file.
            error.filename = self.folder
            raise
        return self._number

    def done(self, number: int, **facts: Any) -> None:
        """Say that the intent with this number has been carried out."""
        self.append(dict(facts, op="done", of=number))

    def keep(self, data: bytes) -> str:
        """Store a before-image durably and return its name."""
        name = "%06d" % (self._number + 1)
        path = os.path.join(self._images, name)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            error.filename = path
            raise
        fsync_folder(self._images)
        return name

    def place_for_tree(self) -> str:
        """Return the path where a whole folder can be set aside as its own before-image."""
        return os.path.join(self._images, "%06d" % (self._number + 1))

    def image(self, name: str) -> bytes:
        """Return a before-image."""
        with open(os.path.join(self._images, name), "rb") as file:
            return file.read()

    def image_path(self, name: str) -> str:
        """Return where a before-image lies."""
        return os.path.join(self._images, name)

    def close(self) -> None:
        """Close the file; the journal stays."""
        self._file.close()


def _ends_whole(path: str) -> bool:
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        if file.tell() == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def journal_entries(state_dir: str, run: str) -> Iterator[Dict[str, Any]]:
    """Yield the entries of a run in order; a line torn by a power cut is passed over.

    Raises:
        ResourceError: the journal is of a later format (`journal-format`).
    """
    path = os.path.join(state_dir, "runs", run, "journal.jsonl")
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        for line in file:
            try:
                entry = json.loads(line.decode("utf-8", _ERRORS))
            except ValueError:
                continue
            if entry.get("format", FORMAT) > FORMAT:
                raise ResourceError("journal-format", run=run, format=entry["format"])
            yield entry


def list_runs(state_dir: str) -> List[str]:
    """Return the ids of the runs that this PC has journals of, oldest first (ids sort by time)."""
    folder = os.path.join(state_dir, "runs")
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def last_entry(state_dir: str, run: str, op: str) -> Optional[Dict[str, Any]]:
    """Return the last entry of that kind."""
    found = None
    for entry in journal_entries(state_dir, run):
        if entry.get("op") == op:
            found = entry
    return found
