"""Each instance has its own program tree and version; the record keeps them apart and survives many hands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.lantai import branch, faults

Make = Callable[..., branch.Branch]


@pytest.fixture
def second(pc: branch.Branch, packages: str) -> branch.Branch:
    """A second company on the first one's PC, with an older client; its disk is the one that is plugged in."""
    return branch.make_branch(
        pc.root,
        "2.4.0",
        branch.usccs(5, 1)[0],
        "1",
        "990200",
        "北渡物流有限公司",
        branch.free_port(),
        "http://127.0.0.1:9/",
        "000000000042",
        "12345678",
        "另一个口令",
        packages=packages,
        invoices=5,
    )


def _tree(folder: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def _record(root: str) -> dict[str, dict[str, str]]:
    """Read the record without the client's code."""
    found: dict[str, dict[str, str]] = {}
    for line in Path(root, "etc", "lantai", "record.ini").read_text("utf-8").splitlines():
        if line.startswith("["):
            found[line[1:-1]] = values = {}
        elif "=" in line:
            values[line.partition("=")[0]] = line.partition("=")[2]
    return found


def _foreign(pc: branch.Branch, tree_of: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one instance's program for another instance."""
    script = os.path.join(branch.program(pc.root, tree_of), "bin", "lantai")
    command = [sys.executable, script, "--root", pc.root, "--instance", pc.instance, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_upgrade_leaves_the_other_company_alone(pc: branch.Branch, second: branch.Branch, packages: str) -> None:
    first_disk = pc.disk
    before, record = _tree(pc.folder), _record(pc.root)
    assert (pc.run("status").data["version"], second.run("status").data["version"]) == ("3.1.0", "2.4.0")
    branch.install(pc.root, second.instance, "3.0.0", packages)
    assert second.run("start").code == 0
    assert second.run("status").data["schema"] == "3"
    assert second.run("stop").code == 0
    assert _tree(pc.folder) == before
    after = _record(pc.root)
    assert after[pc.instance] == record[pc.instance]
    assert (after[second.instance]["Version"], after[second.instance]["DataBaseVersion"]) == ("3.0.0", "3.0.0")
    branch.unplug(pc.root)
    branch.plug(pc.root, first_disk)
    assert pc.run("start").code == 0


def test_the_mirror_shows_who_was_set_up_or_started_last(pc: branch.Branch, second: branch.Branch) -> None:
    def shown() -> tuple[str, str]:
        client = _record(pc.root)["client"]
        return client["Version"], client["Path"]

    assert shown() == ("2.4.0", f"/var/lib/兰台开票/{second.instance}")
    assert pc.run("start").code == 11
    assert shown()[0] == "2.4.0", "a refused start shows nothing"
    branch.unplug(pc.root)
    branch.plug(pc.root, pc.disk)
    assert pc.run("start").code == 0
    assert shown() == ("3.1.0", f"/var/lib/兰台开票/{pc.instance}")
    assert second.run("setup").code == 0
    assert shown()[0] == "2.4.0"


def test_another_instances_program_neither_starts_nor_sets_up(pc: branch.Branch, second: branch.Branch) -> None:
    branch.unplug(pc.root)
    branch.plug(pc.root, pc.disk)
    before = Path(pc.root, "etc", "lantai", "record.ini").read_bytes()
    for command in ("start", "serve", "setup"):
        refused = _foreign(pc, second.instance, command)
        assert refused.returncode == 10, (command, refused)
        assert pc.instance in refused.stderr
        assert branch.program(pc.root, second.instance) in refused.stderr
    assert pc.run("status").data["running"] is False
    assert Path(pc.root, "etc", "lantai", "record.ini").read_bytes() == before
    assert pc.run("start").code == 0
    assert _foreign(pc, second.instance, "start").returncode == 10, "nor when it runs already"


def test_a_program_belongs_to_the_instance_it_lies_with(pc: branch.Branch, second: branch.Branch) -> None:
    script = os.path.join(branch.program(pc.root, second.instance), "bin", "lantai")
    done = subprocess.run(
        [sys.executable, script, "--root", pc.root, "status"], capture_output=True, text=True, check=True
    )
    assert f"instance: {second.instance}" in done.stdout
    elsewhere = os.path.join(pc.root, "elsewhere")
    os.rename(branch.program(pc.root, second.instance), elsewhere)
    lost = [sys.executable, os.path.join(elsewhere, "bin", "lantai"), "--root", pc.root, "status"]
    assert subprocess.run(lost, capture_output=True, check=False).returncode == 2, "the choice is open"


def test_a_running_client_says_what_it_is_when_its_files_are_replaced(make: Make, packages: str) -> None:
    pc = make("2.4.0")
    assert pc.run("start").code == 0
    branch.install(pc.root, pc.instance, "3.0.0", packages)
    status = pc.run("status").data
    assert (status["version"], status["recorded_version"], status["running_version"]) == ("3.0.0", "3.0.0", "2.4.0")


def test_a_damaged_program_is_one_instances_trouble(pc: branch.Branch, second: branch.Branch) -> None:
    faults.does_not_start(pc.root, pc.instance)
    assert pc.run("repair").code == 20
    assert second.run("repair").code == 0
    assert second.run("start").code == 0


def test_many_hands_at_the_record_lose_nothing(packages: str, tmp_path: Path) -> None:
    root = str(tmp_path / "pc")
    names = [f"{taxpayer}.0" for taxpayer in branch.usccs(12, 6)]
    for name in names:
        branch.install(root, name, "3.1.0", packages)
    # Each process takes its instance's values to 40 in steps; without the lock it would take back another's.
    code = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from lantai import record\n"
        "from lantai.paths import Layout\n"
        "for step in range(41):\n"
        "    record.set_identity(Layout(sys.argv[2]), sys.argv[3], str(step), '990100', '0')\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, os.path.join(branch.program(root, name), "lib"), root, name],
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    for process in running:
        _, problem = process.communicate(timeout=120)
        assert process.returncode == 0, problem
    found = _record(root)
    assert {name: (found[name]["code"], found[name]["Version"]) for name in names} == dict.fromkeys(
        names, ("40", "3.1.0")
    )
