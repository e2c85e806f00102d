"""Cases of the actions: `command`, `backup` and `restore`."""

from __future__ import annotations

import os
import shutil
from typing import Any

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation, Snapshot, assert_same, timeless

from guiwei.modules.backup import Backup
from guiwei.modules.command import Command
from guiwei.modules.restore import Restore
from guiwei.target.backups import Backups
from guiwei.target.contract import Resource
from guiwei.target.secret import Secret

DATA, SETTINGS = "/data/兰台 (1)", "/etc/client.ini"

_texts = st.binary(min_size=1, max_size=9)


@st.composite
def command_situations(draw: st.DrawFn) -> Situation:
    there, condition = draw(st.booleans()), draw(st.sampled_from(["creates", "unless"]))
    given = draw(st.sampled_from(["pin 1234", "口令", ""]))
    state: dict[str, Any] = {"done": True, "given": Secret(given)}

    def make(bench: Bench) -> Resource:
        mark = "/var/已激活"
        bench.put("/var/other", b"1")
        if there:
            bench.put(mark, b"before")
        argv = ["/bin/sh", "-c", 'cat > "$0"; cat "$0"', bench.real(mark)]
        if condition == "creates":
            return Command(argv, creates=mark)
        return Command(argv, unless=["/usr/bin/test", "-e", bench.real(mark)])

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {"var/已激活", "var"} if not there else set())
        assert after["var/other"] == before["var/other"]
        assert after["var/已激活"].data == (b"before" if there else given.encode())

    return Situation(make, state, frame)


@st.composite
def _data(draw: st.DrawFn) -> tuple[dict[str, bytes], bytes, tuple[int, int]]:
    files = draw(st.dictionaries(st.sampled_from(["a.db", "深/b", "c"]), _texts, min_size=1))
    return files, draw(_texts), draw(st.sampled_from([(0, 0), (1234, 4321)]))


def _make_data(bench: Bench, drawn: tuple[dict[str, bytes], bytes, tuple[int, int]]) -> None:
    files, settings, owner = drawn
    bench.put(SETTINGS, settings, 0o640, owner)
    bench.put("/etc/other", b"1")
    for name, content in files.items():
        bench.put(f"{DATA}/{name}", content, 0o600, owner)
    bench.put(DATA + "/client.lock", b"locked")
    os.symlink("c", bench.real(DATA + "/link"))
    if os.geteuid() == 0:
        os.chown(bench.real(DATA), *owner)


def _change_data(bench: Bench, change: str) -> None:
    """Do as a client does that migrates its data: rewrite, add, remove, replace the settings."""
    if change == "rewrite":
        for folder, _, names in os.walk(bench.real(DATA)):
            for name in names:
                if not os.path.islink(os.path.join(folder, name)) and name != "client.lock":
                    with open(os.path.join(folder, name), "ab") as file:
                        file.write(b"more")
    elif change == "add":
        bench.put(DATA + "/new/one", b"new")
    elif change == "remove":
        shutil.rmtree(bench.real(DATA))
    elif change == "settings":
        bench.put(SETTINGS, b"other settings")


_changes = st.sampled_from(["nothing", "rewrite", "add", "remove", "settings"])


@st.composite
def backup_situations(draw: st.DrawFn) -> Situation:
    drawn, change = draw(_data()), draw(_changes)

    def make(bench: Bench) -> Resource:
        _make_data(bench, drawn)
        # The lock is not in the backup, and so a restored folder has none.
        bench.ignored.add(DATA.lstrip("/") + "/client.lock")
        return Backup("1.0", paths=[DATA, SETTINGS], exclude=["*.lock"])

    return Situation(make, {"done": True}, lambda *_: None, later=lambda bench: _change_data(bench, change))


@st.composite
def restore_situations(draw: st.DrawFn) -> Situation:
    drawn, change = draw(_data()), draw(_changes)
    kept: dict[str, Any] = {}

    def make(bench: Bench) -> Resource:
        _make_data(bench, drawn)
        kept["snapshot"] = timeless(bench.snapshot())
        receipt = Backups(bench.reader()).make("1.0", [DATA, SETTINGS], ["*.lock"], {})
        _change_data(bench, change)
        return Restore(receipt["backup"])

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        lock = DATA.lstrip("/") + "/client.lock"
        wanted = {path: seen for path, seen in kept["snapshot"].items() if path != lock}
        assert {path: seen for path, seen in timeless(after).items() if path != lock} == wanted

    return Situation(make, {"done": True}, frame)


CASES = [
    Case("command", command_situations(), share=0.5),
    Case("backup", backup_situations(), honest=False, share=0.5),
    Case("restore", restore_situations(), share=0.5),
]
