"""What an invoice is, independent of how a version stores it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Sequence

from . import errors
from .money import decimal_of, rounded_fen

__all__ = [
    "INTERNAL",
    "KINDS",
    "NUMBER_BASE",
    "Header",
    "Invoice",
    "Line",
    "compute_line",
    "parse_line",
    "reversal",
]

# The public three-digit codes, and the numbers that 2.x keeps inside, after 航信's (public integrations name both).
KINDS = {
    "004": "专票",
    "007": "普票",
    "026": "电子普票",
    "028": "电子专票",
    "025": "卷票",
    "005": "机动车",
    "006": "二手车",
}
INTERNAL = {"004": 0, "007": 2, "026": 51, "028": 52, "025": 41, "005": 12, "006": 42}
# Each kind has its own run of 8-digit numbers, so that a number alone says which invoice is meant.
NUMBER_BASE = {
    "004": 10000001,
    "007": 20000001,
    "026": 30000001,
    "028": 40000001,
    "025": 50000001,
    "005": 60000001,
    "006": 70000001,
}


class Line(NamedTuple):
    """One line: quantity, price and rate as texts, amounts in fen without and of tax."""

    name: str
    qty: str
    price: str
    rate: str
    amount_fen: int
    tax_fen: int


class Invoice(NamedTuple):
    """One invoice; ``kind`` is the three-digit code, ``issued`` local time ``YYYY-MM-DD HH:MM:SS``."""

    number: str
    kind: str
    issued: str
    buyer: str
    buyer_tax: str
    lines: tuple[Line, ...]
    status: str
    uploaded: bool
    red_of: str | None
    remark: str

    @property
    def amount_fen(self) -> int:
        """The sum without tax."""
        return sum(line.amount_fen for line in self.lines)

    @property
    def tax_fen(self) -> int:
        """The sum of tax."""
        return sum(line.tax_fen for line in self.lines)


class Header(NamedTuple):
    """What the summary needs of one invoice."""

    number: str
    kind: str
    issued: str
    amount_fen: int
    tax_fen: int
    status: str
    uploaded: bool


def compute_line(name: str, qty: str, price: str, rate: str) -> Line:
    """Return a line with its amounts; ``rate`` is ``0.13`` or ``13%``.

    :raises Refusal: USAGE for an empty name, a quantity or price that is not positive, a rate outside 0…1.
    """
    quantity, unit = decimal_of(qty, "数量"), decimal_of(price, "单价")
    share = decimal_of(rate[:-1], "税率") / 100 if rate.endswith("%") else decimal_of(rate, "税率")
    if not name or quantity <= 0 or unit <= 0 or not 0 <= share < 1:
        raise errors.Refusal(errors.USAGE, "商品行不正确：{0}:{1}:{2}:{3}".format(name, qty, price, rate))
    amount = rounded_fen(quantity * unit)
    tax = rounded_fen(Decimal(amount) / 100 * share)
    return Line(name, _plain(quantity), _plain(unit), _plain(share), amount, tax)


def parse_line(text: str) -> Line:
    """Return the line that ``名称:数量:单价:税率`` says (a name may hold colons).

    :raises Refusal: USAGE when the text has another form.
    """
    parts = text.rsplit(":", 3)
    if len(parts) != 4:
        raise errors.Refusal(errors.USAGE, "商品行格式应为 名称:数量:单价:税率，收到 {0}".format(text))
    return compute_line(parts[0], parts[1], parts[2], parts[3])


def reversal(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines of the red invoice (红冲) that takes these back."""
    return tuple(
        line._replace(qty="-" + line.qty, amount_fen=-line.amount_fen, tax_fen=-line.tax_fen) for line in lines
    )


def _plain(value: Decimal) -> str:
    return format(value, "f")
