"""What a client writes for a value reads back as the value, whatever form it chose."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.invoicing.parameters import KINDS, check_value
from guiwei.invoicing.stored import from_stored, to_stored

NUMBERS = {code: names["internal"] for code, names in KINDS.items()}
LETTERS = dict(zip(KINDS, "ABCDEFG", strict=True))
KINDS_STORED: list[dict[str, Any]] = [
    {"as": "list"},
    {"as": "list", "map": NUMBERS},
    {"join": ";"},
    {"map": NUMBERS},
    {"map": NUMBERS, "join": "|"},
    {"map": LETTERS, "join": "+"},
]


@given(st.sets(st.sampled_from(sorted(KINDS)), min_size=1), st.sampled_from(KINDS_STORED))
def test_kinds(codes: set[str], stored: dict[str, Any]) -> None:
    value = ",".join(sorted(codes))
    assert check_value("kinds", from_stored(to_stored(value, stored), stored), "kinds") == value


@given(
    st.decimals(0, 10**9, places=2, allow_nan=False),
    st.sampled_from([{"scale": 100}, {"as": "number"}, {"as": "number", "scale": 100}, {"scale": 1}]),
)
def test_amounts(amount: Decimal, stored: dict[str, Any]) -> None:
    value = check_value("amount", str(amount), "amount")
    kept = to_stored(value, stored)
    assert check_value("amount", from_stored(kept, stored), "amount") == value
    if stored.get("scale") == 100:
        assert Decimal(str(kept)) == amount * 100


@given(st.integers(0, 10**12 - 1), st.sampled_from([None, {"as": "number"}, {"as": "text"}]))
def test_integers(number: int, stored: dict[str, Any] | None) -> None:
    value = check_value("integer", number, "integer")
    kept = to_stored(value, stored)
    assert type(kept) is (int if stored == {"as": "number"} else str)
    assert check_value("integer", from_stored(kept, stored), "integer") == value


@given(st.integers(3, 8), st.sampled_from([None, {"scale": 100}, {"as": "number"}, {"as": "number", "scale": 100}]))
def test_limits(exponent: int, stored: dict[str, Any] | None) -> None:
    value = check_value("limit", exponent, "limit")
    assert check_value("limit", from_stored(to_stored(value, stored), stored), "limit") == value


def test_switches() -> None:
    stored = {"as": "boolean", "map": {"开": True, "关": False}}
    assert [to_stored(value, stored) for value in ("开", "关")] == [True, False]
    assert [from_stored(kept, stored) for kept in (True, False, "true", None)] == ["开", "关", "开", None]


@pytest.mark.parametrize("found", ["", "无", "1;2", [], [None], {"a": 1}])
def test_what_cannot_be_understood_compares_as_different(found: Any) -> None:
    for stored in ({"scale": 100}, {"map": NUMBERS, "join": ";"}, {"as": "list"}):
        assert from_stored(found, stored) != "004"
