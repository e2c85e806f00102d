"""A folder is swapped for another: killed at any moment, the one or the other is there whole."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from target_pc import RUN, Pc

from guiwei.errors import ResourceError
from guiwei.target import swaps
from guiwei.target.leftovers import sweep

OLD = {"opt": None, "opt/p": None, "opt/p/bin": None, "opt/p/bin/x": b"old", "opt/p/theirs": b"1"}
NEW = {"opt": None, "opt/p": None, "opt/p/bin": None, "opt/p/bin/x": b"new", "opt/p/lib": b"2"}


@dataclass(frozen=True)
class Disk:
    """What the PC's file systems can.

    Attributes:
        exchanges: two folders can be exchanged.
        copies: what cannot be renamed and must be copied: `state` (guiwei's folder lies on another disk), `layer` (the
            old folder lies in a lower layer of an overlay), or empty.
    """

    exchanges: bool
    copies: str


DISKS = {
    "one-disk": Disk(True, ""),
    "two-disks": Disk(True, "state"),
    "one-disk-without-exchange": Disk(False, ""),
    "two-disks-without-exchange": Disk(False, "state"),
    "overlay": Disk(False, "layer"),
}


@pytest.fixture(params=DISKS)
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = DISKS[request.param]
    rename = os.rename

    def refuses(source: str, target: str) -> None:
        layered = source.endswith("/opt/p") and os.path.exists(source + "/theirs")
        if layered if made.copies == "layer" else ("/state/" in source) != ("/state/" in target):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    if made.copies:
        monkeypatch.setattr(os, "rename", refuses)
    if not made.exchanges:
        monkeypatch.setattr(swaps, "_exchange", lambda *_: False)
    return made


def begin(pc: Pc) -> str:
    """Lay the old folder at its place and the new one beside it; return where that is."""
    for name, data in OLD.items():
        if data is not None:
            pc.put(name, data)
    for name, data in NEW.items():
        if data is not None:
            pc.put(name.replace("opt/p", "opt/.prepared"), data)
    return str(pc.real("/opt/.prepared"))


def killed(pc: Pc, prepared: str, moment: int) -> bool:
    """Swap in a process that is killed at a moment; tell whether it was, and did not end before."""
    child = os.fork()
    if child == 0:
        _die_at(moment)
        pc.writer().files.swap_tree(prepared, "/opt/p")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def _die_at(moment: int) -> None:
    """Every call that changes a name is two moments: before it and after it."""
    passed = 0

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*arguments: Any, **more: Any) -> Any:
            nonlocal passed
            passed += 1
            if passed == moment:
                os._exit(9)
            done = call(*arguments, **more)
            passed += 1
            if passed == moment:
                os._exit(9)
            return done

        return watch

    for module, name in ((os, "rename"), (os, "unlink"), (os, "rmdir"), (os, "mkdir"), (swaps, "_exchange")):
        setattr(module, name, watched(getattr(module, name)))


def cut(tmp_path: Path) -> Iterator[tuple[int, Pc]]:
    """Yield a PC whose swap was cut, of every moment of a swap."""
    for moment in range(1, 200):
        folder = tmp_path / str(moment)
        folder.mkdir()
        pc = Pc(folder)
        if not killed(pc, begin(pc), moment):
            return
        yield moment, pc


def test_a_swap_that_is_cut_is_brought_to_an_end(tmp_path: Path, disk: Disk) -> None:
    ends: list[str] = []
    for moment, pc in cut(tmp_path):
        if disk.exchanges:
            assert pc.real("/opt/p/bin/x").read_bytes() in (b"old", b"new"), moment
        shutil.rmtree(pc.real("/opt/.prepared"), ignore_errors=True)
        sweep(str(pc.state), RUN)
        assert pc.tree() in (OLD, NEW), moment
        ends.append("new" if pc.tree() == NEW else "old")
        assert pc.roll_back()[0], moment
        assert pc.tree() == OLD, moment
        assert not list(pc.state.rglob("*.partial")), moment
    # First it is not done, from one moment on it is.
    assert set(ends) == {"old", "new"}
    assert ends == sorted(ends, reverse=True)
    assert len(ends) >= (20 if disk.copies else 6)


def test_a_swap_that_is_cut_is_taken_back_at_once(tmp_path: Path, disk: Disk) -> None:
    """`guiwei rollback` without anything in between."""
    moment = 0
    for moment, pc in cut(tmp_path):
        shutil.rmtree(pc.real("/opt/.prepared"), ignore_errors=True)
        assert pc.roll_back()[0], moment
        assert pc.tree() == OLD, moment
    assert moment > 6


def test_undoing_a_swap_that_ended_leaves_what_a_later_one_has_put_beside(pc: Pc) -> None:
    pc.writer().files.swap_tree(begin(pc), "/opt/p")
    pc.real("/opt/p").rename(pc.real("/opt/p.guiwei-new"))
    pc.put("/opt/p/bin/x", "newer")
    assert pc.roll_back()[0]
    assert pc.real("/opt/p/bin/x").read_bytes() == b"old"
    assert pc.real("/opt/p.guiwei-new/bin/x").read_bytes() == b"new"


def test_no_room_for_the_before_image(pc: Pc, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old folder could not be kept, so it stays where it is."""
    prepared = begin(pc)
    move = swaps.move_tree

    def full(source: str, target: str) -> None:
        if "/state/" in target:
            Path(target + ".partial").mkdir()
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target)

    monkeypatch.setattr(swaps, "move_tree", full)
    with pytest.raises(OSError, match="No space left"):
        pc.writer().files.swap_tree(prepared, "/opt/p")
    assert pc.tree() == OLD
    assert not list(pc.state.rglob("*.partial"))


def test_what_somebody_has_put_there_since_the_cut_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program was gone, so a technician installed it by hand."""
    monkeypatch.setattr(swaps, "_exchange", lambda *_: False)
    pc = Pc(tmp_path)
    moment = 1
    while killed(pc, begin(pc), moment) and pc.real("/opt/p").exists():
        moment += 1
        for folder in (pc.root, pc.state):
            shutil.rmtree(folder)
            folder.mkdir()
    shutil.rmtree(pc.real("/opt/.prepared"), ignore_errors=True)
    pc.put("/opt/p/by-hand", "theirs")
    sweep(str(pc.state), RUN)
    assert pc.tree() == {"opt": None, "opt/p": None, "opt/p/by-hand": b"theirs"}
    (kept,) = (pc.state / "runs" / RUN / "before").iterdir()
    assert (kept / "bin/x").read_bytes() == b"old"


def test_what_nobody_can_tell_apart_is_left_and_named(tmp_path: Path) -> None:
    """The PC was cut after the exchange, and then copied file by file: inode numbers say nothing any more."""
    (tmp_path / "first").mkdir()
    pc = Pc(tmp_path / "first")
    prepared = begin(pc)
    moment = 1
    while killed(pc, prepared, moment) and pc.real("/opt/p/bin/x").read_bytes() == b"old":
        shutil.rmtree(pc.root)
        shutil.rmtree(pc.state)
        pc.root.mkdir()
        pc.state.mkdir()
        begin(pc)
        moment += 1
    shutil.copytree(pc.root, tmp_path / "copy")
    shutil.rmtree(pc.root)
    (tmp_path / "copy").rename(pc.root)
    sweep(str(pc.state), RUN)
    before = pc.tree()
    assert before["opt/p.guiwei-new/bin/x"] == b"old"
    pc.put("/opt/.prepared/bin/x", "newer")
    with pytest.raises(ResourceError) as caught:
        pc.writer().files.swap_tree(prepared, "/opt/p")
    assert (caught.value.code, caught.value.arguments) == ("swap-left", {"path": str(pc.real("/opt/p.guiwei-new"))})
    shutil.rmtree(prepared)
    assert pc.tree() == before


def test_what_cannot_be_moved_is_not_half_moved(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a rename fails while a program holds a file of the folder open."""
    prepared = begin(pc)
    rename = os.rename

    def refuses(source: str, target: str) -> None:
        if source == str(pc.real("/opt/p")):
            raise PermissionError(13, "in use")
        rename(source, target)

    monkeypatch.setattr(swaps, "_exchange", lambda *_: False)
    monkeypatch.setattr(os, "rename", refuses)
    with pytest.raises(PermissionError):
        pc.writer().files.swap_tree(prepared, "/opt/p")
    assert pc.tree() == OLD


def test_a_file_system_that_cannot_exchange_says_so(tmp_path: Path) -> None:
    """A real answer of the kernel: two names on different file systems."""
    shared = Path("/dev/shm") / f"guiwei-{os.getpid()}"
    shared.mkdir()
    try:
        (tmp_path / "one").mkdir()
        assert swaps._exchange(str(tmp_path / "one"), str(shared)) is False
        assert shared.is_dir()
    finally:
        shared.rmdir()
    with pytest.raises(FileNotFoundError):
        swaps._exchange(str(tmp_path / "one"), str(tmp_path / "none"))
