"""`guiwei facts`: what the PCs say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from guiwei.cli._each_host import ask_hosts, bare_works
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._running import Runner
from guiwei.engine.host import status_of
from guiwei.engine.work import Work, observation_request
from guiwei.errors import GuiweiError
from guiwei.invoicing.devices import tax_devices
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("facts")
@selection_options
@connection_options
@common_options
def command(selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """Show what the PCs say of themselves; nothing is changed. 显示各 PC 的基本信息。"""
    asked = ask_hosts(bare_works(selection), _request, Runner(output, settings, forks))
    answers = {host: answer for host, (answer, _) in asked.items()}
    facts = {host: _told(answer["facts"]) for host, answer in answers.items() if not isinstance(answer, GuiweiError)}
    errors = {host: answer for host, (answer, _) in asked.items() if isinstance(answer, GuiweiError)}
    from guiwei.report.problem import render_error
    from guiwei.report.tables import facts_view

    output.show(facts_view(facts, output.words))
    for host, error in errors.items():
        output.side.print(f"{host}: ", render_error(error, output.words), sep="")
    output.document({"facts": facts, "errors": errors})
    return exit_code(tuple(status_of(error) for error in errors.values()))


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts with the tax devices that are on the USB bus, told apart by id and strings."""
    devices = [
        " ".join(filter(None, (each.kind, each.id, each.manufacturer, each.product, each.serial)))
        for each in tax_devices(facts.get("usb") or ())
    ]
    return {**facts, "tax_devices": devices}


def _request(work: Work) -> dict[str, object]:
    return observation_request(work)
