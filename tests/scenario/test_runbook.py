"""The procedure for a person: what to collect, steps, screens, contacts; no host is asked, no secret is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scenario_bench import Bench, Result
from scenario_cases import Run

from guiwei.language.vault import encrypt

REPOSITORY = Path(__file__).resolve().parents[2]
PLAYBOOKS = REPOSITORY / "playbooks"
FLEET = REPOSITORY / "inventories" / "example"
PIN = "48151623"


class Printer:
    """Prints a shipped playbook."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, playbook: str, *words: str, lang: str = "en") -> str:
        result = self.result(playbook, *words, lang=lang)
        assert result.code == 0, result.err
        return result.out

    def result(self, playbook: str, *words: str, lang: str = "en") -> Result:
        return self._run("runbook", str(PLAYBOOKS / playbook), *words, lang=lang)


@pytest.fixture
def printed(bench: Bench, run: Run) -> Printer:
    return Printer(run)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("playbook", sorted(path.name for path in PLAYBOOKS.glob("*.yml")))
def test_every_playbook_can_be_printed(printed: Printer, playbook: str, lang: str) -> None:
    text = printed(playbook, "-i", str(FLEET), lang=lang)
    head, _, steps = text.partition("\n## Steps\n" if lang == "en" else "\n## 操作步骤\n")
    assert "0571-00000001" in head
    numbers = [int(line.split(".")[0][4:]) for line in steps.splitlines() if line.startswith("### ") and "." in line]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "{{" not in text.replace("{{ upload_address }}", "")
    assert "runbook-" not in text


def test_what_an_upgrade_takes_by_hand(printed: Printer) -> None:
    text = printed("version-upgrade.yml", "-i", str(FLEET), "-l", "hz-xihu-01")
    lines = text.splitlines()
    titles = [line[4:].partition(" ")[2] for line in lines if line.startswith("### ")]
    order = ["Stop the client", "Back up data and settings", "Install version 3.0.0", "Start the client"]
    order += ["Activate the client again", "Install version 3.1.0", "Start the client", "Test", "Reconcile (对账)"]
    assert [title for title in titles if title in order] == order
    # Filled in from the inventory: this taxpayer's folder, disk and people.
    assert "`/var/lib/兰台开票/91991582327247451B.0`" in text
    assert "| hz-xihu-01 | 91991582327247451B | 0 | 330100 | 009933010001 |" in lines
    assert "王示例（西湖网点会计） | 0571-00000011" in text
    assert "lantai-3.0.0.tar.gz" in text
    assert "**You should see:** 版本 … 已激活 (activated)." in lines
    assert "Never try the PIN a second time" in text
    assert "for a professional" in text
    # What it may be: the ladder and what only a person can do.
    assert "| The invoice database is damaged. | restore from backup |" in text
    assert "| The tax disk is not plugged in. | · | Plug the disk in" in text


def test_without_an_inventory_there_is_room_to_write(printed: Printer) -> None:
    text = printed("version-upgrade.yml", lang="zh")
    assert "‹税号›.‹开票机号›" in text
    assert "| 服务商 |          |" in text


def test_hosts_that_differ_are_told_apart(printed: Printer) -> None:
    text = printed("parameter-change.yml", "-i", str(FLEET))
    (line,) = [line for line in text.splitlines() if line.startswith("| upload address |")]
    assert "nj-gulou-01, nj-gulou-02: https://skfp.jiangsu.example.cn:7008" in line
    assert "gz-tianhe-01: https://skfp.guangdong.example.cn:7008" in line


def test_a_person_s_own_steps_stand_in_it(printed: Printer) -> None:
    text = printed("month-end-check.yml", "-i", str(FLEET), "-l", "hz-xihu-01")
    assert "File (抄报) and clear (清卡) for 91991582327247451B.0" in text
    assert "Photo of the result" in text


def test_a_page_is_written(printed: Printer, bench: Bench) -> None:
    result = printed.result("crash-recovery.yml", "-o", "plan.html", lang="zh")
    assert (result.code, result.out) == (0, "")
    page = (bench.work / "plan.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "应急预案" in page
    assert page == printed("crash-recovery.yml", "--format", "html", lang="zh")
    assert printed.result("crash-recovery.yml", "-o", "no/such/plan.html").code == 2


def test_json_holds_the_text(printed: Printer) -> None:
    told = json.loads(printed("crash-recovery.yml", "--json"))
    assert told["title"].startswith("Crash recovery")
    assert told["text"].startswith("# Crash recovery")


def test_an_unverified_client_is_called_so(bench: Bench, run: Run) -> None:
    play = "- name: check\n  hosts: all\n  product: aisino-goldtax\n  state: {}\n"
    bench.write({"play.yml": play})
    assert "is not verified" in run("runbook", "play.yml").out


def test_no_secret_is_printed(bench: Bench, run: Run) -> None:
    text = (FLEET / "hosts.yml").read_text("utf-8")
    (bench.work / "password").write_text("pw\n")
    vault = encrypt(f"disk_pin: '{PIN}'\ncontact: {{name: 王, phone: '{PIN}'}}\n".encode(), b"pw")
    bench.write({"fleet/hosts.yml": text, "fleet/host_vars/hz-xihu-01.yml": vault})
    words = ("-i", "fleet", "-l", "hz-xihu-01", "--vault-password-file", "password")
    for form in ("md", "html"):
        result = run(
            "runbook", str(PLAYBOOKS / "month-end-check.yml"), *words, "-e", "upload_address=x", "--format", form
        )
        assert result.code == 0, result.err
        assert PIN not in result.out
        assert "••••••" in result.out
