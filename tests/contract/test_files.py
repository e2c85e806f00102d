"""Every file of the repository: short enough to read, and of no particular machine."""

from __future__ import annotations

import re

from repository import REPOSITORY, files

#: Lines of a file of Python: what is longer is two things.
LONGEST = 425
#: Folders of people and of machines, written so that this file does not find itself.
MACHINES = re.compile(r"(?<![\w.$}-])/[r]oot/\w|(?<![\w.$}/-])/[w]ork/|/tmp/[g]v\b|(?<![\w>])/[h]ome/\w")


def test_no_file_is_longer_than_one_reads() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files()
        if path.suffix == ".py"
    }
    assert len(lengths) > 100
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_file_names_the_machine_that_it_was_written_on() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINES.search(line)
        ]
    assert found == []


def test_the_pattern_finds_such_paths() -> None:
    root, work, home = "root", "work", "home"
    for text in (f"see /{root}/x", f"'/{work}/main'", "/tmp/" + "gv/bin", f"/{home}/ann"):
        assert MACHINES.search(text), text
    for text in (f"https://example.cn/{work}/", f"$root/{root}/x", f"net{work}/x", f"<TMP>/{home}/x"):
        assert not MACHINES.search(text), text


def test_the_constraints_name_versions_alone() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 20
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!]*", line)] == []
    assert "pyusb==1.2.1" in pins
    assert not [line for line in pins if line.lower().startswith("guiwei")]


def test_the_licence_is_apache_2() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
