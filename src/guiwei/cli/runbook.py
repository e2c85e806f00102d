"""`guiwei runbook`: the same procedure for a person, to read and to print: the emergency plan."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from guiwei.cli._contacts import contact_of
from guiwei.cli._inputs import Inputs
from guiwei.cli._instances import instances_of, product_of
from guiwei.cli._options import Selection, common_options, selection_options
from guiwei.cli._output import Output, write_text
from guiwei.cli._policies import play_at
from guiwei.cli._project import Project
from guiwei.engine.work import InstanceWork
from guiwei.errors import GuiweiError
from guiwei.invoicing.diagnosis import CAUSES
from guiwei.invoicing.versions import VersionGraph
from guiwei.language.template import TooEarly
from guiwei.model.inventory import Host
from guiwei.model.playbook import Play
from guiwei.model.product import Product
from guiwei.report.runbook import Procedure, Site, runbook

__all__ = ["command"]

_FORMATS = ("md", "html")


@click.command("runbook")
@click.argument("playbook", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Markdown or HTML. 格式（缺省按文件名，否则 md）。")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write it here. 输出到文件。")
@selection_options
@common_options
def command(playbook: Path, form: str | None, out: Path | None, selection: Selection, output: Output) -> int:
    """Print a playbook as a procedure for a person; with -i for the hosts that it is for. 打印人工操作手册。

    No host is touched, and no secret is printed.
    """
    project = Project(selection, playbook)
    document = runbook(tuple(_procedure(project, play) for play in project.playbook.plays), output.words)
    from guiwei.report.document import to_html, to_markdown

    written = to_html if (form or _form_of(out)) == "html" else to_markdown
    text = written(document, output.words)
    if out is not None:
        write_text(out, text)
        output.say("report-written", file=str(out))
    elif not output.as_json:
        sys.stdout.write(text)
    output.document({"title": document.title, "text": text})
    return 0


def _form_of(out: Path | None) -> str:
    return "html" if out is not None and out.suffix.lower() in (".html", ".htm") else "md"


def _procedure(project: Project, play: Play) -> Procedure:
    inventory = project.selection.inventories
    inputs = Inputs(project.extra, project.groups if inventory else {}, project.selection.tags, ())
    product = product_of(play, inputs)
    sites: list[Site] = []
    works: list[InstanceWork] = []
    for host in project.hosts_of(play) if inventory else ():
        host = project.settled(host)
        now = play_at(play, host, project.inventory, inputs, project.instant)
        own = instances_of(host, now, inputs)
        works += own
        sites += [_site(host, each) for each in own] or [Site(host.name, contact=contact_of(host))]
    return Procedure(
        play=play,
        product=product,
        sites=tuple(sites),
        edges=_edges(product, play),
        cures=_cures(product),
        texts={} if product is None else dict(_texts(product, works[0].values if len(works) == 1 else {})),
    )


def _site(host: Host, instance: InstanceWork) -> Site:
    wanted = {}
    for path, leaf in instance.wanted.items():
        try:
            wanted[path] = leaf.rendered({"facts": {}, "instance": instance.values, "observed": {}})
        except (GuiweiError, TooEarly):
            # Only the PC can tell: the procedure shows what is written.
            wanted[path] = leaf.value
    return Site(host.name, instance.values, contact_of(host), wanted)


def _edges(product: Product | None, play: Play) -> tuple[tuple[str, str, bool], ...]:
    """Every edge on a way to the wanted version, in an order in which they can be gone."""
    want = (
        (play.state.get("software") or {}).get("version") if isinstance(play.state.get("software"), Mapping) else None
    )
    if product is None or product.software is None or want is None or not product.software.versions:
        return ()
    graph = VersionGraph.from_profile(product.software.versions)
    ways = []
    for version in product.software.versions:
        try:
            ways.append(graph.route(version, str(want)))
        except GuiweiError:
            # From there no way leads to it, or it is a template that only an inventory fills in.
            continue
    found: dict[tuple[str, str], tuple[str, str, bool]] = {}
    for way in sorted(ways, key=len, reverse=True):
        for edge in way:
            found.setdefault((edge.source, edge.target), (edge.source, edge.target, edge.reactivate))
    return tuple(found.values())


def _cures(product: Product | None) -> dict[str, tuple[str, ...]]:
    """The causes that the product's profile can tell, and those that every client has."""
    if product is None or product.recovery is None:
        return {}
    return {name: cause.rungs for name, cause in CAUSES.items() if name != "unknown"}


def _texts(product: Product, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What references in the profile's texts stand for; what only the PC or an inventory knows keeps its name."""
    known = {"facts.prefix": "", "facts.root": "/"}
    known.update({f"instance.{name}": str(item) for name, item in values.items()})
    if not values:
        known["instance.id"] = _filled(product.instance_id, known)
    for definition in product.definitions:
        if definition.text is not None:
            known[definition.name] = _filled(definition.text, known)
    yield from known.items()


def _filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\{\{ ([a-z_.]+) \}\}", lambda match: known.get(match[1], match[0]), text)
