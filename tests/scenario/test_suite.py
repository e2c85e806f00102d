"""`verify --suite`: pytest-testinfra through the inventory; what it finds are checks of the run."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, errors_in, statuses, valid
from scenario_bench import TAXPAYER, Bench

from lab.endpoint import Endpoint

PRODUCT = """\
product: mini
title: {en: Mini, zh: 迷你}
instance:
  id: "{{ instance.taxpayer }}.{{ instance.machine }}"
  fields:
    taxpayer: {type: taxpayer, required: true}
    machine: {type: machine, required: true}
parameters:
  name:
    path: parameters.name
    label: {en: company name, zh: 单位名称}
    type: text
    kind: settable
    module: ini
    with: {path: /etc/client.ini, section: a, option: name}
    field: value
"""
SUITE = '''\
import os
import pytest


def test_welcome(pc):
    """people are welcome"""
    assert pc.file("/etc/motd").content_string == "welcome\\n"


@pytest.mark.parametrize("word", ["a-b", "c"])
def test_shell(host, word):
    assert host.check_output("echo %s 你好", word) == f"{word} 你好"


def test_client(pc, instance):
    assert pc.file("/etc/client.ini").contains("name=" + instance["taxpayer"][:2])


def test_alone():
    pytest.skip("only on Mondays")
'''


class Place:
    """Two PCs below folders of this machine, and a suite for them."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        self.hosts: dict[str, dict[str, Any]] = {}
        play = [{"hosts": "all", "product": "mini", "state": {"parameters": {"name": "91"}}}]
        bench.write({"products/mini.yml": PRODUCT, "play.yml": json.dumps(play), "suite/look.py": SUITE})
        for name in ("pc1", "pc2"):
            self.add(name, ansible_connection="local")

    def add(self, name: str, **reaching: Any) -> None:
        etc = self.root(name) / "etc"
        etc.mkdir(parents=True)
        (etc / "motd").write_text("welcome\n")
        (etc / "client.ini").write_text("[a]\nname=91\n")
        self.hosts[name] = {
            "guiwei_root": str(self.root(name)),
            "guiwei_state_dir": str(self.bench.folder / f"{name}.state"),
            "instances": [{"taxpayer": TAXPAYER, "machine": len(self.hosts)}],
            **reaching,
        }

    def root(self, name: str) -> Path:
        return self.bench.folder / name

    def verify(self, code: int, *words: str, lang: str = "en") -> Any:
        """Verify with the suite and return the run, or both streams."""
        self.bench.write({"hosts.json": json.dumps({"all": {"hosts": self.hosts}})})
        result = self._run("verify", "play.yml", "-i", "hosts.json", "--suite", "suite/look.py", *words, lang=lang)
        assert "Traceback" not in result.err, result.err
        assert result.code == code, result
        return valid("error" if code == 2 else "run", json.loads(result.out)) if "--json" in words else result


def checks(host: Any) -> dict[str, Any]:
    """Return name → (ok, code of the error) of what was found of a host and of its clients."""
    found = [*host["checks"], *(check for instance in host["instances"] for check in instance["checks"])]
    return {check["name"]: (check["ok"], check["error"] and check["error"]["code"]) for check in found}


ALL = {"test_welcome", "test_shell[a-b]", "test_shell[c]", "test_client", "test_alone"}


@pytest.fixture
def place(bench: Bench, run: Run) -> Place:
    return Place(bench, run)


def test_what_a_suite_finds_are_checks_of_the_run(place: Place, run: Run) -> None:
    found = place.verify(0, "--json")
    for host in found["hosts"]:
        assert checks(host) == dict.fromkeys(ALL, (True, None))
        (client,) = host["instances"]
        assert [check["name"] for check in client["checks"]] == ["test_client"]
        assert host["checks"][0]["label"] == "people are welcome"
        assert host["checks"][-1]["found"] == {"skipped": "only on Mondays"}
    assert [path.name for path in (place.bench.work / "suite").iterdir()] == ["look.py"]
    (kept,) = json.loads(run("runs", "--json").out)["runs"]
    assert (kept["command"], kept["statuses"]) == ("verify", {"unchanged": 2})


def test_a_test_that_says_no_is_a_difference(place: Place) -> None:
    (place.root("pc2") / "etc/motd").write_text("go away\n")
    (place.root("pc1") / "etc/client.ini").write_text("[a]\nname=?\n")
    found = place.verify(3, "--json")
    one, two = found["hosts"]
    wrong = {name: found for name, found in (*checks(one).items(), *checks(two).items()) if not found[0]}
    assert wrong == {"test_client": (False, "suite-said-no"), "test_welcome": (False, "suite-said-no")}
    assert {host: status for host, status in statuses(found).items() if "." not in host} == {
        "pc1": "differs",
        "pc2": "differs",
    }
    assert {"pc1": one["instances"][0]["status"], "pc2": two["instances"][0]["status"]} == {
        "pc1": "differs",
        "pc2": "unchanged",
    }
    error = next(check["error"] for check in two["checks"] if not check["ok"])
    assert error["place"]["file"].endswith("look.py")
    assert SUITE.splitlines()[error["place"]["line"] - 1].startswith("    assert pc.file")
    assert "go away" in error["message"]
    for lang in ("en", "zh"):
        assert "go away" in place.verify(3, lang=lang).out


def test_what_cannot_be_run_is_a_failure(place: Place) -> None:
    """One test breaks, one waits for a command that never ends; the others are run all the same."""
    place.bench.write({
        "suite/look.py": SUITE
        + "\n\ndef test_broken(pc):\n    if pc.name == 'pc1':\n        raise RuntimeError('no idea')\n"
        + "\n\ndef test_hangs(host, pc):\n    if pc.name == 'pc2':\n        host.run('sleep 7131 & wait')\n",
    })  # fmt: skip
    found = place.verify(5, "--json", "--step-timeout", "3")
    one, two = (checks(host) for host in found["hosts"])
    well = dict.fromkeys((*ALL, "test_broken", "test_hangs"), (True, None))
    assert one == {**well, "test_broken": (False, "suite-test-broken")}
    assert two == {**well, "test_hangs": (False, "deadline-passed")}
    assert {host["host"]: host["status"] for host in found["hosts"]} == {"pc1": "failed", "pc2": "failed"}
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"7131" in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_suite_that_ends_its_process(place: Place) -> None:
    place.bench.write({"suite/look.py": SUITE + "\n\ndef test_end(pc):\n    os._exit(0)\n"})
    found = place.verify(5, "--json", "--forks", "2")
    assert {host["error"]["code"] for host in found["hosts"]} == {"suite-died"}
    assert all(host["status"] == "failed" for host in found["hosts"])


@pytest.mark.parametrize(
    ("suite", "code"),
    [("def test_it(host:\n", "suite-broken"), ("import nowhere_at_all\n", "suite-broken"), ("x = 1\n", "suite-empty")],
    ids=["syntax", "import", "empty"],
)
def test_a_suite_that_cannot_be_loaded_is_told_before_a_host_is_asked(place: Place, suite: str, code: str) -> None:
    place.bench.write({"suite/look.py": suite})
    for lang in ("en", "zh"):
        told = place.verify(2, lang=lang)
        assert "look.py" in told.err, told
    assert place.verify(2, "--json")["code"] == code
    assert not (place.bench.folder / "pc1.state").exists()


def test_a_suite_that_is_not_there_or_cannot_be_run_here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.bench.write({"hosts.json": json.dumps({"all": {"hosts": place.hosts}})})
    words = ("verify", "play.yml", "-i", "hosts.json", "--suite", "other.py")
    told = place._run(*words)
    assert (told.code, "other.py" in told.err) == (2, True), told
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for lang in ("en", "zh"):
        told = place._run(*words, lang=lang)
        assert (told.code, "pip install 'guiwei[suite]'" in told.err, "testinfra" in told.err) == (2, True, True)


def test_a_suite_goes_the_way_that_guiwei_goes(place: Place, run: Run) -> None:
    """Behind a jump host, by password; a host that is out of reach has no checks."""
    folder = place.bench.folder
    (folder / "jump").mkdir()
    with (
        Endpoint(folder / "jump", users={"ops": "right"}, forward=True) as jump,
        Endpoint(folder, users={"clerk": "correct horse"}) as behind,
    ):
        reaching = {"ansible_python_interpreter": sys.executable, "ansible_host": "127.0.0.1"}
        place.add("pc3", ansible_port=behind.port, ansible_user="clerk", ansible_password="correct horse",
                  guiwei_jump="gate", **reaching)  # fmt: skip
        place.hosts["gate"] = {"ansible_port": jump.port, "ansible_user": "ops", "ansible_password": "right",
                               **reaching}  # fmt: skip
        place.hosts["pc4"] = {**place.hosts["pc3"], "ansible_port": 1, "guiwei_jump": "",
                              "instances": [{"taxpayer": TAXPAYER, "machine": 9}]}  # fmt: skip
        del place.hosts["pc1"], place.hosts["pc2"]
        (place.root("pc3") / "etc/motd").write_text("go away\n")
        place.bench.write({"hosts.json": json.dumps({"all": {"hosts": place.hosts}})})
        assert run("trust", "-i", "hosts.json", "-l", "pc3", "--yes").code == 0
        logins = jump.logins
        found = place.verify(5, "--json", "-l", "pc3:pc4")
        three, four = found["hosts"]
        assert checks(three) == {**dict.fromkeys(ALL, (True, None)), "test_welcome": (False, "suite-said-no")}
        assert (three["status"], four["status"], four["checks"]) == ("differs", "unreachable", []), errors_in(found)
        # Once for guiwei itself, once for the suite.
        assert jump.logins == logins + 2
