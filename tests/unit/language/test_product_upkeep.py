"""What can be wrong with `authentication`, `endpoints` and `maintenance` of a profile: each at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from guiwei.language.product_check import check_product
from guiwei.language.products import load_product

LANTAI = Path(__file__).resolve().parents[3] / "products" / "lantai.yml"

# fmt: off
WRONG = {
    "a type that is none": ("module: schedule", "module: schedul", "product-module", "schedul"),
    "a probe as a resource": ('module: certificate\n    with: {path: "{{ instance.folder }}/Cert", name: 开票}',
                              "module: tcp\n    with: {host: a, port: 1}", "product-not-written", "tcp"),
    "a key that is missing": ("/Cert\", name: 开票}", "/Cert\"}", "field-required", "{path:"),
    "a field that is none": ("    set:\n      argv", "    set:\n      argvs", "product-field", "argvs"),
    "a key among the values": ("    set:\n      argv", "    set:\n      name: x\n      argv", "product-field",
                               "name: x"),
    "a value that is none": ("    set:\n      argv", "    set:\n      user: 7\n      argv", "field-digits", "7"),
    "a single value of no field": ("value: when", "value: time", "product-field", "time"),
    "a word of guiwei's": ("maintenance:\n  backup:", "maintenance:\n  audit:", "product-invalid", "audit:"),
    "no Chinese": ("zh: 客户端自动备份", "zh: backup", "product-label-language", "{en: the client's"),
    "no such parameter": ("parameter: parameters.upload_address", "parameter: parameters.upload",
                          "product-endpoint-parameter", "parameters.upload"),
    "a parameter that is no address": ("parameter: parameters.upload_address", "parameter: parameters.name",
                                       "product-endpoint-parameter", "parameters.name"),
    "a province by no region": ("province: orgcode", "province: machine", "product-endpoint-province", "machine"),
    "a probe of nothing": ("probe: http", "probe: ping", "product-invalid", "ping"),
    "an address that nothing defines": ('address: "{{ instance.upload_address }}"', 'address: "{{ instance.url }}"',
                                        "product-reference", '"{{ instance.url'),
    "a day that is none": ('"2024-03-01"', '"2024-13-01"', "value-date", '"2024-13-01"'),
    "a driver's day that is none": ('"2022-05-01"', "long ago", "value-date", "long ago"),
    "a comparison that is none": ("compare: at_least", "compare: at_most", "product-invalid", "at_most"),
    "no variable": ("given: [certificate_password_before, certificate_password]", "given: []", "product-invalid", "["),
}
# fmt: on


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_found_at_its_place(name: str, tmp_path: Path) -> None:
    before, after, code, at = WRONG[name]
    text = LANTAI.read_text("utf-8")
    assert text.count(before) == 1, text.count(before)
    path = tmp_path / "lantai.yml"
    path.write_text(text.replace(before, after), "utf-8")
    (error, *others) = check_product(path)
    assert (error.code, others) == (code, [])
    assert error.place is not None
    line = path.read_text("utf-8").splitlines()[error.place.line - 1]
    assert line[error.place.column - 1 :].startswith(at), line


def test_the_parts_of_lantai() -> None:
    product = load_product(LANTAI)
    assert {".".join(each.path): (each.module, each.meant, each.restart) for each in product.resources} == {
        "authentication.certificate": ("certificate", None, True),
        "maintenance.backup": ("schedule", "when", False),
    }
    (endpoint,) = product.endpoints
    assert (endpoint.probe, endpoint.parameter, endpoint.province) == ("http", "parameters.upload_address", "orgcode")
    rotation = next(each for each in product.parameters if each.at_least)
    assert rotation.write is not None
    assert (rotation.write.given, rotation.write.full) == (("certificate_password_before", "certificate_password"), 5)
