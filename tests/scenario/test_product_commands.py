"""`guiwei product`: the list, the check with its places, and the test against a PC that changes nothing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Shop, open_shop
from scenario_bench import Bench
from scenario_cases import Run
from second_client.moka_shop import MokaShop, open_moka

from lab.lantai import disks, faults


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    """A PC with one taxpayer's Lantai, running."""
    return open_shop(bench, run, "3.1.0", running=True)


def misfits(shop: Any, product: str, code: int = 3) -> dict[str, tuple[str | None, str]]:
    """Test a profile and return name → error code and part of what does not fit."""
    done = shop.guiwei("product", "test", product, "--json")
    assert done.code == code, done
    [findings] = json.loads(done.out)["hosts"]["pc1"].values()
    return {
        each["name"]: (each["error"]["code"] if each["error"] else None, each["part"])
        for each in findings
        if each["fits"] is False
    }


def test_the_list_names_guiweis_own_and_those_beside(bench: Bench, run: Run) -> None:
    bench.write({"products/lantai.yml": "product: lantai\ntitle: {en: Mine, zh: 我的}\ninstance: {id: a, fields: {}}\n"
                                        "parameters: {}\n"})  # fmt: skip
    products = {each["product"]: each for each in json.loads(run("product", "list", "--json").out)["products"]}
    assert {"aisino-goldtax", "aisino-legacy", "baiwang-skp", "lantai"} <= set(products)
    assert products["lantai"] == {"product": "lantai", "title": {"en": "Mine", "zh": "我的"}, "verified": False,
                                  "file": "products/lantai.yml"}  # fmt: skip
    assert not products["aisino-goldtax"]["verified"]
    assert "未验证" in run("product", "list", lang="zh").out


def test_check_shows_every_mistake_at_its_line(bench: Bench, run: Run) -> None:
    text = Path("products/own.yml")
    bench.write({
        "products/own.yml": "product: own\ntitle: {en: Own, zh: 自有}\ninstance:\n  id: '{{ instance.taxpayer }}'\n"
        "  fields: {taxpayer: {type: taxpayer, label: {en: taxpayer id, zh: 税号}}}\nparameters:\n  a:\n"
        "    path: parameters.a\n    label: {en: a, zh: 甲}\n    type: text\n    kind: settable\n    module: line\n"
        "    with: {path: '/x/{{ instance.folder }}'}\n    field: lines\n"
    })  # fmt: skip
    for command in (("product", "check"), ("check",)):
        done = run(*command, str(text))
        assert done.code == 2
        assert "products/own.yml:13:18: instance.folder is not known here." in done.err
        assert "products/own.yml:14:5: line does not read lines." in done.err
        assert "1 file(s) checked, 2 problem(s)." in done.err
    assert "products/own.yml:14:5: line 不读取 lines。" in run("product", "check", str(text), lang="zh").err
    bench.write({"hosts.yml": "all: {hosts: {a: {}}}\n"})
    assert run("product", "test", "own", "-i", "hosts.yml").code == 2


def test_a_profile_that_fits(shop: Shop) -> None:
    before = shop.snapshot()
    done = shop.guiwei("product", "test", "lantai")
    assert done.code == 0, done
    assert "The profile fits." in done.out
    assert "single-invoice limit (parameters.limit ← limit_exponent)" in done.out
    assert {"the client's own backup", "disk driver", "an invoice is being written"} <= set(
        re.split(r" {2,}|\n", done.out)
    )
    assert shop.snapshot() == before
    assert not (shop.bench.state / "runs").exists()


def test_where_the_client_and_its_device_differ(shop: Shop) -> None:
    faults.wrong_parameters(shop.root, shop.one.instance, kinds="007", orgcode="990199", limit="soon")
    found = misfits(shop, "lantai")
    assert found["parameters.kinds ← kinds"] == ("conform-mirror", "parameter")
    assert found["parameters.orgcode"] == ("conform-inventory", "parameter")
    assert found["parameters.limit"] == ("value-limit", "parameter")


@pytest.mark.parametrize(
    ("before", "after", "name", "code"),
    [
        ("option: 超时}", "option: 超 时}", "parameters.timeout", "conform-nothing"),
        ("device: limit_exponent", "device: limit", "parameters.limit ← limit", "conform-device-silent"),
        ("field: answer.data.disk\n", "field: answer.data.disk.number\n", "device", "conform-type"),
        ('paths: ["{{ instance.folder }}"]', 'paths: ["{{ instance.folder }}/Daten"]', "{{ instance.folder }}/Daten",
         "conform-nothing"),
        ("expect: {answer.data.answering: true", "expect: {answer.data.answers: true", "client", "conform-field"),
        ("count(*) AS count,\n             sum(CASE status WHEN 'void' THEN 0 ELSE amount_fen END) AS amount_fen",
         "count(*) AS count,\n             sum(CASE status WHEN 'void' THEN 0 ELSE amount_fen END) / 100.0 AS amount",
         "rows", "conform-row"),
        ("Data/lantai.db", "Data/lantai.sqlite", "rows", "conform-nothing"),
        ("3.1.0", "3.2.0", "version", "version-unknown"),
        ("section: driver, option: version}", "section: driver, option: edition}", "disk", "conform-nothing"),
        ("field: answer.data.editing", "field: answer.data.writing", "busy", "conform-nothing"),
        ("filing: [periods,", "filing: [reports,", "reports", "conform-device-silent"),
        ('settings: ["{{ instance.folder }}/Config"]', 'settings: ["{{ instance.folder }}/Konfig"]',
         "{{ instance.folder }}/Konfig", "conform-nothing"),
        ('"--json", "repair"]', '"repair"]', "program", "inquiry-answer"),
        ("{from: [3.0.0], one_way: true}", '{from: [3.0.0], data: "4"}', "data_version", "conform-data-version"),
    ],
)  # fmt: skip
def test_a_profile_that_is_wrong_of_the_pc(shop: Shop, before: str, after: str, name: str, code: str) -> None:
    shop.product((before, after))
    found = misfits(shop, "lantai")
    assert found[name][0] == code, found


def test_without_the_disk_the_rest_is_tested(shop: Shop) -> None:
    disks.unplug(shop.root)
    document = json.loads(shop.guiwei("product", "test", "lantai", "--json").out)
    findings = document["hosts"]["pc1"][shop.one.instance]
    untested = {each["name"] for each in findings if each["fits"] is None}
    assert "device" in untested
    assert "parameters.limit ← limit_exponent" in untested
    assert any(each["name"] == "parameters.name" and each["fits"] for each in findings)
    assert "the disk is not plugged in" in shop.guiwei("product", "test", "lantai").out


def test_a_pc_that_cannot_be_asked(shop: Shop) -> None:
    shop.vars["ansible_python_interpreter"] = "/nowhere/python3"
    done = shop.guiwei("product", "test", "lantai", "--json")
    assert done.code == 5
    assert json.loads(done.out)["errors"]["pc1"]["code"]


def test_an_inventory_that_lacks_what_the_profile_asks_for(shop: Shop) -> None:
    del shop.vars["instances"][0]["orgcode"]
    done = shop.guiwei("product", "test", "lantai")
    assert done.code == 2
    assert "orgcode" in done.err


def test_the_second_clients_profile_by_its_file(bench: Bench, run: Run) -> None:
    shop: MokaShop = open_moka(bench, run)
    os.rename("products/moka.yml", "elsewhere.yml")
    # It is not running: nothing of it can be issued, and yet all of it answers.
    assert misfits(shop, "elsewhere.yml", code=0) == {}
    shop.spoil(types="2;99")
    assert misfits(shop, "elsewhere.yml")["parameters.kinds"] == ("value-kind", "parameter")
