"""A terminal's picture as SVG, with Chinese characters as wide as they are.

rich has such an export, which takes every character for one column wide and squeezes Chinese text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from html import escape
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style

from guiwei.report.console import THEME

__all__ = ["svg"]

_COLUMN, _ROW, _MARGIN, _TOP = 8.4, 19.0, 18.0, 40.0
_FONTS = (
    "ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, 'Fira Code', "
    "'Noto Sans Mono CJK SC', 'Microsoft YaHei', 'PingFang SC', monospace"
)
#: A Chinese character is one em wide, and two columns are a little more than the em of the others.
_WIDE = ' font-size="16"'
#: (ground, text, frame)
_GROUNDS = {"dark": ("#1f2227", "#d6dae0", "#32363d"), "light": ("#ffffff", "#24292f", "#d8dee4")}


def svg(renderable: RenderableType, *, title: str, width: int = 100, ground: str = "dark") -> str:
    """Return a picture of what a terminal would show.

    Args:
        title: stands in the window's frame.
        width: columns.
        ground: `dark` or `light`.
    """
    console = Console(
        file=io.StringIO(),
        width=width,
        theme=THEME,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    lines = console.render_lines(renderable, console.options, pad=False)
    back, fore, frame = _GROUNDS[ground]
    wide = width * _COLUMN + 2 * _MARGIN
    high = len(lines) * _ROW + _TOP + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect x="0.5" y="0.5" width="{wide - 1:.0f}" height="{high - 1:.0f}" rx="8" fill="{back}" stroke="{frame}"/>',
    ]
    parts += [f'<circle cx="{x}" cy="18" r="5" fill="{frame}"/>' for x in (20, 38, 56)]
    parts.append(
        f'<g font-family="{_FONTS}" font-size="14" fill="{fore}" xml:space="preserve">'
        f'<text x="{wide / 2:.0f}" y="23" text-anchor="middle" font-size="13" fill="#7d8590">{escape(title)}</text>'
    )
    for number, line in enumerate(lines):
        parts += _line(line, _TOP + (number + 1) * _ROW - 5)
    parts.append("</g></svg>\n")
    return "\n".join(parts)


def _line(segments: list[Segment], y: float) -> Iterator[str]:
    column = 0
    for segment in segments:
        for text in _runs(segment.text):
            cells = cell_len(text)
            if text.strip():
                yield (
                    f'<text x="{_MARGIN + column * _COLUMN:.1f}" y="{y:.1f}" textLength="{cells * _COLUMN:.1f}"'
                    f"{_marks(segment.style)}{_WIDE if cells > len(text) else ''}>{escape(text)}</text>"
                )
            column += cells


def _runs(text: str) -> Iterator[str]:
    """Cut text where wide and narrow characters, or words and long gaps, meet: each piece keeps its own columns."""
    for _, piece in groupby(text, key=lambda character: (cell_len(character) == 2, character == " ")):
        yield "".join(piece)


def _marks(style: Style | None) -> str:
    if style is None:
        return ""
    marks = ' font-weight="bold"' if style.bold else ""
    if style.color is not None and style.color.triplet is not None:
        marks += f' fill="{style.color.triplet.hex}"'
    return marks
