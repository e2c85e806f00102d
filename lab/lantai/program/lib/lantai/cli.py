"""The command line: ``lantai [--root R] [--instance 税号.机号] [--json] COMMAND``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Sequence

from . import errors

if TYPE_CHECKING:
    from .paths import Layout

__all__ = ["main"]

# What the running client does; everything else works on the files.
_REMOTE = ("login", "logout", "activate", "draft", "issue", "void", "red", "upload", "file", "clear")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(list(arguments))
    try:
        answer = _run(options)
    except errors.Refusal as refusal:
        answer = {"code": refusal.code, "message": refusal.message, "data": refusal.data}
    code = int(str(answer["code"]))
    if options.json:
        print(json.dumps(answer, ensure_ascii=False, sort_keys=True))
    elif code:
        print(answer["message"], file=sys.stderr)
    else:
        _print_plainly(answer)
    return code


def _run(options: argparse.Namespace) -> dict[str, object]:
    from . import record
    from .paths import Layout, check_own_tree

    layout = Layout(options.root or os.environ.get("LANTAI_ROOT") or "/")
    command = options.command
    if command == "setup":
        return _setup(layout, options.instance)
    if command == "repair":
        from . import commands

        return _answer(*commands.repair())
    if command == "init":
        from . import commands

        return _answer(
            *commands.initialise(
                layout,
                {
                    "taxpayer": options.taxpayer,
                    "machine": options.machine,
                    "orgcode": options.orgcode,
                    "name": options.name,
                    "port": options.port,
                    "kinds": options.kinds,
                    "limit": options.limit,
                    "hours": options.offline_hours,
                    "count": options.offline_count,
                    "amount": options.offline_amount,
                    "backup_folder": options.backup_folder,
                    "backup_days": options.backup_days,
                    "timeout": options.timeout,
                },
                options.upload,
                _secret(True),
            )
        )
    folder = record.choose(layout, options.instance)
    if command in ("start", "serve"):
        check_own_tree(folder)
    if command in ("start", "stop") or command in _REMOTE:
        from . import client

        if command == "start":
            return client.start(folder, options.timeout)
        if command == "stop":
            return client.stop(folder, options.force, options.timeout)
        return client.call(folder, command, _remote_arguments(options))
    if command == "serve":
        from . import server

        server.serve(folder, options.ready_fd)
        return _answer("已停止", {})
    if command in ("register", "unregister"):
        from . import log, registration

        if command == "register":
            registration.register(folder, options.disk, _secret(options.pin_stdin))
            log.write(folder, "信息", "注册税控设备 {0}".format(options.disk))
            return _answer("注册成功", {"disk": options.disk})
        removed = registration.unregister(folder)
        return _answer("已取消注册" if removed else "本来没有注册", {"removed": removed})
    if command == "passwd":
        from . import authorisation

        authorisation.change_password(folder, _secret(options.passwords_stdin), _secret(True))
        return _answer("证书口令已修改", {})
    if command == "disk":
        from . import device

        device.plugged(layout)
        return _answer("税控设备状态", device.describe(layout))
    from . import commands

    if command == "status":
        return _answer(*commands.status(folder))
    if command == "summary":
        return _answer(*commands.summary(folder))
    if command == "backup":
        return _answer(*commands.backup(folder))
    if command == "network":
        return _answer(*commands.network(folder, options.tries))
    if command == "reset-mode":
        return _answer(*commands.reset_mode(folder))
    return _answer(*commands.import_history(folder, sys.stdin.buffer.read().decode("utf-8")))


def _setup(layout: Layout, name: str | None) -> dict[str, object]:
    from . import record
    from .paths import Folder, check_own_tree, program_instance, program_version

    name = name or program_instance()
    if name is None:
        raise errors.Refusal(errors.USAGE, "请用 --instance 指定开票实例")
    folder = Folder(layout, name, record.entry(layout, name).path)
    check_own_tree(folder)
    record.setup(folder)
    return _answer("已写入注册信息", {"instance": name, "version": program_version()})


def _remote_arguments(options: argparse.Namespace) -> dict[str, object]:
    if options.command in ("login", "activate"):
        return {"password": _secret(options.password_stdin)}
    names = {
        "draft": ("state",),
        "issue": ("kind", "buyer", "buyer_tax", "lines", "remark"),
        "void": ("number",),
        "red": ("number",),
        "file": ("kind",),
    }  # type: dict[str, tuple[str, ...]]
    return {name: getattr(options, name) for name in names.get(options.command, ())}


def _secret(given: bool) -> str:
    """Read a secret from standard input: on the command line everybody could see it."""
    if not given:
        raise errors.Refusal(errors.USAGE, "口令只能由标准输入给出（--password-stdin、--pin-stdin）")
    return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")


def _answer(message: str, data: dict[str, object]) -> dict[str, object]:
    return {"code": 0, "message": message, "data": data}


def _print_plainly(answer: dict[str, object]) -> None:
    print(answer["message"])
    data = answer["data"]
    for key, value in data.items() if isinstance(data, dict) else ():
        print("  {0}: {1}".format(key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lantai", description="兰台开票")
    parser.add_argument("--root", help="所有路径的前缀（默认 LANTAI_ROOT 或 /）")
    parser.add_argument("--instance", help="税号.机号")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for name in (
        "setup",
        "status",
        "logout",
        "unregister",
        "upload",
        "clear",
        "disk",
        "summary",
        "reset-mode",
        "repair",
        "backup",
    ):
        commands.add_parser(name)
    init = commands.add_parser("init")
    for name in ("taxpayer", "machine", "orgcode", "name", "port", "upload", "kinds"):
        init.add_argument("--" + name, required=True)
    for name, value in (
        ("limit", "99999.99"),
        ("offline-hours", "72"),
        ("offline-count", "100"),
        ("offline-amount", "1000000.00"),
        ("backup-folder", "/var/backups/兰台开票"),
        ("backup-days", "7"),
        ("timeout", "10"),
    ):
        init.add_argument("--" + name, default=value)
    init.add_argument("--cert-password-stdin", action="store_true", required=True)
    for name in ("start", "stop"):
        command = commands.add_parser(name)
        command.add_argument("--timeout", type=float, default=60.0 if name == "start" else 15.0, help="秒")
        if name == "stop":
            command.add_argument("--force", action="store_true", help="即使有人正在填开发票")
    commands.add_parser("serve").add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    for name in ("login", "activate"):
        commands.add_parser(name).add_argument("--password-stdin", action="store_true", required=True)
    commands.add_parser("passwd").add_argument(
        "--passwords-stdin", action="store_true", required=True, help="两行：原口令、新口令"
    )
    register = commands.add_parser("register")
    register.add_argument("--disk", required=True)
    register.add_argument("--pin-stdin", action="store_true", required=True)
    issue = commands.add_parser("issue")
    for name in ("kind", "buyer"):
        issue.add_argument("--" + name, required=True)
    issue.add_argument("--buyer-tax", default="")
    issue.add_argument("--line", dest="lines", action="append", required=True, help="名称:数量:单价:税率")
    issue.add_argument("--remark", default="")
    for name in ("void", "red"):
        commands.add_parser(name).add_argument("--number", required=True)
    commands.add_parser("file").add_argument("--kind", default="")
    commands.add_parser("draft").add_argument("state", choices=["open", "close"])
    commands.add_parser("network").add_argument("--tries", type=int, default=5, choices=range(1, 101), metavar="N")
    commands.add_parser("import").add_argument("--stdin", action="store_true", required=True)
    return parser
