from __future__ import annotations

from pathlib import Path

import pytest

from guiwei.errors import ResourceError
from guiwei.target.journal import Journal, journal_entries, list_runs


def _path(state: Path) -> Path:
    return state / "runs" / "r" / "journal.jsonl"


def test_entries_are_numbered_and_read_back(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "r")
    number = journal.append({"op": "file", "path": "/税"})
    journal.done(number, after=None)
    journal.close()
    entries = list(journal_entries(str(tmp_path), "r"))
    assert [entry["op"] for entry in entries] == ["run", "file", "done"]
    assert entries[2]["of"] == entries[1]["n"] == 2
    assert list_runs(str(tmp_path)) == ["r"]


@pytest.mark.parametrize("torn", [b'{"op":"file","n":', b'{"op":"file","path":"\xe7\xa8', b"\x00\x00\x00", b"{"])
def test_a_torn_last_line_is_passed_over_and_not_glued_to(tmp_path: Path, torn: bytes) -> None:
    journal = Journal(str(tmp_path), "r")
    journal.append({"op": "begin", "step": "s"})
    journal.close()
    with _path(tmp_path).open("ab") as file:
        file.write(torn)
    again = Journal(str(tmp_path), "r")
    number = again.append({"op": "file"})
    again.close()
    entries = list(journal_entries(str(tmp_path), "r"))
    assert [entry["op"] for entry in entries] == ["run", "begin", "file"]
    assert number == entries[-1]["n"] == 3


def test_a_whole_last_line_without_its_end_counts(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "r")
    journal.close()
    with _path(tmp_path).open("ab") as file:
        file.write(b'{"op":"file","n":2}')
    again = Journal(str(tmp_path), "r")
    again.append({"op": "done", "of": 2})
    again.close()
    assert [entry["op"] for entry in journal_entries(str(tmp_path), "r")] == ["run", "file", "done"]


def test_a_journal_of_a_later_format_is_refused(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "r")
    journal.append({"op": "x", "format": 99})
    journal.close()
    with pytest.raises(ResourceError) as caught:
        list(journal_entries(str(tmp_path), "r"))
    assert caught.value.code == "journal-format"


def test_before_images_are_private(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "r")
    name = journal.keep(b"pin")
    assert journal.image(name) == b"pin"
    assert Path(journal.image_path(name)).stat().st_mode & 0o777 == 0o600
    assert Path(journal.image_path(name)).parent.stat().st_mode & 0o777 == 0o700
    journal.close()
