"""What happens to invoicing PCs, done from outside; what guiwei must say of it, and how far it may climb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lantai_support import packages
from situations_clinic import Clinic

from lab.lantai import disks, faults

__all__ = ["SITUATIONS", "Situation"]

OTHER_TAXPAYER = "91992696181190041G"


@dataclass(frozen=True)
class Situation:
    """One mishap, or several at once.

    Attributes:
        told: what was done to the PC, in English and Chinese.
        faults: what does it, in order.
        causes: cause → the rung that must cure it, no lower and no higher; None where a person must act.
        later: the same for causes that show only once these are gone.
        rung: the highest rung that may be climbed; None where nothing may be touched, or nothing is to be done.
        version: of the client before.
        untouched: not one byte of the PC may change.
    """

    told: tuple[str, str]
    faults: tuple[Callable[[Clinic], object], ...]
    causes: Mapping[str, str | None]
    rung: str | None
    status: str = "changed"
    later: Mapping[str, str | None] | None = None
    version: str = "3.1.0"
    untouched: bool = False


def _killed(clinic: Clinic) -> None:
    faults.process_killed(clinic.root, clinic.instance)


def _stopped(clinic: Clinic) -> None:
    clinic.shop.do("stop")


def _stuck(clinic: Clinic) -> None:
    faults.process_stuck(clinic.root, clinic.instance)


def _program(clinic: Clinic) -> None:
    faults.does_not_start(clinic.root, clinic.instance)


def _program_lost(clinic: Clinic) -> None:
    faults.program_lost(clinic.root, clinic.instance)


def _parameters(**values: str) -> Callable[[Clinic], object]:
    return lambda clinic: faults.wrong_parameters(clinic.root, clinic.instance, **values)


def _unregistered(clinic: Clinic) -> None:
    faults.disk_unregistered(clinic.root, clinic.instance)


def _driver(clinic: Clinic) -> None:
    faults.driver_outdated(clinic.root)


def _database(clinic: Clinic) -> None:
    faults.database_damaged(clinic.root, clinic.instance)


def _address(clinic: Clinic) -> None:
    faults.endpoint_unreachable(clinic.root, clinic.instance)


def _activation(clinic: Clinic) -> None:
    faults.activation_lost(clinic.root, clinic.instance)


def _record(clinic: Clinic) -> None:
    faults.record_lost(clinic.root, clinic.instance)


def _unfinished(clinic: Clinic) -> None:
    faults.unfinished_migration(clinic.root, clinic.instance, str(packages()))


def _server_down(clinic: Clinic) -> None:
    clinic.server.failing = True


def _server_unsteady(clinic: Clinic) -> None:
    clinic.server.dropping = 3


def _port(clinic: Clinic) -> None:
    clinic.shop.bench.undo.callback(faults.port_taken(clinic.root, clinic.instance).close)


SITUATIONS: dict[str, Situation] = {
    # The process
    "crashed": Situation(
        ("the client's process was killed", "客户端进程被杀"), (_killed,), {"process-crashed": "restart"}, "restart"
    ),
    "stopped": Situation(
        ("somebody stopped the client", "有人关闭了客户端"), (_stopped,), {"process-stopped": "restart"}, "restart"
    ),
    "stuck": Situation(
        ("the client's process was frozen", "客户端进程被冻结"), (_stuck,), {"process-stuck": "restart"}, "restart"
    ),
    "port-taken": Situation(
        ("another program listens on the client's port", "其他程序占用客户端端口"),
        (_stopped, _port),
        {"port-taken": None},
        None,
        "waiting",
        untouched=True,
    ),
    # Parameters
    "wrong-taxpayer": Situation(
        ("another company's taxpayer id in the settings", "配置中的税号是另一公司的"),
        (_stopped, _parameters(taxpayer=OTHER_TAXPAYER)),
        {"parameters-wrong": "settings"},
        "settings",
    ),
    "wrong-limit": Situation(
        ("limit and kinds of the settings are too low", "配置中的限额、发票类型有误"),
        (_parameters(limit="9999.99", kinds="004"),),
        {"parameters-wrong": "settings"},
        "settings",
    ),
    "wrong-machine": Situation(
        ("another machine number in the settings", "配置中的开票机号有误"),
        (_stopped, _parameters(machine="7")),
        {"parameters-wrong": "settings"},
        "settings",
    ),
    "wrong-address": Situation(
        ("the upload address leads nowhere", "安全接入地址错误"),
        (_address,),
        {"parameters-wrong": "settings"},
        "settings",
    ),
    "settings-emptied": Situation(
        ("the settings file is empty after a power failure", "断电后配置文件为空"),
        (_stopped, lambda clinic: faults.settings_lost(clinic.root, clinic.instance)),
        {"settings-damaged": "settings", "parameters-wrong": "settings"},
        "settings",
    ),
    "wrong-port": Situation(
        ("the port of the settings is no number", "配置中的端口不是数字"),
        (_stopped, _parameters(port="七千")),
        {"settings-damaged": "settings"},
        "settings",
    ),
    "offline-copies": Situation(
        ("the client's copy of the offline limits is wrong", "客户端保存的离线限制有误"),
        (_parameters(offline_hours="1", offline_count="5"),),
        {"copies-differ": "reset"},
        "reset",
    ),
    # Registration and activation
    "unregistered": Situation(
        ("the disk's registration is lost", "税控盘注册丢失"),
        (_unregistered,),
        {"disk-unregistered": "settings"},
        "settings",
    ),
    "not-activated": Situation(
        ("a crash between migration and activation", "迁移后、激活前崩溃"),
        (_activation,),
        {"activation-needed": "settings"},
        "settings",
    ),
    # The program
    "program-damaged": Situation(
        ("a program file is damaged", "程序文件损坏"),
        (_stopped, _program),
        {"program-damaged": "repair"},
        "repair",
    ),
    "program-deleted": Situation(
        ("the program folder was deleted", "程序文件夹被删除"),
        (_stopped, _program_lost),
        {"program-missing": "reinstall"},
        "reinstall",
    ),
    "record-lost": Situation(
        ("the system's record of the client was cleaned away", "注册信息被清理"),
        (_stopped, _record),
        {"record-lost": "settings"},
        "settings",
    ),
    "unfinished-upgrade": Situation(
        ("a new version was installed and never started", "新版本已安装但从未启动"),
        (_stopped, _unfinished),
        {"migration-unfinished": "restart"},
        "settings",
        later={"activation-needed": "settings"},
        version="2.4.0",
    ),
    "record-behind": Situation(
        ("a crash between migrating the data and noting it", "数据迁移后、登记前崩溃"),
        (_stopped, lambda clinic: faults.record_behind_database(clinic.root, clinic.instance, "3.0.0")),
        {"record-behind": "restart"},
        "restart",
    ),
    # The data
    "database-damaged": Situation(
        ("half of the database is overwritten", "数据库后半部分被覆盖"),
        (_stopped, _database),
        {"data-damaged": "restore"},
        "restore",
    ),
    "database-deleted": Situation(
        ("the database was deleted", "数据库被删除"),
        (_stopped, lambda clinic: faults.database_lost(clinic.root, clinic.instance)),
        {"data-damaged": "restore"},
        "restore",
    ),
    "folder-deleted": Situation(
        ("the client's whole folder was deleted", "客户端文件夹被整个删除"),
        (_stopped, lambda clinic: faults.folder_lost(clinic.root, clinic.instance)),
        {"data-missing": "restore"},
        "restore",
    ),
    "empty-pc": Situation(
        ("a new PC: no client, no record, no driver", "新电脑：没有客户端、注册信息和驱动"),
        (_stopped, lambda clinic: faults.pc_emptied(clinic.root)),
        {"driver-outdated": "repair", "pc-empty": "restore"},
        "restore",
        later={"process-stopped": "restart"},
    ),
    # The disk
    "driver-outdated": Situation(
        ("an old driver of the disk came onto the PC", "税控盘驱动变旧"),
        (_stopped, _driver),
        {"driver-outdated": "repair"},
        "repair",
    ),
    "disk-unplugged": Situation(
        ("the disk was pulled out", "税控盘被拔出"),
        (_stopped, lambda clinic: disks.unplug(clinic.root)),
        {"disk-missing": None},
        None,
        "waiting",
        untouched=True,
    ),
    "disk-swapped": Situation(
        ("another taxpayer's disk is plugged in", "插入另一纳税人的税控盘"),
        (_stopped, lambda clinic: faults.disk_of_another(clinic.root)),
        {"disk-other": None},
        None,
        "waiting",
        untouched=True,
    ),
    "two-disks": Situation(
        ("a second disk is plugged in", "同时插入两只税控盘"),
        (_stopped, lambda clinic: faults.more_than_one_disk(clinic.root)),
        {"disk-several": None},
        None,
        "waiting",
        untouched=True,
    ),
    "disk-unreadable": Situation(
        ("the disk's contents are damaged", "税控盘内容损坏"),
        (_stopped, lambda clinic: faults.disk_unreadable(clinic.root)),
        {"disk-unreadable": None},
        None,
        "waiting",
        untouched=True,
    ),
    "disk-locked": Situation(
        ("somebody spent every PIN try and the registration is lost", "口令次数用尽且注册丢失"),
        (_unregistered, lambda clinic: faults.disk_locked(clinic.root)),
        {"disk-locked": None},
        None,
        "waiting",
        untouched=True,
    ),
    "last-pin-try": Situation(
        ("one PIN try is left and the registration is lost", "口令仅剩一次且注册丢失"),
        (_unregistered, lambda clinic: faults.pin_tries_spent(clinic.root, 1)),
        {"pin-last-try": None},
        None,
        "waiting",
        untouched=True,
    ),
    "lock-date": Situation(
        ("the lock date has passed", "已过锁死期"),
        (lambda clinic: faults.lock_date_passed(clinic.root, "2026-01-15"),),
        {"lock-date-passed": None},
        None,
        "waiting",
        untouched=True,
    ),
    # The network
    "server-down": Situation(
        ("the bureau's server answers 503", "上传服务器返回 503"),
        (_server_down,),
        {"network-down": None},
        None,
        "waiting",
        untouched=True,
    ),
    "line-unsteady": Situation(
        ("the line drops every third request", "网络每三次请求丢失一次"),
        (_server_unsteady,),
        {"network-unsteady": None},
        None,
        "waiting",
        untouched=True,
    ),
    # Several at once
    "crashed-and-unregistered": Situation(
        ("killed, and the registration is lost", "进程被杀，且注册丢失"),
        (_killed, _unregistered),
        {"process-crashed": "restart", "disk-unregistered": "settings"},
        "settings",
    ),
    "driver-and-program": Situation(
        ("an old driver, and a damaged program file", "驱动变旧，且程序文件损坏"),
        (_stopped, _driver, _program),
        {"driver-outdated": "repair", "program-damaged": "repair"},
        "repair",
    ),
    "stuck-with-wrong-address": Situation(
        ("frozen, and the upload address leads nowhere", "进程冻结，且安全接入地址错误"),
        (_address, _stuck),
        {"parameters-wrong": "settings", "process-stuck": "restart"},
        "settings",
    ),
    "database-and-driver": Situation(
        ("a damaged database, and an old driver", "数据库损坏，且驱动变旧"),
        (_stopped, _database, _driver),
        {"driver-outdated": "repair", "data-damaged": "restore"},
        "restore",
    ),
    "unfinished-with-wrong-limit": Situation(
        ("an unfinished upgrade, and a wrong limit", "升级未完成，且限额有误"),
        (_stopped, _unfinished, _parameters(limit="9999.99")),
        {"migration-unfinished": "restart", "parameters-wrong": "settings"},
        "settings",
        later={"activation-needed": "settings"},
        version="2.4.0",
    ),
    "driver-hides-wrong-taxpayer": Situation(
        ("an old driver, and another company's taxpayer id", "驱动变旧，且税号有误"),
        (_stopped, _driver, _parameters(taxpayer=OTHER_TAXPAYER)),
        {"driver-outdated": "repair"},
        "repair",
        later={"parameters-wrong": "settings"},
    ),
    "crashed-and-server-down": Situation(
        ("killed, and the bureau's server answers 503", "进程被杀，且上传服务器返回 503"),
        (_killed, _server_down),
        {"process-crashed": "restart", "network-down": None},
        "restart",
        "waiting",
    ),
    "nothing": Situation(("nothing at all", "一切正常"), (), {}, None, "unchanged", untouched=True),
}
