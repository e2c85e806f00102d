"""The tutorial is done as it is written: its files saved, its commands run; each ends as the page says."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario_bench import Bench
from scenario_cases import Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("tutorial-own-client.md", "tutorial-own-client.zh-CN.md")
#: Where the page works; a test does it elsewhere.
PLACE = "/tmp/reed"


def blocks(page: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield language, the file that the text before names last (None for commands) and text of each block."""
    text = (DOCS / page).read_text("utf-8")
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        names = re.findall(r"`([\w./-]+)`", text[: found.start()].rstrip().rpartition("\n")[2])
        yield found[1], None if found[1] == "sh" else names[-1], found[2]


def save(name: str, text: str) -> None:
    """Write a file, or add to one that an earlier block began."""
    with Path(name).open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.fixture
def place(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the folder of the exercise; nothing runs on after it."""
    folder = bench.folder / "reed"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    yield folder
    with contextlib.suppress(OSError, ValueError):
        pid = int((folder / "pc/opt/reed/reed.pid").read_text())
        if str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def test_the_tutorial_is_done_as_it_is_written(place: Path, run: Run) -> None:
    done: list[str] = []
    for _, name, block in blocks(PAGES[0]):
        text = block.replace(PLACE, str(place))
        if name is not None:
            save(name, text)
            continue
        for line in text.splitlines():
            command, _, comment = line.partition("#")
            expected = int((re.findall(r"exit code ([0-9])", comment) or ["0"])[0])
            words = command.split()
            if words[0] == "guiwei":
                result = run(*words[1:])
                assert result.code == expected, (line, result)
                done.append(words[1])
            elif words[0] == "cd":
                assert Path(words[1]) == place
            else:
                subprocess.run(command, shell=True, check=True, cwd=place)
    assert {"product", "capture", "plan", "apply", "verify", "recover"} == set(done)
    assert (place / "pc/opt/reed/program/VERSION").read_text() == "2.0\n"
    assert 'limit="9999999"' in (place / "pc/opt/reed/company.xml").read_text()


def test_a_misspelt_pointer_is_found_by_check_and_a_wrong_one_by_test(place: Path, run: Run) -> None:
    for language, name, block in blocks(PAGES[0]):
        text = block.replace(PLACE, str(place))
        if name is not None:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            save(name, text)
        if language == "yaml" and name == "products/reed.yml":
            break
    profile = Path("products/reed.yml")
    good = profile.read_text()
    profile.write_text(good.replace("pointer:", "pionter:"))
    assert run("product", "check", str(profile)).code == 2
    profile.write_text(good.replace("/upload/url", "/upload/uri"))
    assert run("product", "check", str(profile)).code == 0
    assert run("product", "test", "reed", "-i", "hosts.yml").code == 3


def test_both_languages_show_the_same() -> None:
    english, chinese = ([(language, name, _bare(text)) for language, name, text in blocks(page)] for page in PAGES)
    assert english == chinese
    assert len(english) > 15


def _bare(text: str) -> str:
    """A block without its comments."""
    lines = (re.sub(r" *# .*", "", line) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
