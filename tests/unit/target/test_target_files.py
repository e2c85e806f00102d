from __future__ import annotations

import os

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.target.hashing import digest
from guiwei.target.system import convert_os_error


def _code(call: object, *arguments: object) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_paths_stay_below_the_root(pc: Pc) -> None:
    files = pc.reader().files
    assert files.real("/etc/x") == os.path.realpath(pc.root / "etc/x")
    assert _code(files.real, "etc/x") == "path-not-absolute"
    assert _code(files.real, "/etc/../../x") == "path-not-absolute"
    assert _code(files.real, "/..") == "path-not-absolute"


def test_reading_cannot_write(pc: Pc) -> None:
    files = pc.reader().files
    with pytest.raises(RuntimeError, match="while reading"):
        files.write("/x", b"1")
    assert pc.tree() == {}


def test_a_file_is_read_once_in_a_phase(pc: Pc) -> None:
    real = pc.put("/x", "1")
    files = pc.reader().files
    assert files.read("/x") == b"1"
    real.write_bytes(b"2")
    assert files.read("/x") == b"1"
    files.forget()
    assert files.read("/x") == b"2"


def test_chunks_that_are_not_what_was_promised_change_nothing(pc: Pc) -> None:
    pc.put("/x", "old")
    files = pc.writer().files
    assert _code(files.write_chunks, "/x", lambda: [b"ne", b"w"], digest(b"other")) == "content-hash"
    assert pc.tree() == {"x": b"old"}
    files.write_chunks("/x", lambda: [b"ne", b"w"], digest(b"new"))
    assert pc.tree() == {"x": b"new"}


def test_a_write_goes_through_a_link(pc: Pc) -> None:
    pc.put("/real", "old")
    os.symlink("real", pc.root / "link")
    pc.writer().files.write("/link", b"new")
    assert (pc.root / "link").is_symlink()
    assert (pc.root / "real").read_bytes() == b"new"


def test_kinds_are_not_confused(pc: Pc) -> None:
    pc.put("/folder/x", "1")
    files = pc.writer().files
    for call, path in ((files.write, "/folder"), (files.remove, "/folder")):
        assert _code(call, path, *([b"1"] if call == files.write else [])) == "path-kind"
    assert _code(files.make_folder, "/folder/x/y") == "path-kind"
    assert _code(files.remove_folder, "/folder/x") == "path-kind"
    assert _code(files.remove_folder, "/folder") == "folder-not-empty"
    assert _code(files.set_mode, "/none", "0600") == "path-missing"


def test_an_unknown_owner_is_said_so(pc: Pc) -> None:
    pc.put("/x", "1")
    assert _code(pc.writer().files.set_owner, "/x", "nobody-of-this-name", None) == "owner-unknown"


def test_no_folder_to_write_in(pc: Pc) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        pc.writer().files.write("/none/x", b"1")
    error = convert_os_error(caught.value)
    assert error.code == "path-missing"
    # The folder that is missing, as it was written: nobody knows the temporary file or the simulated root.
    assert error.arguments["path"] == "/none"
    assert pc.tree() == {}


@pytest.mark.parametrize(
    ("number", "code"),
    [(28, "disk-full"), (30, "path-read-only"), (13, "path-permission"), (16, "file-in-use"), (5, "os-error")],
)
def test_the_system_s_words_become_codes(number: int, code: str) -> None:
    assert convert_os_error(OSError(number, "words", "/x")).code == code
    shared = OSError(13, "words", "C:\\x")
    shared.winerror = 32  # type: ignore[attr-defined, unused-ignore]
    assert convert_os_error(shared).code == "file-in-use"


def test_what_another_program_writes_is_undone_only_if_it_is_still_there(pc: Pc) -> None:
    pc.put("/record", "old")
    files = pc.writer().files
    number = files.keep("/record")
    pc.put("/record", "installed")
    files.settle(number, "/record")
    assert pc.roll_back()[0]
    assert pc.tree() == {"record": b"old"}
