"""A second opinion on an invoicing PC, by pytest-testinfra. 用 pytest-testinfra 独立检查开票电脑。

    guiwei verify playbooks/version-upgrade.yml -i inventories/lab --suite playbooks/suites/invoicing_pc.py

`host` is testinfra's own; `pc` is the host of the inventory, and `pc.path`, `pc.file` find a path of it also where it
is simulated below a folder; a test that takes `instance` is run for every taxpayer of the inventory.
`host` 是 testinfra 的对象；`pc` 是清单中的主机；使用 `instance` 的测试对每个纳税人各执行一次。
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


def folder(instance: Mapping[str, Any]) -> str:
    """Return where the client Lantai lives for one taxpayer."""
    return f"/var/lib/兰台开票/{instance['taxpayer']}.{instance['machine']}"


def test_the_client_is_installed(pc: Any, instance: Mapping[str, Any]) -> None:
    """the client's program is there 客户端程序存在"""
    assert pc.file(f"{folder(instance)}/Program/bin/lantai").exists


def test_the_data_are_there(pc: Any, instance: Mapping[str, Any]) -> None:
    """the client's data are there, and only their owner may write them 数据存在且仅所有者可写"""
    data = pc.file(f"{folder(instance)}/Data")
    assert data.is_directory
    assert not data.mode & 0o022


def test_the_disk_is_plugged_in(pc: Any, instance: Mapping[str, Any]) -> None:
    """the tax disk is plugged in 税控盘已插入"""
    assert pc.file(f"/dev/taxdisk/{instance['disk']}.json").exists


@pytest.mark.parametrize("folder", ["/", "/var"])
def test_there_is_room(host: Any, pc: Any, folder: str) -> None:
    """no file system is nearly full 磁盘空间充足"""
    used = host.check_output("df -P %s", pc.path(folder)).splitlines()[1].split()[4]
    assert int(used.rstrip("%")) < 98
