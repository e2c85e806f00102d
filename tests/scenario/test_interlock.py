"""PC, client, disk, taxpayer and machine number belong together, or nothing is touched: a fleet and its mishaps."""

from __future__ import annotations

import json
import shutil

import pytest
from interlock_fleet import DISKS, NAMES, TAXPAYERS, Fleet, refusals
from lantai_support import codes, statuses
from scenario_bench import Bench
from scenario_cases import Run

from lab.lantai import disks
from lab.lantai.uscc import usccs


@pytest.fixture
def fleet(bench: Bench, run: Run) -> Fleet:
    return Fleet(bench, run)


def test_a_fleet_in_order_is_applied_again_and_again(fleet: Fleet) -> None:
    for company in ("one", "two"):
        assert set(statuses(fleet.apply(0, company=company)).values()) == {"changed"}
        assert {fleet.company(name) for name in NAMES} == {company}
    assert set(statuses(fleet.apply(0, "--lockstep", company="three")).values()) == {"changed"}


# Disks


@pytest.mark.parametrize("known", [False, True], ids=["first-contact", "seen-before"])
def test_swapped_disks(fleet: Fleet, known: bool) -> None:
    if known:
        fleet.apply(0, company="before")
    one, other = fleet.unplug("pc1"), fleet.unplug("pc2")
    fleet.plug("pc1", other)
    fleet.plug("pc2", one)
    fleet.refused("pc1", "pc2", code="identity-disk-of-another", others={"pc1": "pc2", "pc2": "pc1"})


def test_a_disk_of_another_branch_is_refused_where_it_is_and_waited_for_where_it_belongs(fleet: Fleet) -> None:
    fleet.unplug("pc1")
    fleet.plug("pc1", fleet.unplug("pc2"))
    plan = fleet.call(4, "plan")
    assert refusals(plan) == {"pc1": ("identity-disk-of-another", "pc2")}
    assert statuses(plan)["pc2"] == "pending"
    (waiting,) = plan["hosts"][1]["instances"]
    assert (waiting["error"]["code"], waiting["error"]["args"]) == (
        "disk-elsewhere",
        {"disk": DISKS["pc2"], "other": "pc1"},
    )
    found = statuses(fleet.apply(4))
    assert (found["pc1"], found["pc2"], found["pc3"]) == ("refused", "pending", "changed")


def test_the_right_number_issued_to_another_branch(fleet: Fleet) -> None:
    fleet.unplug("pc1")
    fleet.plug("pc1", fleet.disk("pc1", taxpayer=TAXPAYERS["pc2"]))
    fleet.refused("pc1", code="identity-disk-of-another", others={"pc1": "pc2"})


def test_one_disk_at_two_pcs(fleet: Fleet) -> None:
    """There is no such thing but a copy, or one PC under two names; the bus tells, whatever the client says."""
    port = fleet.root("pc2") / "sys/bus/usb/devices/1-1/serial"
    port.write_text(DISKS["pc1"] + "\n")
    (fleet.root("pc2") / f"dev/taxdisk/{DISKS['pc2']}.json").write_text("{}")
    plan = fleet.call(4, "plan")
    assert refusals(plan) == {
        "pc1": ("identity-disk-twice", "pc2"),
        "pc2": ("identity-disk-of-another", "pc1"),
    }
    before = fleet.company("pc2")
    assert statuses(fleet.apply(4))["pc2"] == "refused"
    assert (fleet.company("pc2"), fleet.company("pc3")) == (before, "right")


def test_a_missing_disk_is_waited_for(fleet: Fleet) -> None:
    fleet.unplug("pc1")
    before = {path: data for path, data in fleet.everything().items() if "/pc1/" in path}
    found = statuses(fleet.apply(0))
    assert (found["pc1"], found["pc2"], found["pc3"]) == ("pending", "changed", "changed")
    assert {path: data for path, data in fleet.everything().items() if "/pc1/" in path} == before
    assert not (fleet.state("pc1") / "runs").exists()


def test_a_stray_disk_is_told_as_far_as_it_is_known(fleet: Fleet, run: Run) -> None:
    """Nobody knows it: the host waits, and says what is there. The history knows it: the host is refused."""
    stray = disks.make_disk("008800000042", usccs(77, 1)[0], "12345678")
    fleet.unplug("pc1")
    fleet.plug("pc1", stray)
    plan = fleet.call(3, "plan")
    (waiting,) = plan["hosts"][0]["instances"]
    assert (waiting["status"], waiting["error"]["code"]) == ("pending", "disk-awaited")
    assert waiting["facts"]["device"] == {
        "kind": "金税盘", "usb": "101d:0003", "number": "008800000042", "taxpayer": stray["taxpayer"], "machine": "0"
    }  # fmt: skip
    told = run("plan", "playbook.yml", "-i", "hosts.yml").out
    assert all(text in told for text in ("008800000042", stray["taxpayer"], DISKS["pc1"]))

    # Another province, another inventory, the same history.
    fleet.issue("pc1", stray["taxpayer"])
    hosts, fleet.hosts = fleet.hosts, {"west9": {**fleet.hosts["pc1"], "instances": [
        {"taxpayer": stray["taxpayer"], "machine": 0, "disk": stray["number"]}]}}  # fmt: skip
    assert statuses(fleet.apply(0))["west9"] == "changed"
    fleet.hosts = hosts
    plan = fleet.call(4, "plan")
    assert refusals(plan) == {"pc1": ("identity-disk-seen", "west9")}
    assert plan["hosts"][0]["error"]["args"]["disk"] == "008800000042"


def test_a_disk_that_has_moved_for_good(fleet: Fleet) -> None:
    """The old PC was scrapped: the new one takes disk and taxpayer over, in the inventory too."""
    fleet.apply(0)
    (old,) = fleet.hosts["pc1"]["instances"]
    fleet.hosts["pc9"] = {**fleet.hosts["pc1"], "instances": [old], "guiwei_root": str(fleet.root("pc9")),
                          "guiwei_state_dir": str(fleet.state("pc9"))}  # fmt: skip
    shutil.copytree(fleet.root("pc1"), fleet.root("pc9"))
    (fleet.root("pc9") / "etc/machine-id").write_text("9" * 32)
    del fleet.hosts["pc1"]
    assert statuses(fleet.apply(0, company="moved"))["pc9"] == "changed"


# What the inventory says


@pytest.mark.parametrize("limit", [(), ("-l", "pc2")], ids=["all", "one-selected"])
@pytest.mark.parametrize(
    ("twice", "code"),
    [
        ({"disk": DISKS["pc1"]}, "identity-disk-declared"),
        ({"taxpayer": TAXPAYERS["pc1"]}, "identity-taxpayer-declared"),
    ],
    ids=["disk", "taxpayer"],
)
def test_one_number_given_to_two_pcs(fleet: Fleet, twice: dict[str, str], code: str, limit: tuple[str, ...]) -> None:
    """The other PC counts though it is not selected, and however it writes its numbers."""
    fleet.hosts["pc1"]["instances"] = [{**fleet.hosts["pc1"]["instances"][0], "machine": "0", "disk": "{{ number }}"}]
    fleet.hosts["pc1"]["number"] = DISKS["pc1"]
    fleet.hosts["pc2"]["instances"] = [{**fleet.hosts["pc2"]["instances"][0], **twice}]
    found = refusals(fleet.call(4, "plan", *limit))
    assert found == {"pc2": (code, "pc1")} if limit else {"pc1": (code, "pc2"), "pc2": (code, "pc1")}
    done = fleet.apply(4, *limit)
    assert refusals(done) == found
    assert fleet.company("pc2") == "wrong"
    assert fleet.company("pc3") == ("wrong" if limit else "right")


def test_another_machine_number_of_the_same_taxpayer_is_another_client(fleet: Fleet) -> None:
    fleet.unplug("pc2")
    fleet.plug("pc2", fleet.disk("pc2", taxpayer=TAXPAYERS["pc1"], machine="1"))
    fleet.issue("pc2", TAXPAYERS["pc1"])
    fleet.hosts["pc2"]["instances"] = [{"taxpayer": TAXPAYERS["pc1"], "machine": 1, "disk": DISKS["pc2"]}]
    assert statuses(fleet.apply(0))["pc2"] == "changed"


# PCs


def clone(fleet: Fleet, machine_id: str | None = None) -> None:
    """Let pc2 be made of a disk image of pc1; a careful hand gives it a machine-id of its own."""
    shutil.rmtree(fleet.state("pc2"), ignore_errors=True)
    shutil.copytree(fleet.state("pc1"), fleet.state("pc2"))
    own = machine_id or (fleet.root("pc1") / "etc/machine-id").read_text()
    (fleet.root("pc2") / "etc/machine-id").write_text(own)


def test_a_cloned_pc_with_a_machine_id_of_its_own(fleet: Fleet) -> None:
    fleet.apply(0)
    original = (fleet.state("pc1") / "pc-id").read_text()
    clone(fleet, "c" * 32 + "\n")
    fleet.refused("pc2", code="identity-pc-copied", others={"pc2": "pc1"})
    # It is to be a PC of its own: said once, it gets its own id, and nobody has to say it again.
    assert statuses(fleet.apply(0, "-e", "guiwei_new_pc=true", "-l", "pc2"))["pc2"] == "unchanged"
    assert statuses(fleet.apply(0, "-e", "guiwei_new_pc=true", "-l", "pc2", company="own"))["pc2"] == "changed"
    assert (fleet.state("pc2") / "pc-id").read_text().split()[0] != original.split()[0]
    assert (fleet.state("pc1") / "pc-id").read_text() == original
    assert set(statuses(fleet.apply(0, company="all")).values()) == {"changed"}


def test_an_exact_copy_of_a_pc(fleet: Fleet) -> None:
    fleet.apply(0)
    clone(fleet)
    fleet.refused("pc1", "pc2", code="identity-pc-twice", others={"pc1": "pc2", "pc2": "pc1"})
    # Alone as well: the history knows whose id it is.
    assert refusals(fleet.apply(4, "-l", "pc2")) == {"pc2": ("identity-pc-twice", "pc1")}
    assert statuses(fleet.apply(0, "-l", "pc1", company="original"))["pc1"] == "changed"


def test_two_addresses_that_were_mixed_up(fleet: Fleet) -> None:
    """Each inventory name leads to the other PC, disk and all."""
    fleet.apply(0)
    for name in ("guiwei_root", "guiwei_state_dir"):
        one, other = fleet.hosts["pc1"], fleet.hosts["pc2"]
        one[name], other[name] = other[name], one[name]
    before = fleet.everything()
    found = refusals(fleet.apply(4, company="again"))
    assert {host: other for host, (_, other) in found.items()} == {"pc1": "pc2", "pc2": "pc1"}
    after = fleet.everything()
    assert {path for path in before if before[path] != after[path]} <= {str(fleet.root("pc3") / "etc/client.ini"),
                                                                       str(fleet.state("pc3") / "lock")}  # fmt: skip


def test_a_pc_that_was_renamed_in_the_inventory(fleet: Fleet) -> None:
    fleet.apply(0)
    fleet.hosts["branch-1"] = fleet.hosts.pop("pc1")
    assert statuses(fleet.apply(0, company="renamed"))["branch-1"] == "changed"


def test_without_lockstep_the_later_of_two_is_refused(fleet: Fleet) -> None:
    """Nobody knew of them before; the one that was seen first has been worked on, and the refusal names it."""
    same = "d" * 32 + "\n"
    for name in ("pc1", "pc2"):
        (fleet.root(name) / "etc/machine-id").write_text(same)
    done = fleet.apply(4, "-f", "1")
    assert (statuses(done)["pc1"], refusals(done)) == ("changed", {"pc2": ("identity-pc-twice", "pc1")})
    assert (fleet.company("pc1"), fleet.company("pc2")) == ("right", "wrong")


def test_with_lockstep_both_are_refused(fleet: Fleet) -> None:
    for name in ("pc1", "pc2"):
        (fleet.root(name) / "etc/machine-id").write_text("d" * 32 + "\n")
    fleet.refused("pc1", "pc2", code="identity-pc-twice", others={"pc1": "pc2", "pc2": "pc1"})


def test_hosts_without_a_client_are_left_alone(fleet: Fleet) -> None:
    fleet.bench.write({"playbook.yml": "- hosts: all\n  tasks:\n    - file: {path: /etc/motd, content: hello}\n"})
    for name in NAMES:
        (fleet.root(name) / "etc/machine-id").write_text("d" * 32 + "\n")
    assert set(statuses(fleet.apply(0)).values()) == {"changed"}


def test_a_saved_plan_is_judged_again(fleet: Fleet) -> None:
    fleet.call(3, "plan", "-o", "saved.json")
    one, other = fleet.unplug("pc1"), fleet.unplug("pc2")
    fleet.plug("pc1", other)
    fleet.plug("pc2", one)
    result = fleet._run("apply", "saved.json", "--yes", "--json")
    assert result.code == 4, result
    assert refusals(json.loads(result.out)) == {
        "pc1": ("identity-disk-of-another", "pc2"),
        "pc2": ("identity-disk-of-another", "pc1"),
    }
    assert fleet.company("pc3") == "right"


# Kinds


def test_a_ukey_with_the_id_of_a_disk_is_told_apart(fleet: Fleet, run: Run) -> None:
    """101d:0003 is both; the product string decides."""
    (fleet.root("pc1") / "sys/bus/usb/devices/1-1/product").write_text("SWUKey\n")
    plan = fleet.call(4, "plan")
    host = plan["hosts"][0]
    (instance,) = host["instances"]
    assert (instance["error"]["code"], instance["facts"]["device"]["kind"]) == ("identity-device-kind", "税务UKey")
    assert "101d:0003" in instance["error"]["args"]["found"]
    assert plan["hosts"][1]["instances"][0]["facts"]["device"]["kind"] == "金税盘"
    done = fleet.apply(4)
    assert (statuses(done)["pc1"], codes(done)) == ("refused", ["identity-device-kind"])
    assert (fleet.company("pc1"), fleet.company("pc2")) == ("wrong", "right")
    found = json.loads(run("facts", "-i", "hosts.yml", "--json").out)["facts"]
    assert [name for each in found["pc1"]["tax_devices"] for name in each.split()[:2]] == ["税务UKey", "101d:0003"]
    assert [name for each in found["pc2"]["tax_devices"] for name in each.split()[:2]] == ["金税盘", "101d:0003"]


def test_a_device_that_fits_no_kind_is_not_guessed_at(fleet: Fleet) -> None:
    (fleet.root("pc1") / "sys/bus/usb/devices/1-1/product").write_text("Mass Storage\n")
    plan = fleet.call(4, "plan")
    assert plan["hosts"][0]["instances"][0]["error"]["args"]["found"] == "未知税务设备 (101d:0003)"


def test_a_plan_shows_the_kind(fleet: Fleet, run: Run) -> None:
    fleet.call(3, "plan")
    for lang, words in (("en", "tax device: 金税盘 101d:0003"), ("zh", "税控设备：金税盘 101d:0003")):
        assert words in run("plan", "playbook.yml", "-i", "hosts.yml", lang=lang).out


# Other commands that change something


@pytest.mark.parametrize("words", [("recover", "--yes"), ("verify", "--issue")], ids=["recover", "issue"])
def test_recovery_and_test_invoices_pass_the_same_gate(fleet: Fleet, run: Run, words: tuple[str, ...]) -> None:
    fleet.apply(0)
    clone(fleet, "c" * 32 + "\n")
    ini = fleet.root("pc2") / "etc/client.ini"
    ini.write_text(ini.read_text().replace("name=right", "name=wrong"))
    before = fleet.everything()
    result = run(words[0], "playbook.yml", "-i", "hosts.yml", "-l", "pc2", *words[1:], "--json")
    assert result.code == 4, result
    (host,) = json.loads(result.out)["hosts"]
    assert (host["status"], host["error"]["code"], host["error"]["args"]["other"]) == (
        "refused",
        "identity-pc-copied",
        "pc1",
    )
    after = fleet.everything()
    assert [path for path in before if before[path] != after.get(path)] == []


def test_a_recovery_that_is_shown_first_refuses_both_sides(fleet: Fleet, run: Run) -> None:
    """The first one was looked at before anything spoke against it."""
    for name in ("pc1", "pc2"):
        (fleet.root(name) / "etc/machine-id").write_text("d" * 32 + "\n")
    fleet.call(4, "plan")
    shown = run("recover", "playbook.yml", "-i", "hosts.yml", "--dry-run", "-f", "1", "--json")
    assert shown.code == 4, shown
    document = json.loads(shown.out)
    assert refusals(document) == {"pc1": ("identity-pc-twice", "pc2"), "pc2": ("identity-pc-twice", "pc1")}
    found = statuses(document)
    assert (found["pc1"], found["pc2"], found["pc3"]) == ("refused", "refused", "differs")
    assert {found[f"{name}/{TAXPAYERS[name]}.0"] for name in ("pc1", "pc2")} == {"refused"}
