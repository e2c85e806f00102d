"""The commands that work on the files themselves, whether the client runs or not."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import time

from . import authorisation, config, database, errors, lockfile, log, record, versions
from .paths import Folder, Layout, check_own_tree, program_folder, program_version

__all__ = ["backup", "import_history", "initialise", "network", "repair", "reset_mode", "status", "summary"]


def initialise(layout: Layout, values: dict[str, str], address: str, password: str) -> tuple[str, dict[str, object]]:
    """Create an instance: settings, database of this program's schema, the record's section.

    :raises Refusal: USAGE when it exists or a value has the wrong form, NOT_RUNNING when the program tree that runs
        is not the new instance's.
    """
    from . import passwords
    from .invoices import KINDS

    _check_form(values, "税号", "taxpayer", r"[0-9A-Z]{15,20}")
    _check_form(values, "地区编号", "orgcode", r"\d{6}")
    _check_form(values, "开票机号", "machine", r"\d{1,3}")
    _check_form(values, "端口", "port", r"[1-9]\d{0,4}")
    _check_form(values, "开票限额", "limit", r"\d+(\.\d{1,2})?")
    unknown = [kind for kind in values["kinds"].split(",") if kind not in KINDS]
    if unknown or not password:
        raise errors.Refusal(errors.USAGE, "未知发票类型 {0}".format(unknown[0]) if unknown else "证书口令为空")
    name = values["taxpayer"] + "." + values["machine"]
    if name in record.instances(layout):
        raise errors.Refusal(errors.USAGE, "开票实例 {0} 已存在".format(name))
    folder = Folder(layout, name)
    check_own_tree(folder)
    if os.path.exists(folder.database):
        raise errors.Refusal(errors.USAGE, "开票实例文件夹 {0} 已有数据".format(folder.path))
    for part in ("Config", "Data", "Log", "Disk"):
        os.makedirs(os.path.join(folder.path, part), exist_ok=True)
    config.create(folder, values, address)
    database.create(
        folder.database,
        versions.program_schema(),
        {
            "cert_hash": passwords.hashed(password),
            "cert_tries_left": "5",
            "needs_activation": "0",
            "cert_changed": _today(),
        },
    )
    # The record comes last: an instance that it names is whole.
    record.add_instance(
        layout,
        record.Entry(
            name,
            values["taxpayer"],
            values["orgcode"],
            values["machine"],
            program_version(),
            program_version(),
            folder.seen_as,
        ),
    )
    log.write(folder, "信息", "创建开票实例 {0}".format(name))
    return "已创建开票实例 {0}".format(name), {"instance": name, "path": folder.seen_as}


def status(folder: Folder) -> tuple[str, dict[str, object]]:
    """Tell how the instance is, running or not; never fails because something is broken."""
    from . import client, device, registration

    entry = record.entry(folder.layout, folder.name)
    about = {
        "instance": folder.name,
        "taxpayer": entry.code,
        "orgcode": entry.orgcode,
        "machine": entry.machine,
        "version": program_version(),
        "recorded_version": entry.version,
        "database_version": entry.database_version,
        "path": folder.seen_as,
    }  # type: dict[str, object]
    running = lockfile.held(folder.lock)
    answer = client.ping(folder) if running else None
    about.update(
        running=running,
        answering=answer is not None,
        pid=(answer or {}).get("pid") or (_pid(folder) if running else None),
        running_version=(answer or {}).get("version"),
        logged_in=bool((answer or {}).get("logged_in")),
        editing=bool((answer or {}).get("editing")),
    )
    try:
        settings = config.load(folder)
        about.update(
            name=settings.name,
            port=settings.port,
            kinds=list(settings.kinds),
            limit=settings.limit,
            settings="ok",
        )
    except errors.Refusal as refusal:
        about.update(settings=refusal.message)
    about.update(schema=None, needs_activation=None, unsent=None, database="ok")
    about.update(password_changed=None, password_tries_left=None, certificate=os.path.exists(folder.certificate))
    try:
        with database.reading(folder.database) as connection:
            database.check(connection)
            schema = database.schema_of(connection)
            about.update(
                authorisation.told(connection),
                schema=schema,
                needs_activation=database.get_setting(connection, "needs_activation") == "1",
                migration_due=schema != versions.program_schema(),
                unsent=sum(1 for header in versions.store_for(schema).headers(connection) if not header.uploaded),
            )
    except errors.Refusal as refusal:
        about["database"] = refusal.message
    disk = device.describe(folder.layout)
    number = registration.registered_number(folder)
    about.update(
        disk=disk,
        registered_disk=number,
        registered=bool(number) and disk.get("number", number) == number,
        last_log=log.last_line(folder),
    )
    return ("正在运行" if answer else "没有响应" if running else "没有运行"), about


def summary(folder: Folder) -> tuple[str, dict[str, object]]:
    """Return the monthly summary."""
    from .summary import summarise

    with database.reading(folder.database) as connection:
        return "汇总", summarise(connection)


def network(folder: Folder, tries: int) -> tuple[str, dict[str, object]]:
    """Measure how the upload address answers.

    :raises Refusal: NETWORK when it never does.
    """
    from . import network as wire

    measured = wire.measure(folder.read_address(), config.load(folder).timeout, tries)
    if not measured["reachable"]:
        raise errors.Refusal(errors.NETWORK, "网络不通：{0}".format(measured["error"]), **measured)
    return "网络正常" if not measured["loss"] else "网络不稳定", measured


def reset_mode(folder: Folder) -> tuple[str, dict[str, object]]:
    """Set the client's copies back to the device's values and keep the registration.

    :raises Refusal: IN_USE when the client runs, IDENTITY when the device is another instance's.
    """
    from . import device
    from .money import yuan

    with _not_running(folder):
        plugged = device.plugged(folder.layout)
        on_device = plugged.text("taxpayer") + "." + plugged.text("machine")
        if on_device != folder.name:
            raise errors.Refusal(
                errors.IDENTITY,
                "税控设备属于 {0}，不是 {1}，不能复位".format(on_device, folder.name),
                parameter="税号",
                client=folder.name,
                device=on_device,
            )
        file = config.open_file(folder)
        offline = plugged.offline
        for section, key, value in (
            ("单位", "税号", plugged.text("taxpayer")),
            ("单位", "地区编号", plugged.text("orgcode")),
            ("单位", "开票机号", plugged.text("machine")),
            ("开票", "发票类型", ",".join(plugged.kinds)),
            ("开票", "开票限额", yuan(plugged.limit_fen)),
            ("离线", "离线时长", offline.get("hours", "0")),
            ("离线", "离线张数", offline.get("count", "0")),
            ("离线", "离线金额", offline.get("amount", "0")),
        ):
            file.set(section, key, value)
        file.save()
        record.set_identity(
            folder.layout,
            folder.name,
            plugged.text("taxpayer"),
            plugged.text("orgcode"),
            plugged.text("machine"),
        )
        log.write(folder, "信息", "按税控设备复位参数")
    return "已按税控设备复位参数", {}


def backup(folder: Folder) -> tuple[str, dict[str, object]]:
    """Copy database and settings into a new folder below the backup folder (目录), running or not.

    :raises Refusal: DAMAGED when the database cannot be read, NOT_RUNNING when there are no settings.
    """
    target = os.path.join(
        folder.layout.below(config.backup_folder(folder)),
        folder.name.replace(".", "-"),
        time.strftime("%Y%m%d-%H%M%S"),
    )
    os.makedirs(target, exist_ok=True)
    with database.reading(folder.database) as connection:
        database.check(connection)
        copy = sqlite3.connect(os.path.join(target, "lantai.db"))
        try:
            connection.backup(copy)
        finally:
            copy.close()
    for path in (folder.settings, folder.address):
        shutil.copy2(path, target)
    log.write(folder, "信息", "备份到 {0}".format(target))
    return "已备份", {"path": target}


def import_history(folder: Folder, text: str) -> tuple[str, dict[str, object]]:
    """Take over a history of invoices: a JSON list in the order of their numbers, all or nothing.

    Each has kind, issued, buyer, buyer_tax, lines (name, quantity, price, rate), status, uploaded, and for a red one
    ``red_of``, the place in the list of the invoice that it takes back.

    :raises Refusal: IN_USE when the client runs, USAGE when the list has another form.
    """
    from .invoices import KINDS, Invoice, compute_line, reversal

    with _not_running(folder), database.working(folder.database) as connection:
        store = versions.store_for(database.schema_of(connection))
        taken = []  # type: list[Invoice]
        try:
            for each in json.loads(text):
                kind = str(each["kind"])
                if kind not in KINDS or each.get("status", "valid") not in ("valid", "void"):
                    raise ValueError("{0} {1}".format(kind, each.get("status")))
                original = None if each.get("red_of") is None else taken[each["red_of"]]
                lines = (
                    reversal(original.lines)
                    if original
                    else tuple(compute_line(*[str(part) for part in line]) for line in each["lines"])
                )
                invoice = Invoice(
                    store.take_number(connection, kind),
                    kind,
                    str(each["issued"]),
                    str(each["buyer"]),
                    str(each["buyer_tax"]),
                    lines,
                    "red" if original else str(each.get("status", "valid")),
                    bool(each["uploaded"]),
                    original.number if original else None,
                    str(each.get("remark", "")),
                )
                store.add(connection, invoice)
                taken.append(invoice)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise errors.Refusal(errors.USAGE, "历史发票格式不正确：{0!r}".format(error)) from error
    return "已导入 {0} 张发票".format(len(taken)), {"imported": len(taken)}


def repair() -> tuple[str, dict[str, object]]:
    """Compare the program's files with its MANIFEST.

    :raises Refusal: DAMAGED, naming the files that are missing or not as delivered.
    """
    damaged = []
    base = program_folder()
    try:
        with open(os.path.join(base, "MANIFEST"), encoding="utf-8") as file:
            wanted = [line.split("  ", 1) for line in file.read().splitlines()]
    except OSError as error:
        raise errors.Refusal(errors.DAMAGED, "缺少 MANIFEST，请重新安装", damaged=["MANIFEST"]) from error
    for digest, name in wanted:
        try:
            with open(os.path.join(base, name), "rb") as stored:
                whole = hashlib.sha256(stored.read()).hexdigest() == digest
        except OSError:
            whole = False
        if not whole:
            damaged.append(name)
    if damaged:
        raise errors.Refusal(errors.DAMAGED, "程序文件损坏，请重新安装：{0}".format(" ".join(damaged)), damaged=damaged)
    return "程序文件完好", {"files": len(wanted), "damaged": []}


class _not_running:
    """Hold the instance's lock while its files change."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        self.lock = lockfile.take(self.folder.lock)
        if self.lock is None:
            raise errors.Refusal(errors.IN_USE, "开票实例 {0} 正在使用（1007），请先停止".format(self.folder.name))

    def __exit__(self, *_: object) -> None:
        if self.lock is not None:
            lockfile.release(self.folder.lock, self.lock)


def _today() -> str:
    return time.strftime("%Y-%m-%d")


def _check_form(values: dict[str, str], label: str, key: str, pattern: str) -> None:
    if not re.fullmatch(pattern, values[key]):
        raise errors.Refusal(errors.USAGE, "{0}格式不正确：{1}".format(label, values[key]))


def _pid(folder: Folder) -> int | None:
    try:
        with open(folder.pid, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
