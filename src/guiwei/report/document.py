"""A document to read and to print: one value, written as Markdown or as one self-contained HTML page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from guiwei.report._text import clean
from guiwei.report.words import Words

__all__ = ["Block", "Document", "Grid", "Heading", "Items", "Para", "StepBlock", "to_html", "to_markdown"]

_TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Heading:
    """A heading below the title: level 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Para:
    """A paragraph; `tone` is empty, `muted`, `warn`, `bad` or `good`."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Items:
    """A list; with `check`, boxes that a person ticks."""

    items: tuple[str, ...]
    check: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; an empty cell is a blank to be filled in by hand."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class StepBlock:
    """One step of a procedure.

    Attributes:
        about: how long it takes and who may do it.
        do: what to do, in order.
        see: what the screen shows then; empty if nobody has said.
        fails: what to do if that is not so.
    """

    number: int
    title: str
    about: str = ""
    do: tuple[str, ...] = ()
    grid: Grid | None = None
    see: str = ""
    fails: str = ""


Block = Heading | Para | Items | Grid | StepBlock


@dataclass(frozen=True)
class Document:
    """Title, a line below it, and the blocks."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


def to_markdown(document: Document, words: Words) -> str:
    """Return the document as Markdown; what values hold is never taken for markup."""
    lines = [f"# {_md(document.title)}", ""]
    if document.subtitle:
        lines += [_md(document.subtitle), ""]
    for block in document.blocks:
        lines += [*_block(block, words), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def to_html(document: Document, words: Words) -> str:
    """Return the document as one HTML page without scripts and without anything from elsewhere."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["spans"] = _spans
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(document=document, words=words, lang="zh-CN" if words.lang == "zh" else "en") + "\n"


def _block(block: Block, words: Words) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"{'#' * block.level} {_md(block.text)}"
    elif isinstance(block, Para):
        yield f"> {_md(block.text)}" if block.tone in ("warn", "bad") else _md(block.text)
    elif isinstance(block, Items):
        yield from (f"- [ ] {_md(item)}" if block.check else f"- {_md(item)}" for item in block.items)
    elif isinstance(block, Grid):
        yield from _grid(block)
    else:
        yield from _step(block, words)


def _grid(grid: Grid) -> Iterator[str]:
    yield "| " + " | ".join(map(_md, grid.columns)) + " |"
    yield "|" + "---|" * len(grid.columns)
    for row in grid.rows:
        yield "| " + " | ".join(_md(cell) if cell else "        " for cell in row) + " |"


def _step(step: StepBlock, words: Words) -> Iterator[str]:
    yield f"### {step.number}. {_md(step.title)}"
    if step.about:
        yield ""
        yield _md(step.about)
    if step.do:
        yield ""
        yield from (f"- [ ] {_md(line)}" for line in step.do)
    if step.grid:
        yield ""
        yield from _grid(step.grid)
    for code, text in (("runbook-see", step.see), ("runbook-fails", step.fails)):
        if text:
            yield ""
            yield f"**{words.say(code)}** {_md(text)}"


def _spans(text: str) -> Sequence[tuple[bool, str]]:
    """Return a text in pieces, each with whether it stood between backticks."""
    pieces = clean(text).split("`")
    if len(pieces) % 2 == 0:
        return [(False, clean(text))]
    return [(number % 2 == 1, piece) for number, piece in enumerate(pieces) if piece]


def _md(text: str) -> str:
    told = "".join(f"`{piece}`" if code else _escaped(piece) for code, piece in _spans(text))
    return told.replace("|", "\\|")


def _escaped(text: str) -> str:
    # Line starts that would make a list, a heading or a quote of it, and marks inside.
    text = re.sub(r"([\\*_\[\]<>#~`])", r"\\\1", text.replace("\n", " "))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", re.sub(r"^([-+=])", r"\\\1", text))
