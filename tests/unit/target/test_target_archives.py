from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.target.archives import fetch_blob, unpack


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def _zip(*members: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as whole:
        for info, data in members:
            whole.writestr(info, data)
    return made.getvalue()


def _zip_link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info, target.encode()


SYM, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    "data",
    [
        _tar((_info("/etc/x"), b"1")),
        _tar((_info("../x"), b"1")),
        _tar((_info("a/../../x"), b"1")),
        _tar((_info("C:\\x"), b"1")),
        _tar((_info("..\\x"), b"1")),
        _tar((_info("l", SYM, "/etc/passwd"), b"")),
        _tar((_info("a/l", SYM, "../../x"), b"")),
        _tar((_info("l", SYM, ".."), b""), (_info("l/x"), b"1")),
        _tar((_info("h", HARD, "/etc/passwd"), b"")),
        _tar((_info("h", HARD, "../outside"), b"")),
        _tar((_info("h", HARD, "nothing"), b"")),
        _tar((_info("f", tarfile.FIFOTYPE), b"")),
        _tar((_info("d", tarfile.CHRTYPE), b"")),
        _zip((zipfile.ZipInfo("../x"), b"1")),
        _zip((zipfile.ZipInfo("/x"), b"1")),
        _zip(_zip_link("l", "../../outside")),
        b"MZ this is an exe",
        b"PK\x03\x04 but no zip",
        _tar((_info("x"), os.urandom(5000)))[:900],
        b"",
    ],
)
def test_an_archive_that_is_wrong_writes_nothing_outside(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "outside").write_text("safe")
    (tmp_path / "in").mkdir()
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(ResourceError) as caught:
        unpack(str(tmp_path / "a.bin"), str(tmp_path / "in" / "tree"), "lantai")
    assert caught.value.code == "package-archive"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.bin", "in", "outside"]
    assert [one.name for one in (tmp_path / "in").iterdir()] == ["tree"]
    assert (tmp_path / "outside").read_text() == "safe"


@pytest.mark.parametrize(
    "data",
    [
        _tar(
            (_info("./"), b""),
            (_info("bin/x", mode=0o4755), b"x"),
            (_info("说明.txt"), "税".encode()),
            (_info("link", SYM, "bin/x"), b""),
            (_info("hard", HARD, "bin/x"), b""),
        ),
        _tar(
            (_info("p-1/VERSION"), b"1"), (_info("p-1/bin/x", mode=0o755), b"x"), (_info("p-1/说明.txt"), "税".encode())
        ),
    ],
)
def test_files_modes_and_links(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    tree = tmp_path / "tree"
    unpack(str(tmp_path / "a"), str(tree), "lantai")
    assert (tree / "bin/x").read_bytes() == b"x"
    assert (tree / "bin/x").stat().st_mode & 0o7777 == 0o755
    assert (tree / "说明.txt").read_text() == "税"
    if (tree / "link").exists():
        assert os.readlink(tree / "link") == "bin/x"
        assert (tree / "hard").read_bytes() == b"x"


def test_names_of_a_chinese_windows_zip(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("placeholder.txt")
    raw = "开票说明书.txt".encode("gbk")
    info.filename = "x" * len(raw)
    data = _zip((info, b"1")).replace(b"x" * len(raw), raw)
    (tmp_path / "a").write_bytes(data)
    unpack(str(tmp_path / "a"), str(tmp_path / "tree"), "lantai")
    assert [one.name for one in (tmp_path / "tree").iterdir()] == ["开票说明书.txt"]


DATA = bytes(range(100))
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("there", [b"", DATA[:33], DATA, b"wrong bytes", DATA + b"too many"])
def test_a_fetch_goes_on_where_a_cut_left_off(pc: Pc, tmp_path: Path, there: bytes) -> None:
    pc.blobs[SHA256] = DATA
    asked: list[int] = []
    system = pc.writer()
    original: Callable[..., object] = system.blob
    system.blob = lambda sha256, offset=0: (asked.append(offset), original(sha256, offset))[1]  # type: ignore
    place = tmp_path / "a.part"
    if there:
        place.write_bytes(there)
    fetch_blob(system, SHA256, str(place))
    assert place.read_bytes() == DATA
    assert asked == {b"": [0], DATA[:33]: [33], DATA: []}.get(there, [len(there), 0])


def test_wrong_bytes_are_not_kept(pc: Pc, tmp_path: Path) -> None:
    pc.blobs[SHA256] = b"something else"
    with pytest.raises(ResourceError) as caught:
        fetch_blob(pc.writer(), SHA256, str(tmp_path / "a.part"))
    assert caught.value.code == "content-hash"
    assert not (tmp_path / "a.part").exists()


def test_a_cut_keeps_what_came(pc: Pc, tmp_path: Path) -> None:
    from guiwei.errors import HostError

    system = pc.writer()

    def cut(_sha256: str, offset: int = 0) -> object:
        yield DATA[offset : offset + 40]
        raise HostError("frame-broken", detail="channel closed")

    system.blob = cut  # type: ignore
    with pytest.raises(HostError):
        fetch_blob(system, SHA256, str(tmp_path / "a.part"))
    assert (tmp_path / "a.part").read_bytes() == DATA[:40]
    pc.blobs[SHA256] = DATA
    fetch_blob(pc.writer(), SHA256, str(tmp_path / "a.part"))
    assert (tmp_path / "a.part").read_bytes() == DATA
