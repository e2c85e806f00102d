"""What `guiwei product` shows: the profiles there are, and how one fits a PC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from guiwei.report._changes import literal
from guiwei.report._text import clean, shorten
from guiwei.report.console import Line, blank, ink
from guiwei.report.tables import Column, small_table
from guiwei.report.words import Words

__all__ = ["conformance_view", "products_table"]

#: Characters of what was found that are shown; `--json` has it whole.
_WIDEST = 80


def products_table(products: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return the profiles.

    Args:
        products: mappings with `product`, `title` (en, zh), `verified` and `file`.
    """
    columns = [
        Column("column-product", "product", wrap=False),
        Column("column-title", "title"),
        Column("column-verified", "verified", wrap=False),
        Column("column-file", "file", style="gw.muted"),
    ]
    rows = [
        {
            **each,
            "title": words.label(each["title"], each["product"]),
            "verified": ink(words.say("product-verified"), "gw.good")
            if each["verified"]
            else ink(words.say("product-unverified"), "gw.warn"),
        }
        for each in products
    ]
    return small_table(columns, rows, words)


def conformance_view(found: Mapping[str, Mapping[str, Any]], words: Words) -> RenderableType:
    """Return one table an instance.

    Args:
        found: host → instance → findings of `engine.conformance`.
    """
    parts: list[RenderableType] = []
    columns = [
        Column("column-fits", wrap=False),
        Column("column-part", wrap=False, style="gw.muted"),
        Column("column-name"),
        Column("column-found"),
    ]
    for host, instances in found.items():
        for instance, findings in instances.items():
            if parts:
                parts.append(blank())
            parts.append(Line(ink(clean(host), "gw.head").append(f"  {clean(instance)}", style="gw.muted")))
            parts.append(small_table(columns, [_row(finding, words) for finding in findings], words))
            bad = sum(1 for finding in findings if finding.fits is False)
            told = words.count("conform-misfits", bad) if bad else words.say("conform-fits-all")
            parts.append(Line(ink(told, "gw.bad" if bad else "gw.good")))
            if any(finding.fits is None for finding in findings):
                parts.append(Line(ink(words.say("conform-untested"), "gw.run")))
    return Group(*parts)


def _row(finding: Any, words: Words) -> list[Text | str]:
    name = words.label(finding.label, finding.name)
    if finding.label and finding.part == "parameter":
        name = f"{name} ({finding.name})"
    mark = ink("·", "gw.run") if finding.fits is None else ink("✓", "gw.good") if finding.fits else ink("✗", "gw.bad")
    shown = Text("" if finding.found is None else clean(shorten(literal(finding.found, words), _WIDEST)))
    if finding.error is not None:
        shown.append(": " if shown else "").append(words.error(finding.error), style="gw.bad")
    return [mark, words.say(f"conform-part-{finding.part}"), clean(name), shown]
