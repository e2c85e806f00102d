"""Parameter types of invoicing clients: each value is checked and brought to the one form in which it is compared.

Facts: the unified social credit code (统一社会信用代码) is GB 32100-2015, its check digit computed by python-stdnum;
taxpayer ids from before it have 15, 17 or 20 characters. Invoice kind codes and the steps of the single-invoice limit
(10ⁿ − 0.01 yuan) are those that vendors' public integration notes use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from guiwei.errors import InputError, Place

__all__ = ["KINDS", "TYPES", "check_value", "kind_code", "limit_of"]

#: Kind code → names, and the internal number that Aisino's client keeps where one is publicly known.
KINDS: Mapping[str, Mapping[str, Any]] = {
    "004": {"zh": "增值税专用发票", "short": "专票", "en": "special VAT invoice", "internal": 0},
    "007": {"zh": "增值税普通发票", "short": "普票", "en": "ordinary VAT invoice", "internal": 2},
    "026": {"zh": "增值税电子普通发票", "short": "电子普票", "en": "electronic ordinary invoice", "internal": 51},
    "028": {"zh": "增值税电子专用发票", "short": "电子专票", "en": "electronic special invoice", "internal": 52},
    "025": {"zh": "增值税普通发票（卷票）", "short": "卷票", "en": "roll invoice", "internal": 41},
    "005": {"zh": "机动车销售统一发票", "short": "机动车", "en": "motor vehicle invoice", "internal": 12},
    "006": {"zh": "二手车销售统一发票", "short": "二手车", "en": "used vehicle invoice", "internal": 42},
}

#: Names of the limit's steps: the most that one invoice may amount to, in yuan, is 10ⁿ − 0.01.
_LIMIT_NAMES = {"百元版": 3, "千元版": 4, "万元版": 5, "十万元版": 6, "百万元版": 7, "千万元版": 8}


def limit_of(exponent: int) -> str:
    """Return the single-invoice limit of a step as decimal yuan.

    Args:
        exponent: n of 10ⁿ − 0.01, 3 to 8.
    """
    return str(Decimal(10) ** exponent - Decimal("0.01"))


def kind_code(text: Any) -> str | None:
    """Return the three-digit code of an invoice kind given by code or Chinese name, None if there is none."""
    wanted = str(text).strip()
    for code, names in KINDS.items():
        if wanted in (code, names["zh"], names["short"]):
            return code
    return None


def _taxpayer(value: Any) -> str:
    text = _digits_kept(value).strip().upper()
    if len(text) == 18:
        from stdnum.cn import uscc
        from stdnum.exceptions import InvalidChecksum, ValidationError

        try:
            uscc.validate(text)
        except InvalidChecksum:
            raise _Wrong("value-uscc-checksum", expected=text[:-1] + uscc.calc_check_digit(text[:-1])) from None
        except ValidationError:
            raise _Wrong("value-uscc") from None
        return text
    if len(text) in (15, 17, 20) and re.fullmatch(r"[0-9A-Z]+", text):
        return text
    raise _Wrong("value-uscc")


def _digits(count: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = _digits_kept(value).strip()
        if not re.fullmatch(rf"[0-9]{{{count}}}", text):
            raise _Wrong("value-digits", count=count)
        return text

    return check


def _digits_kept(value: Any) -> str:
    """A bare number in YAML has lost its leading zeros already: only text is trusted for numbers that are names."""
    if isinstance(value, (bool, int, float)):
        raise _Wrong("value-quote-digits", text=str(value))
    return str(value)


def _machine(value: Any) -> str:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,6}", text):
        raise _Wrong("value-machine")
    return str(int(text))


def _kinds(value: Any) -> str:
    items = re.split(r"[,，\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not items:
        raise _Wrong("value-kinds", known=", ".join(KINDS))
    codes = []
    for item in items:
        code = kind_code(item)
        if code is None:
            raise _Wrong("value-kind", kind=str(item), known=", ".join(KINDS))
        codes.append(code)
    return ",".join(sorted(set(codes)))


def _limit(value: Any) -> str:
    text = str(value).strip().replace(",", "").replace("，", "")
    if text in _LIMIT_NAMES:
        return limit_of(_LIMIT_NAMES[text])
    # Devices keep the step's exponent; no limit is as small as 8 yuan.
    if re.fullmatch("[3-8]", text):
        return limit_of(int(text))
    amount = _decimal(text)
    if amount is None:
        raise _Wrong("value-limit")
    steps = [Decimal(limit_of(exponent)) for exponent in range(3, 9)]
    if amount not in steps:
        raise _Wrong("value-limit-step", steps=", ".join(str(step) for step in steps))
    return str(amount.quantize(Decimal("0.01")))


def _amount(value: Any) -> str:
    amount = None if isinstance(value, bool) else _decimal(str(value).replace(",", ""))
    if amount is None or amount < 0:
        raise _Wrong("value-amount")
    try:
        # Nothing is less than zero, not even minus zero.
        return str(abs(amount.quantize(Decimal("0.01"))))
    except InvalidOperation:
        raise _Wrong("value-amount") from None


def _decimal(text: str) -> Decimal | None:
    """Return a finite decimal; None for what is none (`nan` and `inf` are numbers to Python, not to a ledger)."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _integer(value: Any) -> str:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,12}", text):
        raise _Wrong("value-integer")
    return str(int(text))


def _url(value: Any) -> str:
    text = str(value).strip()
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # An unclosed bracket, or a port that is none.
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise _Wrong("value-url")
    return text


def _date(value: Any) -> str:
    from datetime import date

    try:
        return date.fromisoformat(str(value).strip()).isoformat()
    except ValueError:
        raise _Wrong("value-date") from None


def _version(value: Any) -> str:
    if isinstance(value, (bool, float)):
        raise _Wrong("value-quote-version", text=str(value))
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]+(\.[0-9A-Za-z]+)*", text):
        raise _Wrong("value-version")
    return text


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)) or value is None or "\n" in str(value):
        raise _Wrong("value-text")
    return str(value)


class _Wrong(Exception):
    def __init__(self, code: str, **args: Any) -> None:
        super().__init__(code)
        self.code = code
        self.arguments = args


#: Type name → function that gives the value's one form or says what is wrong with it.
TYPES: Mapping[str, Callable[[Any], str]] = {
    "taxpayer": _taxpayer,
    "digits6": _digits(6),
    "digits12": _digits(12),
    "machine": _machine,
    "kinds": _kinds,
    "limit": _limit,
    "amount": _amount,
    "integer": _integer,
    "url": _url,
    "date": _date,
    "version": _version,
    "text": _text,
}


def check_value(type_name: str, value: Any, name: str, place: Place | None = None) -> str:
    """Return a parameter's value in its one form.

    Args:
        type_name: a key of `TYPES`.
        name: the parameter, for the message.
        place: where the value stands.

    Raises:
        InputError: the value is not of that type; the message says what is expected.
    """
    try:
        return TYPES[type_name](value)
    except _Wrong as wrong:
        raise InputError(wrong.code, place, parameter=name, value=str(value), **wrong.arguments) from None
