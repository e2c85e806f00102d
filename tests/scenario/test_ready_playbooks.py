"""Every ready playbook: plan, apply, apply again, verify on the lab; every shipped file passes `guiwei check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lantai_support import Run, Shop, open_shop, statuses, steps_of
from scenario_bench import Bench

from guiwei.cli import _clock, _record, drift
from guiwei.invoicing.policies import read_instant
from lab.lantai import build, faults
from lab.lantai.upload_server import UploadServer

REPOSITORY = Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted(path.name for path in (REPOSITORY / "playbooks").glob("*.yml"))
SHIPPED = sorted(
    str(path.relative_to(REPOSITORY))
    for folder in ("playbooks", "inventories", "products", "calendars")
    for path in (REPOSITORY / folder).rglob("*.yml")
)
#: The situations that bring people here; each has its playbook.
NAMED = {
    "version-upgrade", "parameter-change", "crash-recovery", "reprovision", "policy-change", "disk-replacement",
    "driver-update", "network-repair", "data-damage", "weekly-maintenance", "month-end-check",
}  # fmt: skip


def old_driver(shop: Shop) -> None:
    faults.driver_outdated(shop.root, "2.0.0")


def unregistered(shop: Shop) -> None:
    faults.disk_unregistered(shop.root, shop.one.instance)


def old_address(shop: Shop) -> None:
    Path(shop.one.folder, "Config", "安全接入地址.txt").write_bytes(b"http://127.0.0.1:9/old\r\n")


def wrong_parameters(shop: Shop) -> None:
    faults.wrong_parameters(shop.root, shop.one.instance, limit="9999.99", kinds="0")


def killed(shop: Shop) -> None:
    faults.process_killed(shop.root, shop.one.instance)


#: Playbook → version that the client has at first, and what is wrong; each playbook finds its own.
TROUBLE: dict[str, tuple[str, Callable[[Shop], object]]] = {
    "version-upgrade.yml": ("2.4.0", wrong_parameters),
    "weekly-maintenance.yml": ("3.0.0", old_driver),
    "crash-recovery.yml": ("3.1.0", killed),
    "driver-update.yml": ("3.1.0", old_driver),
    "disk-replacement.yml": ("3.1.0", unregistered),
    "network-repair.yml": ("3.1.0", old_address),
}


@pytest.fixture
def bureau() -> Iterator[UploadServer]:
    with UploadServer() as server:
        yield server


@pytest.fixture
def shop(request: pytest.FixtureRequest, bench: Bench, run: Run, bureau: UploadServer) -> Shop:
    """A branch's PC; it is evening, and no filing deadline is near."""
    version, trouble = TROUBLE.get(request.node.callspec.params["playbook"], ("3.1.0", wrong_parameters))
    made = open_shop(bench, run, version)
    Path(made.one.folder, "Config", "安全接入地址.txt").write_bytes(bureau.url.encode() + b"\r\n")
    made.do("start")
    for driver in build.DRIVERS:
        build.build_driver(driver, str(bench.work / "artifacts"))
    for program in build.VERSIONS:
        build.build(program, str(bench.work / "artifacts"))
    made.vars.update(
        guiwei_artifacts=str(bench.work / "artifacts"), company="示例商贸有限公司", upload_address=bureau.url
    )
    groups = {"all": {"children": {"branches": {"hosts": {"pc1": {}}}}}}
    bench.write({"groups.yml": yaml.safe_dump(groups)})
    made.inventories = ("-i", "groups.yml")
    trouble(made)
    # What the history notes is of that day too: audits and versions grow old.
    bench.environ.setattr(_clock, "instant", lambda: read_instant("2026-11-24T22:00"))
    for module in (_record, drift):
        bench.environ.setattr(module, "now", lambda: "2026-11-24T14:00:00Z")
    return made


def test_every_situation_has_its_playbook() -> None:
    assert {f"{name}.yml" for name in NAMED} <= set(PLAYBOOKS)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_plan_apply_apply_again_verify(shop: Shop, playbook: str) -> None:
    path = str(REPOSITORY / "playbooks" / playbook)
    rows = shop.rows()
    code, plan = shop.json("plan", path)
    assert code == 3, plan
    assert steps_of(plan)
    first = _applied(shop, path)
    assert any(step["status"] == "changed" for document in first for step in steps_of(document))
    (again,) = _applied(shop, path)
    assert statuses(again)["pc1"] == "unchanged"
    assert steps_of(again) == []
    assert shop.json("plan", path)[0] == 0
    code, verified = shop.json("verify", path)
    assert code == 0, verified
    assert all(check["ok"] for each in verified["hosts"][0]["instances"] for check in each["checks"])
    assert shop.rows() == rows
    code, drift = shop.json("drift", path)
    assert (code, drift["drift"]) == (0, [])


def _applied(shop: Shop, path: str) -> list[Any]:
    """Apply a playbook; what waits for a person is done by one, and the rest follows. Return every run's document."""
    documents: list[Any] = []
    while not documents or statuses(documents[-1])["pc1"] == "waiting":
        for step in steps_of(documents[-1]) if documents else ():
            if step["status"] == "waiting":
                shop.bench.write({"proof.txt": "done\n"})
                evidence = ("--evidence", "proof.txt") if step["receipt"].get("evidence") else ()
                done = shop._run("done", "pc1", step["name"], *evidence)
                assert done.code == 0, done
        code, document = shop.json("apply", path, "--yes")
        assert code == 0, document
        documents.append(document)
    return documents


@pytest.mark.parametrize("path", SHIPPED)
def test_every_file_passes_the_check(bench: Bench, run: Run, path: str) -> None:
    result = run("check", str(REPOSITORY / path))
    assert result.code == 0, result.err


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_fits_the_example_fleet(bench: Bench, run: Run, playbook: str) -> None:
    fleet = str(REPOSITORY / "inventories" / "example")
    result = run("check", str(REPOSITORY / "playbooks" / playbook), "-i", fleet)
    assert result.code == 0, result.err


def test_every_branch_of_the_example_fleet_has_somebody_to_call(bench: Bench, run: Run) -> None:
    fleet, playbook = str(REPOSITORY / "inventories" / "example"), str(REPOSITORY / "playbooks" / "crash-recovery.yml")
    printed = run("runbook", playbook, "-i", fleet).out
    called = {line.split(" | ")[0].strip("| "): line for line in printed.splitlines() if "示例" in line}
    assert "王示例（西湖网点会计） | 0571-00000011" in called["hz-xihu-01"]
    assert "陈示例（浙江服务商） | 0571-00000001" in called["nb-yinzhou-01"]
    assert "黄示例（广东服务商）" in called["gz-tianhe-01"]
    assert "gd-gateway" not in printed
