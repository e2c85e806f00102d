"""`guiwei explain`: what a resource type is and what its fields mean."""

from __future__ import annotations

import click

from guiwei.cli._options import common_options
from guiwei.cli._output import Output
from guiwei.errors import InputError

__all__ = ["command"]


@click.command("explain")
@click.argument("module", required=False)
@common_options
def command(module: str | None, output: Output) -> int:
    """Explain a resource type and its fields; without a name, list all. 说明资源类型及其字段。"""
    from guiwei.language.schema import explain, module_names
    from guiwei.report.tables import explain_view, modules_table

    if module is None:
        docs = [explain(name, output.lang) for name in module_names()]
        output.show(modules_table(docs, output.words))
        output.document({"modules": docs})
        return 0
    if module not in module_names():
        raise InputError("module-unknown", module=module)
    doc = explain(module, output.lang)
    output.show(explain_view(doc, output.words))
    output.document(doc)
    return 0
