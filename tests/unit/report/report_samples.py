"""Plans and results as the engine makes them, built by hand: every kind of step, status and difference once."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import RenderableType

from guiwei.errors import GateError, Place, ResourceError, UnreachableError
from guiwei.model.plan import Change, HostPlan, InstancePlan, Mismatch, Plan, Stage, Step
from guiwei.model.run import CheckResult, HostResult, InstanceResult, RunResult, StepResult
from guiwei.report.console import make_console
from guiwei.target.secret import Secret

#: Fictional taxpayers with valid check digits (GB 32100).
TAXPAYER = "91440300MA5F1CT01C"
OTHER = "91440300MA5F1CT02F"
PASSWORD = "corréct-horse-7731"

PLAYBOOK = "playbooks/upgrade.yml"


def show(renderable: RenderableType, width: int = 100) -> str:
    """Return what a file gets: plain text."""
    out = io.StringIO()
    make_console(out, width=width, environ={}).print(renderable)
    return out.getvalue()


def at(line: int, file: str = PLAYBOOK, column: int = 9) -> Place:
    return Place(file, line, column)


def ini_path(instance: str) -> str:
    return f"/var/lib/兰台开票/{instance}/Config/兰台.ini"


def limit_step(instance: str) -> Step:
    resource = f"lantai:{instance}/ini[path={ini_path(instance)},section=开票,option=开票限额]"
    return Step(
        id=resource,
        resource=resource,
        module="ini",
        name="开票限额",
        reading={"path": ini_path(instance), "section": "开票", "option": "开票限额"},
        state={"value": "99999.99"},
        changes=(
            Change(
                "value",
                "9999.99",
                "99999.99",
                at(14),
                cause="drift",
                label={"en": "invoice limit", "zh": "单张开票限额"},
            ),
        ),
        guards={"value": "9999.99"},
        instance=instance,
        place=at(14),
        risk="restart",
    )


def upgrade_stages(instance: str) -> tuple[Stage, ...]:
    backup = f"lantai:{instance}/backup[label={instance}]"
    client = f"lantai:{instance}/service[name=lantai]"
    package = "package[name=lantai,path=/opt/lantai]"
    url = f"lantai:{instance}/line[path=/var/lib/兰台开票/{instance}/Config/安全接入地址.txt]"
    prepare = (
        Step(
            client,
            client,
            "service",
            "Stop the client",
            {"name": "lantai"},
            {"running": False},
            (Change("running", True, False, Place("products/lantai.yml", 88, 5), origin="product"),),
            {"running": True},
            instance,
            Place("products/lantai.yml", 88, 5),
            "product",
            "restart",
        ),
        Step(
            backup,
            backup,
            "backup",
            f"Back up {instance}",
            {"label": instance},
            {"done": True},
            (Change("done", False, True, origin="guiwei"),),
            None,
            instance,
            None,
            "guiwei",
            always=True,
        ),
    )
    upgrade = (
        Step(
            package,
            package,
            "package",
            "Lantai 3.0.0",
            {"name": "lantai", "path": "/opt/lantai"},
            {"version": "3.0.0", "sha256": "ab" * 32},
            (
                Change("version", "2.4.0", "3.0.0", at(8), cause="intended"),
                Change("sha256", "0123456789abcdef" * 4, "ab" * 32, Place("products/lantai.yml", 41, 3), "product"),
            ),
            {"version": "2.4.0"},
            instance,
            at(8),
            risk="professional",
            irreversible=True,
            requires=backup,
        ),
    )
    again = replace(
        prepare[0], id=client + "@2", name="Start the client", state={"running": True}, changes=(), known_after=2
    )
    converge = (
        limit_step(instance),
        Step(
            url,
            url,
            "line",
            "安全接入地址",
            {"path": "/x"},
            {"value": "https://upload.example.cn:9001"},
            (
                Change(
                    "value",
                    "https://old.example.cn:9001",
                    "https://upload.example.cn:9001",
                    Place("inventories/group_vars/branches.yml", 3, 13),
                    "inventory",
                ),
            ),
            {"value": "https://old.example.cn:9001"},
            instance,
            at(16),
        ),
    )
    handlers = (
        Step(
            "service[name=lantai,restarted]",
            "service[name=lantai]",
            "service",
            "Restart the client",
            {"name": "lantai"},
            {"restarted": True},
            instance=instance,
            place=at(30),
            risk="restart",
            when_changed=(limit_step(instance).id, url),
            handler="restart client",
        ),
    )
    return (
        Stage(1, "prepare", prepare, instance),
        Stage(2, "upgrade", upgrade, instance, ("2.4.0", "3.0.0")),
        Stage(3, "converge", (again, *converge), instance),
        Stage(4, "handlers", handlers),
    )


def branch(name: str, instance: str) -> HostPlan:
    """A PC that is upgraded and put right."""
    return HostPlan(
        name,
        "differs",
        upgrade_stages(instance),
        (InstancePlan(instance, "differs", "lantai"),),
        seconds=0.4,
        facts={"hostname": name},
    )


def files_host() -> HostPlan:
    """A PC with plain resources: text, lists, mappings, secrets, removal, addition."""
    old = "[server]\nhost = old.example.cn\nport = 7001\ntimeout = 5\n"
    new = "[server]\nhost = 新地址.example.cn\nport = 7001\ntimeout = 30\nretry = 2\n"
    steps = (
        Step(
            "file[path=/etc/lantai/proxy.conf]",
            "file[path=/etc/lantai/proxy.conf]",
            "file",
            "代理配置",
            {"path": "/etc/lantai/proxy.conf"},
            {"content": new, "mode": "0640"},
            (Change("content", old, new, at(40)), Change("mode", "0644", "0640", at(42), cause="both")),
            place=at(39),
        ),
        Step(
            "file[path=/etc/lantai/token]",
            "file[path=/etc/lantai/token]",
            "file",
            "接口口令",
            {"path": "/etc/lantai/token"},
            {"content": Secret(PASSWORD)},
            (Change("state", "absent", "present", at(45)), Change("content", None, Secret(PASSWORD), at(46))),
            place=at(45),
        ),
        Step(
            "sqlite[path=/srv/设置 (新)/a.db,table=setting,key={'name': 'kinds'}]",
            "sqlite[path=/srv/设置 (新)/a.db,table=setting,key={'name': 'kinds'}]",
            "sqlite",
            "发票类型",
            {"path": "/srv/设置 (新)/a.db"},
            {},
            (
                Change("row.kinds", ["004", "007", "025"], ["004", "007", "026", "028"], at(50)),
                Change("row.flags", {"auto": "no", "keep": 1}, {"auto": "yes", "tries": 3}, at(51)),
                Change("row.count", 5, "5", at(52)),
                Change("row.note", "", " padded ", at(53)),
                Change("row.key", Secret("old-" + PASSWORD), Secret(PASSWORD), at(54)),
            ),
            place=at(49),
            risk="data",
        ),
        Step(
            "directory[path=/var/cache/lantai]",
            "directory[path=/var/cache/lantai]",
            "directory",
            "",
            {"path": "/var/cache/lantai"},
            None,
            (Change("state", "present", "absent", at(60)),),
            place=at(60),
        ),
    )
    return HostPlan("hq-01", "differs", (Stage(1, "converge", steps),), seconds=0.2)


def refused_host() -> HostPlan:
    mismatches = (
        Mismatch("offline_hours", 72, 48, "asserted", at(22), {"en": "offline hours", "zh": "离线开票时长"}),
        Mismatch("taxpayer", OTHER, TAXPAYER, "device", at(20), {"en": "taxpayer id", "zh": "税号"}),
    )
    return HostPlan(
        "pc41.branch",
        "refused",
        instances=(
            InstancePlan(f"{OTHER}.0", "refused", "lantai", mismatches=mismatches),
            InstancePlan(f"{TAXPAYER}.1", "pending", "lantai", error=GateError("sample-unknown", disk="012345678901")),
        ),
    )


def rich_plan() -> Plan:
    """Every kind of thing that a plan can show."""
    hosts = (
        *(branch(f"pc{number:02}.branch", f"{TAXPAYER}.{number}") for number in range(1, 13)),
        files_host(),
        refused_host(),
        *(
            HostPlan(f"pc{number}.branch", "unreachable", error=UnreachableError("os-error", path="x", detail="y"))
            for number in (31, 32, 33)
        ),
        *(HostPlan(f"pc{number}.branch", "unchanged", seconds=0.1) for number in range(50, 60)),
    )
    return Plan(
        "20261124T034000Z-7f3a2c",
        PLAYBOOK,
        "2026-11-24T03:40:12Z",
        hosts,
        "00" * 32,
        reason="税务局要求 12 月前升级到 3.0.0",
        inputs={"vault": Secret(PASSWORD)},
    )


def rich_run() -> RunResult:
    """An apply over some PCs: done, failed in the middle, refused, unreachable."""
    good = InstanceResult(
        f"{TAXPAYER}.1",
        "changed",
        checks=(
            CheckResult("running", True, {"en": "client answers", "zh": "客户端可应答"}, {"milliseconds": 12}),
            CheckResult(
                "disk", True, {"en": "tax disk", "zh": "税控盘状态"}, {"number": "012345678901", "state": "normal"}
            ),
            CheckResult(
                "network",
                False,
                {"en": "upload address", "zh": "安全接入地址"},
                {"loss": 0.4, "status": 503},
                {"loss": 0, "status": 200},
                ResourceError("command-timeout", program="lantai", seconds=30),
            ),
        ),
        ledger_before=(
            {"kind": "004", "month": "2026-10", "count": 41, "amount": "182300.50", "tax": "23699.07"},
            {"kind": "026", "month": "2026-11", "count": 12, "amount": "9100.00", "tax": "91.00"},
        ),
        ledger_after=(
            {"kind": "004", "month": "2026-10", "count": 41, "amount": "182300.50", "tax": "23699.07"},
            {"kind": "026", "month": "2026-11", "count": 13, "amount": "9101.00", "tax": "91.01"},
        ),
        invoices=(
            {
                "number": "26952000000000000013",
                "kind": "026",
                "month": "2026-11",
                "amount": "1.00",
                "tax": "0.01",
                "status": "void",
            },
        ),
        reconciled=True,
    )
    lost = replace(
        good,
        id=f"{OTHER}.0",
        status="failed",
        checks=good.checks[:2],
        ledger_after=good.ledger_after[:1],
        invoices=(),
        reconciled=False,
        differences=("026 2026-11: 12 → 0",),
    )
    steps = (
        StepResult(
            "backup[label=a]",
            "changed",
            "Back up",
            f"{TAXPAYER}.1",
            seconds=1.5,
            receipt={
                "backup": "20261124T034107Z-ab12cd",
                "label": f"{TAXPAYER}.1",
                "files": 48,
                "bytes": 12_345_678,
            },
        ),
        StepResult("ini[path=/a]", "changed", "开票限额", f"{TAXPAYER}.1", (("value", "9999.99", "99999.99"),)),
    )
    failed = StepResult(
        "package[name=lantai]",
        "failed",
        "Lantai 3.0.0",
        f"{OTHER}.0",
        (("version", "2.4.0", "3.0.0"), ("key", Secret(PASSWORD), Secret(PASSWORD))),
        error=ResourceError("disk-full", path="/opt/lantai"),
    )
    return RunResult(
        "20261124T034100Z-99aa01",
        "apply",
        PLAYBOOK,
        "2026-11-24T03:41:07Z",
        "2026-11-24T03:43:00Z",
        (
            HostResult("pc01.branch", "changed", steps, (good,), seconds=18.2),
            HostResult("pc02.branch", "failed", (failed,), (lost,), seconds=9.14),
            *(HostResult(f"pc{n:02}.branch", "changed", steps[1:], seconds=3 + n / 10) for n in range(3, 9)),
            HostResult("pc09.branch", "refused", error=GateError("pc-locked", holder="20261124T000000Z-1")),
            *(
                HostResult(f"pc{n}.branch", "unreachable", error=UnreachableError("file-in-use", path="/x"))
                for n in (10, 11, 12)
            ),
        ),
        reason="升级",
    )
