"""Parameter types: every spelling of a value has one form, and anything else is wrong input, never a bug."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum.cn import uscc

from guiwei.errors import InputError, Place
from guiwei.invoicing.parameters import KINDS, TYPES, check_value, kind_code, limit_of

PLACE = Place("play.yml", 7, 12)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
DIGITS = "0123456789"


def wrong(type_name: str, value: Any) -> InputError:
    with pytest.raises(InputError) as refused:
        check_value(type_name, value, "some.parameter", PLACE)
    assert refused.value.place == PLACE
    assert refused.value.arguments["parameter"] == "some.parameter"
    return refused.value


# Taxpayer ids


@st.composite
def taxpayers(draw: st.DrawFn) -> str:
    """A unified social credit code of a region that does not exist, its check digit by python-stdnum."""
    first = "9199" + draw(st.text(DIGITS, min_size=4, max_size=4)) + draw(st.text(ALPHABET, min_size=9, max_size=9))
    return first + uscc.calc_check_digit(first)


@given(taxpayers())
def test_a_taxpayer_id_has_one_form(code: str) -> None:
    assert check_value("taxpayer", code, "id") == code
    assert check_value("taxpayer", f" {code.lower()}\n", "id") == code


@given(taxpayers(), st.data())
def test_one_wrong_character_of_a_taxpayer_id_is_found(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, 17))
    other = data.draw(st.sampled_from((DIGITS if place < 8 else ALPHABET).replace(code[place], "")))
    typo = code[:place] + other + code[place + 1 :]
    error = wrong("taxpayer", typo)
    assert error.code == "value-uscc-checksum"
    assert check_value("taxpayer", error.arguments["expected"], "id") == error.arguments["expected"]


@given(taxpayers(), st.data())
def test_two_neighbours_changed_over_are_found(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(8, 15))
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped != code:
        assert wrong("taxpayer", swapped).code == "value-uscc-checksum"


@given(st.text(ALPHABET, max_size=24).filter(lambda text: len(text) != 18))
def test_older_taxpayer_ids_have_15_17_or_20_characters(text: str) -> None:
    if len(text) in (15, 17, 20):
        assert check_value("taxpayer", text, "id") == text
    else:
        assert wrong("taxpayer", text).code == "value-uscc"


@pytest.mark.parametrize("type_name", ["taxpayer", "digits6", "digits12"])
@given(value=st.integers() | st.floats() | st.booleans())
def test_a_number_without_quotes_may_have_lost_zeros(type_name: str, value: Any) -> None:
    assert wrong(type_name, value).code == "value-quote-digits"


@given(st.text(DIGITS, max_size=14))
def test_names_made_of_digits_keep_every_zero(text: str) -> None:
    for type_name, count in (("digits6", 6), ("digits12", 12)):
        if len(text) == count:
            assert check_value(type_name, text, "number") == text
        else:
            assert wrong(type_name, text).arguments["count"] == count


# Kinds and limits


@given(st.lists(st.sampled_from(sorted(KINDS)), min_size=1), st.data())
def test_kinds_have_one_form(codes: list[str], data: st.DataObject) -> None:
    spelled = [data.draw(st.sampled_from([code, KINDS[code]["zh"], KINDS[code]["short"]])) for code in codes]
    expected = ",".join(sorted(set(codes)))
    assert check_value("kinds", spelled, "kinds") == expected
    assert check_value("kinds", data.draw(st.sampled_from([",", "，", " ", ", "])).join(spelled), "kinds") == expected


@given(st.text())
def test_no_other_kind_is_guessed(text: str) -> None:
    known = {name for code, names in KINDS.items() for name in (code, names["zh"], names["short"])}
    if text.strip() not in known:
        assert kind_code(text) is None
        assert wrong("kinds", [text]).code == "value-kind"


@pytest.mark.parametrize(
    ("exponent", "name", "yuan"),
    [
        (3, "百元版", "999.99"),
        (4, "千元版", "9999.99"),
        (5, "万元版", "99999.99"),
        (6, "十万元版", "999999.99"),
        (7, "百万元版", "9999999.99"),
        (8, "千万元版", "99999999.99"),
    ],
)
def test_a_limit_has_one_form(exponent: int, name: str, yuan: str) -> None:
    assert limit_of(exponent) == yuan
    grouped = f"{Decimal(yuan):,}"
    for spelling in (
        exponent,
        str(exponent),
        name,
        yuan,
        yuan + "0",
        grouped,
        grouped.replace(",", "，"),
        Decimal(yuan),
    ):
        assert check_value("limit", spelling, "limit") == yuan


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(0, 10**9, places=2))
def test_no_other_amount_is_a_limit(amount: Decimal) -> None:
    if amount not in [Decimal(limit_of(exponent)) for exponent in range(3, 9)] and str(amount) not in "345678":
        assert wrong("limit", str(amount)).code == "value-limit-step"


@given(st.decimals(0, 10**12, places=2))
def test_an_amount_has_two_places(amount: Decimal) -> None:
    amount = abs(amount)
    assert check_value("amount", str(amount), "amount") == str(amount)
    assert check_value("amount", f"{amount:,}", "amount") == str(amount)
    if amount:
        assert wrong("amount", str(-amount)).code == "value-amount"


# All of them


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
LIKELY = st.from_regex(r"\A[0-9a-zA-Z:/.,\[\]+% -]{0,30}\Z") | st.sampled_from(
    ["NaN", "sNaN", "-Infinity", "1e400", "1e30", "http://[", "http://[::1]:80/a", "http://a:b/", "http://a:99999/",
     "2026-02-30", "2026-11-24", "20261124", "3", "３", "1_000", "0x10", "", " ", "-0", "http://x\x00y/"]
)  # fmt: skip


@pytest.mark.parametrize("type_name", sorted(TYPES))
@example(value="sNaN")
@example(value="1e30")
@example(value="1e999999999")
@example(value="http://[")
@example(value="http://a:99999/")
@given(value=ANYTHING | LIKELY)
def test_a_value_has_one_form_or_is_wrong_input(type_name: str, value: Any) -> None:
    try:
        form = check_value(type_name, value, "some.parameter", PLACE)
    except InputError as error:
        form, place = None, error.place
    else:
        place = PLACE
    assert place == PLACE
    assert form is None or (isinstance(form, str) and check_value(type_name, form, "some.parameter") == form)


@pytest.mark.parametrize("text", ["http://[", "http://a:99999/", "http://a:b/", "ftp://a/", "http:///x", "http://a b/"])
def test_an_address_that_no_program_could_open_is_wrong(text: str) -> None:
    assert wrong("url", text).code == "value-url"


@pytest.mark.parametrize("text", ["http://127.0.0.1:8080/upload", "https://[::1]:443/", "https://上传.example/a?b=c"])
def test_an_address_stays_as_it_is(text: str) -> None:
    assert check_value("url", text, "address") == text


@pytest.mark.parametrize(("value", "code"), [(3.1, "value-quote-version"), (True, "value-quote-version"),
                                             ("v3", "value-version"), ("3.1-rc", "value-version")])  # fmt: skip
def test_a_version_is_a_quoted_text(value: Any, code: str) -> None:
    assert wrong("version", value).code == code
