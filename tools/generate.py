"""Write what is made from the code's own definitions: `schemas/`, `docs/modules.md` and `docs/commands.md`.

    python tools/generate.py

A test asserts that the committed files are what this writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from guiwei.cli.main import COMMANDS
from guiwei.language.calendars import CALENDAR_SCHEMA
from guiwei.language.products import PRODUCT_SCHEMA
from guiwei.language.schema import explain, module_names, schemas
from guiwei.report.output_schemas import output_schemas
from guiwei.report.words import Words

__all__ = ["REPOSITORY", "generated", "stale"]

REPOSITORY = Path(__file__).resolve().parents[1]
_NOTE = "<!-- Made by tools/generate.py (`make generate`) from the code: do not edit. 由代码生成，请勿手工修改。 -->"


def generated() -> dict[Path, str]:
    """Return the text of every generated file by its path in the repository."""
    found: dict[Path, str] = {}
    for name, schema in {
        **schemas(),
        "product.json": PRODUCT_SCHEMA,
        "calendar.json": CALENDAR_SCHEMA,
        **{f"output-{name}.json": schema for name, schema in output_schemas().items()},
    }.items():
        found[Path("schemas") / name] = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
    found[Path("docs/modules.md")] = _page(_modules())
    found[Path("docs/commands.md")] = _page(_commands())
    return found


def stale(repository: Path = REPOSITORY) -> list[str]:
    """Return the committed files that are missing, not as generated, or no longer generated."""
    wanted = generated()
    wrong = [path for path, text in wanted.items() if _read(repository / path) != text]
    there = (path.relative_to(repository) for path in (repository / "schemas").iterdir())
    return sorted(str(path) for path in {*wrong, *(path for path in there if path not in wanted)})


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _modules() -> Iterator[str]:
    yield from ("# Resource types 资源类型", "", _NOTE, "")
    yield "A task of a playbook declares one of these. `guiwei explain TYPE` shows the same in a terminal."
    yield "剧本中的每个任务声明一个资源；终端中可用 `guiwei explain 类型` 查看同样的内容。"
    yield ""
    yield "*Role* 角色: **key** 键 identifies the thing and is needed to read it; **option** 选项 says how to read"
    yield "and write it; **value** 值 is the state, compared only where it is given; **supply** 来源 is turned into"
    yield "a value on the controller. *Undo* 撤销: **images** before-images restore it 由前像恢复; **state** the state"
    yield "that was read is written back 写回原状态; **none** irreversible, and the plan says so 不可撤销，计划会注明。"
    yield ""
    yield from ("| type 类型 | kind 种类 | | undo 撤销 |", "|---|---|---|---|")
    both = [(explain(name, "en"), explain(name, "zh")) for name in module_names()]
    for english, chinese in both:
        name = english["name"]
        undo = "" if english["kind"] == "probe" else english["undo"]
        yield f"| [`{name}`](#{name}) | {english['kind']} | {english['summary']} {chinese['summary']} | {undo} |"
    for english, chinese in both:
        yield from ("", f"## {english['name']}", "", f"{english['summary']} {chinese['summary']}", "")
        yield from ("| field 字段 | role 角色 | type 类型 | default 默认 | |", "|---|---|---|---|---|")
        for one, other in zip(english["fields"], chinese["fields"], strict=True):
            yield _field(one, other)


def _field(english: dict[str, Any], chinese: dict[str, Any]) -> str:
    notes = [text.replace("|", "\\|") for text in (english["doc"], chinese["doc"])]
    if english["choices"]:
        notes.append("One of 取值: " + ", ".join(_code(choice) for choice in english["choices"]) + ".")
    if english["example"] is not None:
        notes.append(f"Example 例: {_code(english['example'])}")
    marks = "".join(f" *{word}*" for mark, word in (("secret", "secret 保密"), ("volatile", "volatile 易变"))
                    if english[mark])  # fmt: skip
    default = (
        "required 必填" if english["required"] else "" if english["default"] is None else _code(english["default"])
    )
    cells = (f"`{english['name']}`", english["role"] + marks, english["type"], default, " ".join(notes))
    return "| " + " | ".join(cells) + " |"


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "`" + text.replace("|", "\\|").replace("\n", "\\n") + "`" if text else '`""`'


def _commands() -> Iterator[str]:
    english, chinese = Words("en"), Words("zh")
    yield from ("# Commands and exit codes 命令与退出码", "", _NOTE, "")
    yield from ("## Exit codes 退出码", "", "The first that applies. 取第一个适用者。", "")
    yield from ("| exit 退出码 | meaning | 含义 |", "|---|---|---|", *_EXIT_CODES, "")
    yield from ("Ctrl-C ends a command with 130.", "按 Ctrl-C 中断时退出码为 130。", "")
    yield from ("## Commands 命令", "", "| command 命令 | | |", "|---|---|---|")
    for name in COMMANDS:
        both = (words.say(f"command-{name}") for words in (english, chinese))
        yield f"| [`guiwei {name}`](#guiwei-{name}) | {' | '.join(both)} |"
    yield from ("", *_ENVIRONMENT)
    for name in COMMANDS:
        yield from _command(import_module(f"guiwei.cli.{name}").command, f"guiwei {name}", 2)


#: One row a code, in the order in which they apply.
_EXIT_CODES = (
    "| 1 | a bug: a traceback | 程序缺陷：输出 traceback |",
    "| 2 | the input is wrong: usage, playbook, inventory, plan file, vault password "
    "| 输入有误：用法、剧本、清单、计划文件、保险库口令 |",
    "| 5 | some hosts failed, are unreachable, or their outcome is unknown | 有主机失败、无法连接或结果未知 |",
    "| 4 | refused by a gate: approval, stale plan, backup, identity, calendar, lock, a client in use "
    "| 被安全闸口拒绝：未批准、计划过期、备份、身份、征期、锁、客户端正在使用 |",
    "| 3 | `plan`, `verify`: something differs | `plan`、`verify`：存在差异 |",
    "| 0 | done, or nothing to change, or waiting for a person | 完成，或无需更改，或等待人工 |",
)
_ENVIRONMENT = (
    "## Environment 环境变量",
    "",
    "| variable 变量 | |",
    "|---|---|",
    "| `GUIWEI_INVENTORY` | inventories when no `-i` is given, separated as in `PATH` 未给 `-i` 时使用的清单 |",
    "| `GUIWEI_VAULT_PASSWORD_FILE` | as `--vault-password-file` 保险库口令文件 |",
    "| `GUIWEI_KNOWN_HOSTS` | trusted host keys; `~/.config/guiwei/known_hosts` by default 受信主机密钥文件 |",
    "| `GUIWEI_HOME` | where the history is kept 运行历史的存放目录 |",
    "| `GUIWEI_LANG` | `zh` or `en`; else the locale decides 语言，默认取自系统 |",
    "| `GUIWEI_OVERRIDE_CALENDAR` | as `--override-calendar` 同 --override-calendar |",
    "| `NO_COLOR` | no colours 不使用颜色 |",
)


def _command(command: click.Command, name: str, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("", f"{'#' * level} {name}", "", command.help or "", "", "```text", f"{name} {usage}".strip(), "```")
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield from ("", "| option 选项 | |", "|---|---|")
    for option in options:
        yield f"| {_names(option, context)} | {(option.help or '').replace('|', chr(92) + '|')}{_default(option)} |"
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            yield from _command(below, f"{name} {word}", level + 1)


def _names(option: click.Option, context: click.Context) -> str:
    value = "" if option.is_flag else " " + option.make_metavar(context).replace("|", "\\|")
    return "`" + ", ".join(option.opts) + value + "`"


def _default(option: click.Option) -> str:
    return f" (`{option.default}`)" if option.show_default and option.default is not None else ""


def main() -> None:
    """Write the files that are not as generated, and remove schemas that are no longer generated."""
    for name in stale():
        path = REPOSITORY / name
        text = generated().get(Path(name))
        if text is None:
            path.unlink()
            print(f"removed {name}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")


if __name__ == "__main__":
    main()
