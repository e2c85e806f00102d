"""Exact money: integer fen inside, yuan with two decimals outside."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from . import errors

__all__ = ["decimal_of", "fen_of", "rounded_fen", "yuan"]


def decimal_of(text: str, what: str) -> Decimal:
    """Return the number that a text says.

    :raises Refusal: USAGE when it is not a finite decimal number.
    """
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise errors.Refusal(errors.USAGE, "{0}不是数字：{1}".format(what, text)) from error
    if not value.is_finite():
        raise errors.Refusal(errors.USAGE, "{0}不是数字：{1}".format(what, text))
    return value


def fen_of(yuan_text: str) -> int:
    """Return the fen of an amount in yuan that has no part of a fen.

    :raises ValueError: when the amount is finer than a fen, or no number.
    """
    try:
        value = Decimal(yuan_text) * 100
    except InvalidOperation as error:
        raise ValueError("not an amount: {0!r}".format(yuan_text)) from error
    if value != value.to_integral_value():
        raise ValueError("finer than a fen: {0!r}".format(yuan_text))
    return int(value)


def rounded_fen(value: Decimal) -> int:
    """Return the fen of an amount in yuan, halves away from zero as on an invoice."""
    return int((value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def yuan(fen: int) -> str:
    """Return an amount in fen as yuan with two decimals."""
    sign = "-" if fen < 0 else ""
    return "{0}{1}.{2:02d}".format(sign, abs(fen) // 100, abs(fen) % 100)
