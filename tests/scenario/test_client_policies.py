"""Policies of a client: what the device decides, versions, and leaves that two policies reach by different ways."""

from __future__ import annotations

import pytest
from lantai_support import codes, errors_in, open_shop, steps_of
from scenario_bench import Bench
from scenario_cases import Run


def test_the_parameters_of_a_client_follow_on_the_day(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "3.1.0")
    policies = [
        {"name": "new server", "effective_from": "2027-01-01",
         "state": {"parameters": {"upload_address": "https://new.example.cn:7008"}}},
        {"name": "electronic only", "effective_from": "2027-02-01", "state": {"parameters": {"kinds": ["026", "028"]}}},
    ]  # fmt: skip
    shop.play({"parameters": {"upload_address": "https://old.example.cn:7008", "kinds": ["004", "007", "026", "028"]}},
              policies=policies)  # fmt: skip
    (change, *_) = [each for step in steps_of(shop.plan()) for each in step["changes"]]
    assert (change["after"], change["origin"]) == ("https://old.example.cn:7008", "playbook")
    ahead = shop.plan("--at", "2027-01-01")
    (change, *_) = [each for step in steps_of(ahead) for each in step["changes"]]
    assert (change["after"], change["origin"], change["policy"]) == (
        "https://new.example.cn:7008", "policy", "new server"
    )  # fmt: skip
    # The device must have been changed by then: the plan names both sides, and where the policy says so.
    later = shop.plan("--at", "2027-02-01", code=4)
    (mismatch,) = later["hosts"][0]["instances"][0]["mismatches"]
    assert (mismatch["field"], mismatch["wanted"], mismatch["found"]) == (
        "parameters.kinds", "026,028", "004,007,026,028"
    )  # fmt: skip
    assert mismatch["place"]["line"] > 10


def test_a_version_that_is_demanded_from_a_day_on(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "2.4.0")
    demanded = {"name": "3.0 is demanded", "effective_from": "2027-01-01", "state": {"software": {"version": "3.0.0"}}}
    shop.play({"software": {"running": False}}, policies=[demanded])
    shop.plan(code=0)
    plan = shop.plan("--at", "2027-01-01")
    packages = [step for step in steps_of(plan) if step["module"] == "package"]
    assert [(each["origin"], each["changes"][0]["policy"]) for each in packages] == [("policy", "3.0 is demanded")]
    assert shop.versions == ("2.4.0", "2.4.0")


def test_two_spellings_of_one_limit_are_no_contradiction(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "3.1.0")
    policies = [
        {"name": "a", "effective_from": "2027-01-01", "hosts": "pc1", "state": {"parameters": {"limit": "万元版"}}},
        {"name": "b", "effective_from": "2027-01-01", "state": {"parameters": {"limit": "99999.99"}}},
    ]
    shop.play({"software": {"running": False}}, policies=policies)
    shop.plan("--at", "2027-01-01", code=0)
    policies[1]["state"]["parameters"]["limit"] = "十万元版"  # type: ignore[index]
    shop.play({"software": {"running": False}}, policies=policies)
    assert codes(shop.json("plan", "play.yml")[1]) == ["policy-contradiction"]


@pytest.mark.parametrize(
    ("address", "hosts", "clash"),
    [
        ("https://b.example.cn:7008", "all", True),
        ("https://a.example.cn:7008", "all", False),
        ("https://b.example.cn:7008", "pc2", False),
    ],
)
def test_one_says_the_variable_and_another_the_parameter(
    bench: Bench, run: Run, address: str, hosts: str, clash: bool
) -> None:
    """The variable of the first would decide nothing: nobody may find out about that on the day."""
    shop = open_shop(bench, run, "3.1.0")
    shop.hosts["pc2"] = {**shop.vars, "instances": []}
    policies = [
        {"name": "by variable", "effective_from": "2027-01-01", "vars": {"address": "https://a.example.cn:7008"}},
        {"name": "by parameter", "effective_from": "2027-06-01", "hosts": hosts,
         "state": {"parameters": {"upload_address": address}}},
    ]  # fmt: skip
    state = {"parameters": {"upload_address": "{{ address }}"}}
    shop.play(state, policies=policies, vars={"address": "https://old.example.cn:7008"}, hosts="pc1")
    code, document = shop.json("plan", "play.yml", "-l", "pc1")
    assert (code, codes(document)) == ((2, ["policy-contradiction"]) if clash else (3, []))
    if clash:
        args = errors_in(document)[0]["args"]
        assert (args["leaf"], args["begins"]) == ("parameters.upload_address", "2027-06-01")
        assert {args["policy"], args["other"]} == {"by variable", "by parameter"}
