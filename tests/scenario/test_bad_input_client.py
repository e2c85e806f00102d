"""Playbooks that a client's PC does not fit: nothing of the client is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_bench import TAXPAYER, Bench
from scenario_cases import Case, Run, check_case

from lab.lantai.branch import free_port, make_branch
from lab.lantai.build import build

INVENTORY = """\
all:
  hosts:
    pc1:
      ansible_connection: local
      guiwei_root: @ROOT@
      guiwei_state_dir: @STATE@
      guiwei_artifacts: @ARTIFACTS@
      instances:
        - {taxpayer: TAXPAYER, machine: "0", orgcode: "330100", disk: "008800330101"}
"""


def wants(state: str, **instance: str) -> dict[str, str | bytes]:
    """Return the files of a case that declares this state; `instance` replaces a field of the inventory's."""
    inventory = INVENTORY.replace("TAXPAYER", instance.get("taxpayer", TAXPAYER))
    inventory = inventory.replace('"330100"', f'"{instance.get("orgcode", "330100")}"')
    return {"inventory.yml": inventory, "playbook.yml": f"- hosts: all\n  product: lantai\n  state: {state}\n"}


CASES = [
    Case("artifact-missing", 5, "artifact-missing", wants("{software: {version: '3.1.0'}}")),
    Case("secret-missing", 5, "secret-missing", wants("{software: {version: '3.0.0'}}")),
    Case("downgrade", 4, "version-downgrade", wants("{software: {version: '2.4.0'}}")),
    Case("another-region-than-the-disk", 4, "identity-mismatch", wants("{software: {running: true}}", orgcode="330200")),
    Case("limit-that-the-disk-does-not-have", 4, "identity-mismatch", wants("{parameters: {limit: '9999.99'}}")),
    Case("offline-hours-that-nobody-can-set", 4, "identity-mismatch", wants("{parameters: {offline_hours: 1}}")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_client_that_cannot_be_put_right(case: Case, run: Run, bench: Bench, packages: Path) -> None:
    version = "3.1.0" if case.id == "downgrade" else "2.4.0"
    make_branch(
        str(bench.root), version, TAXPAYER, "0", "330100", "杭州示例茶叶商贸有限公司", free_port(),
        "http://127.0.0.1:9/upload", "008800330101", "60118325", "certificate", packages=str(packages), invoices=2,
    )  # fmt: skip
    bench.known["ARTIFACTS"] = str(bench.folder / "nothing" if case.id == "artifact-missing" else packages)
    check_case(case, "client", run, bench)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages that the cases could install."""
    folder = tmp_path_factory.mktemp("packages")
    for version in ("2.4.0", "3.0.0", "3.1.0"):
        build(version, str(folder))
    return folder
