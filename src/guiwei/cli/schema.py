"""`guiwei schema`: JSON Schemas for editors and for whoever reads `--json`."""

from __future__ import annotations

import sys

import click

from guiwei.cli._inputs import bundled
from guiwei.errors import InputError

__all__ = ["command"]


@click.command("schema")
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """Print a schema; without a name, list all. 输出 JSON Schema；不带名称则列出全部。"""
    names = sorted(path.stem for path in bundled("schemas").glob("*.json"))
    if name is None:
        click.echo("\n".join(names))
        return 0
    if name not in names:
        raise InputError("schema-unknown", name=name, known=", ".join(names))
    sys.stdout.write((bundled("schemas") / f"{name}.json").read_text(encoding="utf-8"))
    return 0
