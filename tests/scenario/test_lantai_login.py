"""The certificate password (证书口令) of `--issue`: the client counts wrong ones, so guiwei gives a wrong one once."""

from __future__ import annotations

from typing import Any

import pytest
from lantai_support import Shop, codes, errors_in, open_shop
from scenario_bench import Bench
from scenario_cases import Run


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    shop = open_shop(bench, run, "3.1.0", running=True)
    shop.play({})
    return shop


def tries(shop: Shop) -> Any:
    return shop.do("status")["password_tries_left"]


def invoices(shop: Shop) -> int:
    """Verify, and return how many test invoices that issued; no upload server answers here, which is another matter."""
    code, document = shop.json("verify", "play.yml", "--issue")
    assert code == 3
    return len(document["hosts"][0]["instances"][0]["invoices"])


def test_a_wrong_password_is_given_once(shop: Shop) -> None:
    right = shop.vars["instances"][0]["certificate_password"]
    shop.vars["instances"][0]["certificate_password"] = "wrong-12345"
    before = shop.rows()
    assert shop.json("verify", "play.yml", "--issue")[0] == 5
    assert tries(shop) == 4
    # Neither another verification nor an apply gives it again.
    shop.play({"parameters": {"timeout": 77}})
    for words in (["verify", "play.yml", "--issue"], ["apply", "play.yml", "--yes", "--issue"]):
        code, document = shop.json(*words)
        assert (code, codes(errors_in(document))) == (5, ["secret-wrong-before"])
        assert tries(shop) == 4
    assert shop.rows() == before
    # Somebody logs in with the right one: the count starts anew, and the inventory's right one may be given.
    shop.vars["instances"][0]["certificate_password"] = right
    shop.log_in()
    assert tries(shop) == 5
    assert invoices(shop) == 1


def test_a_right_password_may_be_given_each_time(shop: Shop) -> None:
    for _ in range(2):
        assert invoices(shop) == 1
        assert tries(shop) == 5
