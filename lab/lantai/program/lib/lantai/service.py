"""What the running client does when it is asked: log in, issue, void, red-flag, upload, file, clear."""

from __future__ import annotations

import time
from typing import Mapping

from . import authorisation, config, database, device, errors, identity, log, registration
from .invoices import KINDS, Invoice, parse_line, reversal
from .money import fen_of, yuan
from .paths import Folder, program_version
from .versions import store_for

__all__ = ["COMMANDS", "Service"]

_PAPER = ("004", "007", "025", "005", "006")


class Service:
    """One instance's session, from start to stop; the caller lets in one command at a time."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.logged_in = False
        self.editing = False

    def run(self, command: str, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Do one command and return a message and data.

        :raises Refusal: as the command finds.
        """
        handler = COMMANDS.get(command)
        if handler is None:
            raise errors.Refusal(errors.USAGE, "未知命令 {0}".format(command))
        return handler(self, arguments)

    def login(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Log in with the certificate password (证书口令)."""
        identity.check_device(config.load(self.folder), device.plugged(self.folder.layout))
        authorisation.check_password(self.folder, str(arguments.get("password", "")))
        self.logged_in = True
        log.write(self.folder, "信息", "登录成功")
        return "登录成功", {}

    def logout(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Log out."""
        self.logged_in = self.editing = False
        return "已退出登录", {}

    def activate(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Activate the new version with the certificate password."""
        authorisation.check_password(self.folder, str(arguments.get("password", "")))
        with database.working(self.folder.database) as connection:
            was_needed = database.get_setting(connection, "needs_activation") == "1"
            database.set_setting(connection, "needs_activation", "0")
        if was_needed:
            log.write(self.folder, "信息", "版本 {0} 已激活".format(program_version()))
        return ("激活成功" if was_needed else "无需激活"), {"activated": was_needed}

    def draft(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Open or close the form of an invoice that a clerk is writing; while it is open the client is in use."""
        if not self.logged_in:
            raise errors.Refusal(errors.LOGIN, "未登录，请先登录")
        self.editing = arguments.get("state") == "open"
        return ("正在填开发票" if self.editing else "已关闭填开界面"), {"editing": self.editing}

    def issue(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Issue one invoice and return its number."""
        settings, plugged = self._ready()
        kind = str(arguments.get("kind", ""))
        raw = arguments.get("lines")
        lines = tuple(parse_line(str(text)) for text in (raw if isinstance(raw, list) else []))
        if not lines:
            raise errors.Refusal(errors.USAGE, "至少需要一行商品")
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        invoice = Invoice(
            "",
            kind,
            now,
            str(arguments.get("buyer", "")),
            str(arguments.get("buyer_tax", "")),
            lines,
            "valid",
            False,
            None,
            str(arguments.get("remark", "")),
        )
        self._check_allowed(settings, plugged, invoice)
        return "开具成功", self._store(plugged, invoice)

    def red(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Take an invoice back by a red one (红冲) and return the red one's number."""
        settings, plugged = self._ready()
        original = self._find(str(arguments.get("number", "")))
        if original.status != "valid":
            raise errors.Refusal(errors.USAGE, "发票 {0} 已作废或是红字发票，不能红冲".format(original.number))
        with database.reading(self.folder.database) as connection:
            store = store_for(database.schema_of(connection))
            already = store.red_number(connection, original.number)
        if already:
            raise errors.Refusal(errors.USAGE, "发票 {0} 已由 {1} 红冲".format(original.number, already))
        invoice = original._replace(
            number="",
            issued=time.strftime("%Y-%m-%d %H:%M:%S"),
            lines=reversal(original.lines),
            status="red",
            uploaded=False,
            red_of=original.number,
            remark="红冲 " + original.number,
        )
        self._check_allowed(settings, plugged, invoice)
        return "红冲成功", self._store(plugged, invoice)

    def void(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Void (作废) a paper invoice of this month; an electronic one can only be red-flagged."""
        self._ready()
        invoice = self._find(str(arguments.get("number", "")))
        if invoice.kind not in _PAPER:
            raise errors.Refusal(errors.LIMIT, "{0}不能作废，只能红冲".format(KINDS[invoice.kind]))
        if invoice.issued[:7] != time.strftime("%Y-%m"):
            raise errors.Refusal(errors.LIMIT, "发票 {0} 已跨月，不能作废，只能红冲".format(invoice.number))
        if invoice.status == "void":
            raise errors.Refusal(errors.USAGE, "发票 {0} 已作废".format(invoice.number))
        with database.working(self.folder.database) as connection:
            store = store_for(database.schema_of(connection))
            if store.red_number(connection, invoice.number):
                raise errors.Refusal(errors.USAGE, "发票 {0} 已红冲，不能作废".format(invoice.number))
            store.mark_void(connection, invoice.number)
        log.write(self.folder, "信息", "作废 {0}".format(invoice.number))
        return "作废成功", {"number": invoice.number}

    def upload(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Send what is not yet uploaded, batch by batch; what was taken stays marked when a later batch fails."""
        self._check_login()
        return "上传完成", {"uploaded": self._upload()}

    def file(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """File (抄报) one kind or all; a device whose lock date has passed may still file."""
        from . import network

        settings, plugged = self._session()
        wanted = [str(arguments["kind"])] if arguments.get("kind") else plugged.kinds
        for kind in wanted:
            if kind not in plugged.periods:
                raise errors.Refusal(errors.LIMIT, "税控设备没有发票类型 {0}".format(kind))
        self._upload()
        network.send_filing(
            self.folder.read_address(),
            settings.taxpayer,
            settings.machine,
            {kind: plugged.periods[kind].get("next_report") for kind in wanted},
            settings.timeout,
        )
        for kind in wanted:
            plugged.periods[kind]["filed"] = True
        plugged.data["filing"] = "filed" if _all_filed(plugged) else "open"
        plugged.save()
        log.write(self.folder, "信息", "抄报成功 {0}".format(",".join(wanted)))
        return "抄报成功", {"filed": wanted, "filing": plugged.data["filing"]}

    def clear(self, arguments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Clear the card (清卡): every kind must be filed; the periods move on by a month."""
        _, plugged = self._session()
        if not _all_filed(plugged):
            missing = [kind for kind in plugged.kinds if not plugged.periods[kind].get("filed")]
            raise errors.Refusal(errors.USAGE, "请先抄报：{0}".format(",".join(missing)), unfiled=missing)
        for period in plugged.periods.values():
            due = str(period["next_report"])
            period.update(
                last_report=due,
                next_report=_months_on(due, 1),
                locked=_months_on(due, 1)[:8] + "15",
                filed=False,
            )
        plugged.data["lock_date"] = min(str(period["locked"]) for period in plugged.periods.values())
        plugged.data["filing"] = "cleared"
        plugged.save()
        log.write(self.folder, "信息", "清卡成功")
        return "清卡成功", {"lock_date": plugged.data["lock_date"]}

    def _check_login(self) -> None:
        if not self.logged_in:
            raise errors.Refusal(errors.LOGIN, "未登录，请先登录")

    def _session(self) -> tuple[config.Settings, device.Device]:
        """Return settings and device of a session that may talk to the bureau."""
        settings, plugged = config.load(self.folder), device.plugged(self.folder.layout)
        identity.check_device(settings, plugged)
        registration.check(self.folder, plugged)
        self._check_login()
        return settings, plugged

    def _ready(self) -> tuple[config.Settings, device.Device]:
        """Return settings and device of a session that may issue."""
        settings, plugged = self._session()
        with database.reading(self.folder.database) as connection:
            if database.get_setting(connection, "needs_activation") == "1":
                raise errors.Refusal(errors.ACTIVATION, "版本 {0} 需要激活后才能开票".format(program_version()))
        return settings, plugged

    def _check_allowed(self, settings: config.Settings, plugged: device.Device, invoice: Invoice) -> None:
        """Check lock date, kind, limit and the offline limits, the client's copy as well as the device."""
        locked = plugged.locked_since(invoice.kind)
        if locked:
            raise errors.Refusal(errors.LOCKED, "已过锁死期 {0}，请先抄报清卡".format(locked), lock_date=locked)
        if invoice.kind not in KINDS or invoice.kind not in settings.kinds or invoice.kind not in plugged.kinds:
            raise errors.Refusal(
                errors.LIMIT,
                "发票类型 {0} 未授权，配置文件 {1}，税控设备 {2}".format(
                    invoice.kind, ",".join(settings.kinds), ",".join(plugged.kinds)
                ),
            )
        for where, limit in (("配置文件", _limit_fen(settings)), ("税控设备", plugged.limit_fen)):
            if abs(invoice.amount_fen) > limit:
                raise errors.Refusal(
                    errors.LIMIT,
                    "金额 {0} 超过单张开票限额 {1}（{2}）".format(yuan(invoice.amount_fen), yuan(limit), where),
                    limit=yuan(limit),
                )
        self._check_offline(plugged, invoice)

    def _check_offline(self, plugged: device.Device, invoice: Invoice) -> None:
        limits = plugged.offline
        with database.reading(self.folder.database) as connection:
            waiting = store_for(database.schema_of(connection)).unsent(connection)
        hours = int(limits.get("hours", "0"))
        # time.mktime takes the client's local clock, as the real ones count their offline hours.
        oldest = min((time.mktime(time.strptime(each.issued, "%Y-%m-%d %H:%M:%S")) for each in waiting), default=None)
        if hours and oldest is not None and time.time() - oldest > hours * 3600:
            raise errors.Refusal(errors.LIMIT, "离线时长超过 {0} 小时，请先上传".format(hours))
        count = int(limits.get("count", "0"))
        if count and len(waiting) >= count:
            raise errors.Refusal(errors.LIMIT, "离线张数超过 {0}，请先上传".format(count))
        amount = fen_of(limits.get("amount", "0"))
        if amount and sum(abs(each.amount_fen) for each in waiting) + abs(invoice.amount_fen) > amount:
            raise errors.Refusal(errors.LIMIT, "离线金额超过 {0}，请先上传".format(yuan(amount)))

    def _find(self, number: str) -> Invoice:
        with database.reading(self.folder.database) as connection:
            invoice = store_for(database.schema_of(connection)).get(connection, number)
        if invoice is None:
            raise errors.Refusal(errors.USAGE, "没有发票 {0}".format(number))
        return invoice

    def _store(self, plugged: device.Device, invoice: Invoice) -> dict[str, object]:
        with database.working(self.folder.database) as connection:
            store = store_for(database.schema_of(connection))
            invoice = invoice._replace(number=store.take_number(connection, invoice.kind))
            store.add(connection, invoice)
        # A new invoice belongs to a period that is not filed yet.
        if plugged.data.get("filing") != "open" or plugged.periods[invoice.kind].get("filed"):
            plugged.data["filing"] = "open"
            plugged.periods[invoice.kind]["filed"] = False
            plugged.save()
        log.write(
            self.folder,
            "信息",
            "开具 {0} {1} 金额 {2}".format(KINDS[invoice.kind], invoice.number, yuan(invoice.amount_fen)),
        )
        return {
            "number": invoice.number,
            "kind": invoice.kind,
            "issued": invoice.issued,
            "amount": yuan(invoice.amount_fen),
            "tax": yuan(invoice.tax_fen),
        }

    def _upload(self) -> int:
        from . import network

        settings, address = config.load(self.folder), self.folder.read_address()
        done = 0
        while True:
            with database.reading(self.folder.database) as connection:
                waiting = store_for(database.schema_of(connection)).unsent(connection)
            if not waiting:
                return done
            accepted = network.send_invoices(address, settings.taxpayer, settings.machine, waiting, settings.timeout)
            if not accepted:
                raise errors.Refusal(errors.NETWORK, "上传服务器没有接收发票，剩余 {0} 张".format(len(waiting)))
            with database.working(self.folder.database) as connection:
                store_for(database.schema_of(connection)).mark_uploaded(connection, accepted)
            done += len(accepted)


def _limit_fen(settings: config.Settings) -> int:
    try:
        return fen_of(settings.limit)
    except ValueError as error:
        raise errors.Refusal(errors.LIMIT, "配置错误：开票限额 {0}".format(settings.limit)) from error


def _all_filed(plugged: device.Device) -> bool:
    return all(plugged.periods[kind].get("filed") for kind in plugged.kinds)


def _months_on(date: str, months: int) -> str:
    year, month = int(date[:4]), int(date[5:7]) - 1 + months
    return "{0:04d}-{1:02d}{2}".format(year + month // 12, month % 12 + 1, date[7:])


COMMANDS = {
    "login": Service.login,
    "logout": Service.logout,
    "activate": Service.activate,
    "draft": Service.draft,
    "issue": Service.issue,
    "red": Service.red,
    "void": Service.void,
    "upload": Service.upload,
    "file": Service.file,
    "clear": Service.clear,
}
