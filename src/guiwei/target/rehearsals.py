"""Rehearsing an upgrade on a copy: the same steps below another root, and the same ledger afterwards, or no upgrade.

The copy lies in guiwei's own folder, `<state_dir>/rehearsals/<random>/pc`, as a small PC of its own: the client runs in
it with that root, on another port, and with whatever else the profile sets so that it reaches nobody. Nothing of the
live instance is written; copy and client are gone afterwards, however it ends.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from guiwei.errors import GuiweiError, ResourceError, error_from_wire
from guiwei.target.contract import compose, fill
from guiwei.target.fetched import kept_path, pieces_of
from guiwei.target.journal import Journal
from guiwei.target.leftovers import REHEARSALS, end_users
from guiwei.target.observation import contexts_of, guarded, read_resource
from guiwei.target.steps import apply_steps
from guiwei.target.system import System, convert_os_error
from guiwei.target.trees import copy_file, copy_tree, remove_tree

__all__ = ["Rehearsal"]

#: Room that must be left on the disk beside the copy, in bytes.
SPARE = 64 << 20

Rows = List[Dict[str, Any]]


class Rehearsal:
    """One rehearsal on this PC.

    Args:
        system: the live PC's.
        script: `copy` (paths), `exclude` (names), `instance`, `instances` and `define` (what references resolve
            against), `edges` (each with `versions` and wire `steps`), `service` (its arguments), `ledger` (a query's
            arguments, or None) and `resume` (start the live client again if this fails).
    """

    def __init__(self, system: System, script: Mapping[str, Any]) -> None:
        self._live = system
        self._script = script
        self._folder = os.path.join(system.state_dir, REHEARSALS, os.urandom(6).hex())
        self._copy: Optional[System] = None
        self._context: Mapping[str, Any] = {}

    def run(self) -> Dict[str, Any]:
        """Do every edge on the copy and return `edges`, `rows` of the ledger, `bytes` copied and `seconds`.

        Raises:
            ResourceError: a step failed (`rehearsal-failed`), the ledger is another one (`rehearsal-ledger`), there
                is no room (`rehearsal-room`), or a link leads out of the copy (`rehearsal-link`).
        """
        started = time.monotonic()
        self._live.files.announce(temporary=self._folder)
        try:
            size = self._make_copy()
            before = self._ledger()
            for edge in self._script["edges"]:
                self._do(edge)
                _compare(before, self._ledger(), edge["versions"])
        except (GuiweiError, OSError) as error:
            self._remove()
            self._resume(error)
            raise
        except BaseException:
            self._remove()
            raise
        self._remove()
        return {
            "edges": [list(edge["versions"]) for edge in self._script["edges"]],
            "rows": None if before is None else len(before),
            "bytes": size,
            "seconds": round(time.monotonic() - started, 3),
        }

    # The copy

    def _make_copy(self) -> int:
        root, state = os.path.join(self._folder, "pc"), os.path.join(self._folder, "state")
        os.makedirs(root, mode=0o700)
        os.makedirs(state, mode=0o700)
        context = contexts_of(self._live, self._script)[self._script["instance"]]
        pairs = [(self._live.files.real(path), root + _below(path)) for path in fill(self._script["copy"], context)]
        exclude = self._script.get("exclude", ())
        size = _check_sources(pairs, exclude)
        free = shutil.disk_usage(self._folder).free
        if size + SPARE > free:
            raise ResourceError("rehearsal-room", needed=size + SPARE, free=free)
        for source, target in pairs:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.isdir(source):
                copy_tree(source, target, lambda name: _left_out(name, exclude))
            else:
                copy_file(source, target)
        self._copy = System(root, state, Journal(state, "rehearsal"), self._blob)
        self._context = contexts_of(self._copy, self._script)[self._script["instance"]]
        return size

    def _blob(self, sha256: str, offset: int) -> Iterator[bytes]:
        """Fetch it into the live PC's keeping, so that it comes over the line once."""
        from guiwei.target.archives import fetch_blob

        path = kept_path(self._live.state_dir, sha256)
        if not os.path.isfile(path):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            self._live.files.announce(fetched=path)
            self._live.files.announce(fetched=path + ".part")
            fetch_blob(self._live, sha256, path + ".part")
            os.replace(path + ".part", path)
        return pieces_of(path, offset)

    # What is done on it

    def _do(self, edge: Mapping[str, Any]) -> None:
        assert self._copy is not None
        assert self._copy.journal is not None
        results: List[Dict[str, Any]] = []
        request = {name: self._script[name] for name in ("instances", "define")}
        request["steps"] = _with_port(edge["steps"])
        apply_steps(self._copy, self._copy.journal, request, results.append)
        last = results[-1] if results else {}
        if last.get("error"):
            error = error_from_wire(last["error"])
            source, target = edge["versions"]
            cause = {"code": error.code, "args": error.arguments}
            raise ResourceError("rehearsal-failed", source=source, target=target, step=last["id"], cause=cause)

    def _ledger(self) -> Optional[Rows]:
        if not self._script.get("ledger"):
            return None
        assert self._copy is not None
        self._copy.forget()
        state = read_resource(self._copy, {"module": "query", "with": self._script["ledger"]}, self._context)
        self._copy.forget()
        return None if state is None else list(state["rows"])

    # Afterwards

    def _remove(self) -> None:
        """End the copy's client and take the copy away; what has gone wrong on the way must not hide why."""
        if self._copy is not None:
            try:
                self._stop(self._copy)
            except (GuiweiError, OSError):
                pass
            self._copy.close()
            if self._copy.journal is not None:
                self._copy.journal.close()
        end_users(self._folder)
        remove_tree(self._folder)
        try:
            os.rmdir(os.path.dirname(self._folder))
        except OSError:
            pass

    def _stop(self, copy: System) -> None:
        service = self._script.get("service")
        if service:
            resource = compose("service", fill(dict(service, force=True), self._context))
            guarded(resource.write, copy, {"running": False})

    def _resume(self, failure: Exception) -> None:
        """Start the live client again that was stopped for this: nothing of it was touched.

        Raises:
            ResourceError: it does not start (`rehearsal-client-down`).
        """
        if not (self._script.get("resume") and self._script.get("service")):
            return
        context = contexts_of(self._live, self._script)[self._script["instance"]]
        resource = compose("service", fill(dict(self._script["service"]), context))
        try:
            guarded(resource.write, self._live, {"running": True})
        except GuiweiError as error:
            known = failure if isinstance(failure, GuiweiError) else convert_os_error(failure)  # type: ignore[arg-type]
            raise ResourceError(
                "rehearsal-client-down",
                cause={"code": known.code, "args": known.arguments},
                detail={"code": error.code, "args": error.arguments},
            ) from failure


def _below(path: str) -> str:
    """Return a path of the PC as it hangs below another root; a Windows drive becomes a folder."""
    plain = path.replace("\\", "/").replace(":", "")
    return "/" + plain.lstrip("/")


def _check_sources(pairs: List[Tuple[str, str]], exclude: Any) -> int:
    """Return the size of what is to be copied.

    Raises:
        ResourceError: it is not there (`path-missing`), or a link leads out of it: the copy's client would write on the
            live PC (`rehearsal-link`).
    """
    size = 0
    roots = [os.path.realpath(source) for source, _ in pairs]
    for source, _ in pairs:
        if not os.path.exists(source):
            raise ResourceError("path-missing", path=source)
        for path in _walk(source, exclude):
            if os.path.islink(path):
                _check_link(path, roots)
            elif os.path.isfile(path):
                size += os.path.getsize(path)
    return size


def _check_link(path: str, roots: List[str]) -> None:
    leads = os.readlink(path)
    target = os.path.realpath(path)
    inside = any(target == root or target.startswith(root + os.sep) for root in roots)
    if os.path.isabs(leads) or not inside:
        raise ResourceError("rehearsal-link", path=path, target=leads)


def _walk(source: str, exclude: Any) -> Iterator[str]:
    yield source
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not _left_out(name, exclude)]
        for name in folders + [name for name in names if not _left_out(name, exclude)]:
            yield os.path.join(folder, name)


def _left_out(name: str, exclude: Any) -> bool:
    import fnmatch

    return any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude)


def _with_port(steps: Any) -> Any:
    """Put a port that nobody listens on for `{port}`, the same one in all steps of an edge."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return _replaced(steps, lambda text: text.replace("{port}", port))


def _replaced(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_replaced(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _replaced(item, change) for name, item in value.items()}
    return value


def _compare(before: Optional[Rows], after: Optional[Rows], versions: Any) -> None:
    """A migration changes the form of the ledger's data and nothing else.

    Every row and column that the profile's query gives is compared: invoices, amounts, tax, last number, unsent.

    Raises:
        ResourceError: `rehearsal-ledger`, with the first row that differs.
    """
    one, other = _by_key(before or []), _by_key(after or [])
    for key in sorted(set(one) | set(other)):
        if one.get(key) != other.get(key):
            raise ResourceError(
                "rehearsal-ledger",
                source=versions[0],
                target=versions[1],
                kind=key[0],
                month=key[1],
                before=one.get(key, []),
                after=other.get(key, []),
            )


def _by_key(rows: Rows) -> Dict[Tuple[str, str], List[str]]:
    found: Dict[Tuple[str, str], List[str]] = {}
    for row in rows:
        told = ", ".join("%s %s" % (name, row[name]) for name in sorted(row) if name not in ("kind", "month"))
        found.setdefault((str(row.get("kind")), str(row.get("month"))), []).append(told)
    return {key: sorted(told) for key, told in found.items()}
