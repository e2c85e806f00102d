"""Case of `package`."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from typing import Any

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation, Snapshot

from guiwei.modules.package import Package
from guiwei.target.contract import Resource

PATH, RECORD, PLAIN = "/opt/兰台 (1)", "/etc/record.ini", "/etc/兰台 version"

#: The client's own set-up: writes its version into the record, as an installer does into the registry.
SETUP = b"""#!/bin/sh
case "$2" in
  *.ini) sed "s/^Version=.*/Version=$(cat "$1/VERSION")/" "$2" > "$2.new"; cat "$2.new" > "$2"; rm "$2.new" ;;
  *) cat "$1/VERSION" > "$2" ;;
esac
"""

_versions = st.sampled_from(["2.4.0", "3.0.0", "3.1"])


def _tree(version: str, extra: dict[str, bytes]) -> dict[str, tuple[bytes, int]]:
    files = {name: (data, 0o644) for name, data in extra.items()}
    return {**files, "VERSION": (version.encode() + b"\n", 0o644), "bin/setup": (SETUP, 0o755)}


def archive(files: dict[str, tuple[bytes, int]], form: str, folder: str = "") -> bytes:
    made = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(made, "w") as whole:
            for name, (data, mode) in sorted(files.items()):
                info = zipfile.ZipInfo(folder + name)
                info.external_attr = (0o100000 | mode) << 16
                whole.writestr(info, data)
    else:
        with tarfile.open(fileobj=made, mode="w:gz") as tar:
            for name, (data, mode) in sorted(files.items()):
                member = tarfile.TarInfo(folder + name)
                member.size, member.mode, member.uid = len(data), mode, 999
                tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


@st.composite
def package_situations(draw: st.DrawFn) -> Situation:
    extra = draw(st.dictionaries(st.sampled_from(["lib/a.py", "说明.txt", "lib/深/x"]), st.binary(max_size=9)))
    version, form = draw(_versions), draw(st.sampled_from(["zip", "tar"]))
    folder = draw(st.sampled_from(["", "lantai-3/"]))
    files = _tree(version, extra)
    data = archive(files, form, folder)
    sha256 = hashlib.sha256(data).hexdigest()
    old, owner = draw(st.none() | _versions), draw(st.sampled_from([(0, 0), (1234, 1234)]))
    partial = draw(st.sampled_from([None, data[:30], b"wrong", data]))
    record = draw(st.sampled_from([None, RECORD, PLAIN]))
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        state = {"version": version, "sha256": sha256, "source": None}
        del state["source"]
        if draw(st.booleans()):
            state["reinstalled"] = True

    def make(bench: Bench) -> Resource:
        bench.blobs[sha256] = data
        bench.put("/opt/other/keep", b"keep")
        bench.put(RECORD, b"[other]\nx=1\n[client]\nVersion=%s\n" % (old or "none").encode(), 0o640, (1234, 0))
        if old is not None:
            bench.put(PLAIN, old.encode(), 0o640, (1234, 0))
        if old is not None:
            for name, (content, mode) in _tree(old, {"gone later": b"1"}).items():
                bench.put(PATH + "/" + name, content, mode, owner)
            for path in (PATH, PATH + "/bin"):
                os.chown(bench.real(path), *(owner if os.geteuid() == 0 else (-1, -1)))
            os.chmod(bench.real(PATH), 0o750)
        if partial is not None and state is not None:
            # What a cut left: it is gone on with, and never stays.
            bench.put(f"/opt/.guiwei-{sha256[:16]}.part", partial, 0o600)
            bench.ignored.add(f"opt/.guiwei-{sha256[:16]}.part")
        if record is None:
            return Package("lantai", PATH)
        install = ["/bin/sh", bench.real(PATH) + "/bin/setup", bench.real(PATH), bench.real(record)]
        section = "client" if record == RECORD else None
        return Package("lantai", PATH, record=record, record_section=section, install=install)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        inside = PATH.lstrip("/")
        for path in ("opt/other/keep", "opt/other", "etc"):
            assert after[path]._replace(modified=0) == before[path]._replace(modified=0)
        for path in {RECORD, PLAIN} - {record}:
            assert after.get(path.lstrip("/")) == before.get(path.lstrip("/"))
        installed = {path for path in after if path.startswith(inside + "/") and after[path].kind == "file"}
        if state is None:
            assert inside not in after
            return
        same = old is not None and old.rstrip("0.") == version.rstrip("0.") and "reinstalled" not in state
        wanted = _tree(old or "", {"gone later": b"1"}) if same else files
        assert installed == {f"{inside}/{name}" for name in wanted}
        for name, (content, mode) in wanted.items():
            seen = after[f"{inside}/{name}"]
            assert (seen.data, seen.mode) == (content, f"{mode:04o}")
            if old is not None:
                assert (seen.uid, seen.gid) == (before[inside].uid, before[inside].gid)
        if old is not None:
            assert after[inside].mode == before[inside].mode

    return Situation(make, state, frame)


CASES = [Case("package", package_situations(), share=0.5)]
