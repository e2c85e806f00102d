"""Options that several commands share, and the values that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from guiwei.cli._output import Output, make_output
from guiwei.errors import InputError

__all__ = [
    "Common",
    "Selection",
    "at_option",
    "common_options",
    "connection_options",
    "override_option",
    "parse_at",
    "parse_extra",
    "selection_options",
]

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Common:
    """How results are shown."""

    output: Output


@dataclass(frozen=True)
class Selection:
    """Which inventory, hosts, tags and variables, and where vault passwords come from."""

    inventories: tuple[Path, ...]
    limit: str | None
    tags: tuple[str, ...]
    skip_tags: tuple[str, ...]
    extra: tuple[str, ...]
    vault_password_files: tuple[str, ...]
    vault_ids: tuple[str, ...]
    ask_vault_pass: bool = False


def common_options(function: Function) -> Function:
    """Add `--json` and `--lang`; the command gets `output`."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output. 输出 JSON。")
    @click.option("--lang", type=click.Choice(["zh", "en"]), help="Language. 语言（默认取自系统）。")
    @wraps(function)
    def wrapped(*args: Any, as_json: bool, lang: str | None, **options: Any) -> Any:
        return function(*args, output=make_output(lang, as_json), **options)

    return wrapped  # type: ignore[return-value]


def selection_options(function: Function) -> Function:
    """Add `-i -l -t --skip-tags -e` and the vault options; the command gets `selection`."""

    @click.option(
        "-i",
        "--inventory",
        "inventories",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Inventory file or folder; may be given again. 清单文件或目录。",
    )
    @click.option("-l", "--limit", help="Only hosts of this pattern. 仅限匹配的主机。")
    @click.option("-t", "--tags", multiple=True, help="Only tasks with these tags. 仅执行带这些标签的任务。")
    @click.option("--skip-tags", multiple=True, help="Not tasks with these tags. 跳过带这些标签的任务。")
    @click.option("-e", "--extra-vars", "extra", multiple=True, help="k=v, JSON, or @file. 额外变量。")
    @click.option(
        "--vault-password-file",
        "vault_password_files",
        multiple=True,
        envvar="GUIWEI_VAULT_PASSWORD_FILE",
        help="File or script with the vault password. 保险库口令文件。",
    )
    @click.option("--vault-id", "vault_ids", multiple=True, help="label@source. 保险库标识。")
    @click.option("-J", "--ask-vault-pass", is_flag=True, help="Ask for the vault password. 询问保险库口令。")
    @wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        names = Selection.__dataclass_fields__
        chosen = {name: options.pop(name) for name in names}
        for name in ("tags", "skip_tags"):
            chosen[name] = tuple(tag.strip() for text in chosen[name] for tag in text.split(",") if tag.strip())
        return function(*args, selection=Selection(**chosen), **options)

    return wrapped  # type: ignore[return-value]


def at_option(function: Function) -> Function:
    """Add `--at`; the command gets `at`: an aware instant, or None for now."""

    @click.option(
        "--at",
        "at_text",
        metavar="INSTANT",
        help="As it must be then: 2027-01-01 or 2027-01-01T08:00, Asia/Shanghai. 按该时刻的要求（北京时间）。",
    )
    @wraps(function)
    def wrapped(*args: Any, at_text: str | None, **options: Any) -> Any:
        return function(*args, at=parse_at(at_text), **options)

    return wrapped  # type: ignore[return-value]


def override_option(function: Function) -> Function:
    """Add `--override-calendar`; the command gets `override`: a reason, or None."""
    return click.option(
        "--override-calendar",
        "override",
        metavar="REASON",
        envvar="GUIWEI_OVERRIDE_CALENDAR",
        help="Why risky steps are done shortly before a filing deadline; recorded. 征期截止前仍执行的原因，会被记录。",
    )(function)


def parse_at(text: str | None) -> datetime | None:
    """Return the instant of `--at`, None if it was not given.

    Raises:
        InputError: it is none (`instant`).
    """
    if text is None:
        return None
    from guiwei.invoicing.policies import read_instant

    try:
        return read_instant(text)
    except ValueError as error:
        raise InputError("instant", text=text) from error


def connection_options(function: Function) -> Function:
    """Add `--forks`, `--timeout` and `--host-timeout`; the command gets `forks` and `settings`."""

    @click.option(
        "-f",
        "--forks",
        type=click.IntRange(1, 1000),
        default=32,
        show_default=True,
        help="Hosts at one time. 并发主机数。",
    )
    @click.option(
        "-T",
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=10.0,
        show_default=True,
        help="Seconds to connect. 连接期限（秒）。",
    )
    @click.option(
        "--step-timeout",
        type=click.FloatRange(min=1),
        default=900.0,
        show_default=True,
        help="Seconds for one step. 单步期限（秒）。",
    )
    @click.option(
        "--host-timeout", type=click.FloatRange(min=1), help="Seconds for one host in all. 单台主机总期限（秒）。"
    )
    @wraps(function)
    def wrapped(
        *args: Any, forks: int, timeout: float, step_timeout: float, host_timeout: float | None, **options: Any
    ) -> Any:
        from guiwei.transport.settings import Settings

        settings = Settings(connect_timeout=timeout, step_timeout=step_timeout, host_deadline=host_timeout)
        return function(*args, forks=forks, settings=settings, **options)

    return wrapped  # type: ignore[return-value]


def parse_extra(texts: tuple[str, ...]) -> Mapping[str, Any]:
    """Return extra variables: `k=v` words (values are texts), a JSON or YAML mapping, or `@file`.

    Raises:
        InputError: a text is none of these (`extra-vars`).
    """
    import shlex

    from guiwei.language.source import load, loads

    found: dict[str, Any] = {}
    for text in texts:
        if text.startswith("@"):
            value = load(Path(text[1:])).data
        elif text.lstrip().startswith("{"):
            value = loads(text, "-e").data
        else:
            try:
                words = [word.partition("=") for word in shlex.split(text)]
            except ValueError as error:
                raise InputError("extra-vars", text=text) from error
            if not words or any(not equals or not name for name, equals, _ in words):
                raise InputError("extra-vars", text=text)
            value = {name: item for name, _, item in words}
        if not isinstance(value, Mapping):
            raise InputError("extra-vars", text=text)
        found.update(value)
    return found
