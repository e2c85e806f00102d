"""The documents: what they show is run, what they claim is compared with the code, their links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY, code_blocks, files, table

from guiwei.cli.main import COMMANDS, main
from guiwei.language._filters import FILTERS, TESTS
from guiwei.language._words import LATER
from guiwei.language.source import loads

DOCUMENTS = [path for path in files() if path.suffix == ".md" and "tests" not in path.parts]
READMES = ["README.md", "README.zh-CN.md"]
#: Where the README's example lies; a test puts it elsewhere.
PLACE = "/tmp/first"


@pytest.mark.parametrize("readme", READMES)
def test_the_first_playbook_works_as_the_readme_says(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    first_playbook(readme, tmp_path, lambda words: main(words[1:]), monkeypatch)
    assert (tmp_path / "pc01/client/安全接入地址.txt").read_bytes() == b"https://skfp.example.cn:7008\r\n"
    assert "[网络]\n超时=30" in (tmp_path / "pc01/client/client.ini").read_text("utf-8").replace(" ", "")
    assert "Traceback" not in capfd.readouterr().err


def first_playbook(readme: str, folder: Path, run: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the README tells to do; each command must end as its comment says."""
    assert callable(run)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GUIWEI_HOME", str(folder / "home"))
    texts = [block.replace(PLACE, str(folder)) for block in code_blocks(readme, "yaml")]
    for name, text in zip(("hosts.yml", "first.yml"), texts, strict=True):
        Path(name).write_text(text, encoding="utf-8")
    commands = [line.replace(PLACE, str(folder)).partition("#") for line in code_blocks(readme, "sh")[1].splitlines()]
    assert len(commands) == 5
    for command, _, comment in commands:
        words = command.split()
        if words[0] == "mkdir":
            subprocess.run(words, check=True)
            continue
        expected = re.findall(r"[0-9]", comment)
        assert run(words) == (int(expected[0]) if expected else 0), command


def test_the_readmes_show_the_same_playbook() -> None:
    english, chinese = (code_blocks(name, "yaml") for name in READMES)
    assert [_without_words(text) for text in english] == [_without_words(text) for text in chinese]
    assert [re.sub(r" *#.*", "", text) for text in code_blocks(READMES[0], "sh")] == [
        re.sub(r" *#.*", "", text) for text in code_blocks(READMES[1], "sh")
    ]


def _without_words(text: str) -> str:
    return re.sub(r"name: .*", "name:", re.sub(r" *#.*", "", text))


@pytest.mark.parametrize("number", range(len(code_blocks("docs/language.md", "yaml"))))
def test_the_playbooks_of_the_language_are_right(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.yml").write_text(code_blocks("docs/language.md", "yaml")[number], encoding="utf-8")
    (tmp_path / "hosts.yml").write_text(
        "closed: {hosts: {old: }}\n"
        "branches: {hosts: {pc: {taxpayer: 91996731333271677W, machine: '0', orgcode: '330100', "
        "disk: '008800330101'}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    code = main(["check", "p.yml", "-i", "hosts.yml", "--lang", "en"])
    assert code == 0, capfd.readouterr().err


def test_yaml_is_read_differently_exactly_where_the_table_says() -> None:
    rows = [row for row in table("docs/language.md", "YAML: what is read differently") if "yaml-differs" in row[3]]
    assert len(rows) == 4
    for written, _ansible, _guiwei, notice in rows:
        for text in re.findall(r"`([^`]+)`", written):
            source = loads(f"a: {text}\n", "x.yml")
            assert source.data == {"a": text}
            assert [each.code for each in source.differences] == [notice.strip("`")], text


def test_the_language_lists_the_filters_tests_and_reserved_words() -> None:
    text = (REPOSITORY / "docs" / "language.md").read_text(encoding="utf-8")
    found = re.search(r"Filters beside Jinja2's own: `([^`]+)`\. Tests: `([^`]+)`", text)
    assert found is not None
    assert sorted(found[1].split()) == sorted(FILTERS)
    assert sorted(found[2].split()) == sorted(TESTS)
    reserved = re.search(r"^(`.*) are reserved", text, flags=re.MULTILINE)
    assert reserved is not None
    assert sorted(re.findall(r"`(\w+)`", reserved[1])) == sorted(LATER)


def test_links_and_pictures_are_there() -> None:
    missing = []
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                missing.append(f"{path.relative_to(REPOSITORY)}: {target}")
    assert missing == []


def test_documents_name_no_command_that_is_not_there() -> None:
    unknown = set()
    for path in DOCUMENTS:
        for name in re.findall(r"`guiwei ([a-z]+)\b", path.read_text(encoding="utf-8")):
            unknown |= {name} - set(COMMANDS)
    assert unknown == set()


def test_the_picture_is_a_plan_in_each_language() -> None:
    for name, word in (("plan.svg", "Upgrade"), ("plan.zh.svg", "升级")):
        text = (REPOSITORY / "docs" / "images" / name).read_text(encoding="utf-8")
        assert text.startswith("<svg")
        assert word in text


def test_the_version_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    from guiwei import __version__

    shown = subprocess.run(
        [sys.executable, "-m", "guiwei", "--version"], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert shown.stdout.strip() == f"guiwei {__version__}"
    assert f"## [{__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
