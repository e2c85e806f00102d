"""`guiwei demo` as a newcomer types it: every step ends as it should, and nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SETTLED = {"en": "Nothing to change.", "zh": "无需变更"}


def play(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the demo in a process of its own, with its temporary folders below this test's."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    plain = {name: item for name, item in os.environ.items() if not name.startswith(("GUIWEI_", "LC_", "LANG"))}
    plain["GUIWEI_TEST_PROCESS"] = os.environ.get("GUIWEI_TEST_PROCESS", "")
    environment = {**plain, "TMPDIR": str(temporary), "HOME": str(tmp_path / "home"), "COLUMNS": "100"}
    words = (sys.executable, "-m", "guiwei", "demo", *words)
    return subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)


def left_behind(tmp_path: Path) -> list[str]:
    """Return the processes that name a folder of this test, and what lies there."""
    found = [str(path) for path in (*(tmp_path / "tmp").iterdir(), *tmp_path.glob("home/**/*"))]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(tmp_path).encode() in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_goes_through_and_leaves_nothing(tmp_path: Path, lang: str) -> None:
    done = play(tmp_path, "--lang", lang)
    assert done.returncode == 0, done.stderr[-3000:]
    commands = re.findall(r"^\$ guiwei (\w+)", done.stdout, re.MULTILINE)
    assert commands == ["check", "plan", "apply", "plan"]
    _, _, last = done.stdout.rpartition("$ guiwei plan")
    assert SETTLED[lang] in last
    assert SETTLED[lang] not in done.stdout[: -len(last)]
    # What the clients themselves say of before and after.
    assert last.count("2.4.0") == 6
    assert last.count("3.1.0") == 6
    assert re.search(r"\b300 +301\b", last)
    assert "Traceback" not in done.stderr
    assert left_behind(tmp_path) == []


def test_what_it_made_can_be_kept_and_looked_at(tmp_path: Path) -> None:
    done = play(tmp_path, "--keep", "kept", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    documents = []
    decoder, rest = json.JSONDecoder(), done.stdout
    while (place := rest.find("{")) >= 0:
        document, end = decoder.raw_decode(rest, place)
        documents.append(document)
        rest = rest[end:]
    assert {name: facts["version"] for name, facts in documents[-1]["after"].items()} == dict.fromkeys(
        ("pc01", "pc02", "pc03"), "3.1.0"
    )
    kept = tmp_path / "kept"
    assert (kept / "playbooks/version-upgrade.yml").is_file()
    vault = (kept / "inventory/host_vars/pc01/vault.yml").read_text()
    assert vault.startswith("$ANSIBLE_VAULT;")
    assert left_behind(tmp_path) == []
