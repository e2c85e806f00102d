"""`product check`: everything that is wrong with a profile, each thing at its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guiwei.errors import InputError
from guiwei.invoicing.diagnosis import GENERAL, SIGNS
from guiwei.language._product_references import FACTS
from guiwei.language._product_schema import PRODUCT_SCHEMA
from guiwei.language.product_check import check_product
from guiwei.language.products import load_product
from guiwei.target.facts import gather
from guiwei.target.files import Files

REPOSITORY = Path(__file__).resolve().parents[3]

SOUND = """\
product: own
title: {en: Own client, zh: 自有客户端}
instance:
  id: "{{ instance.taxpayer }}"
  fields:
    taxpayer: {type: taxpayer, required: true, label: {en: taxpayer id, zh: 税号}}
define:
  - {name: instance.folder, text: "/opt/own/{{ instance.id }}"}
  - {name: instance.config, text: "{{ instance.folder }}/own.ini"}
  - {name: facts.driver, module: ini, with: {path: /etc/driver.ini, section: a, option: b}, field: value}
device:
  module: inquiry
  with: {argv: ["{{ instance.folder }}/own", "--root", "{{ facts.root }}"]}
  field: answer.disk
parameters:
  taxpayer:
    path: parameters.taxpayer
    label: {en: taxpayer id, zh: 税号}
    type: taxpayer
    kind: mirrored
    identity: taxpayer
    device: holder
    module: ini
    with: {path: "{{ instance.config }}", section: a, option: taxpayer}
    field: value
    copies:
      - {module: ini, with: {path: "{{ instance.config }}", section: b, option: taxpayer}, field: value}
  kinds:
    path: parameters.kinds
    label: {en: invoice kinds, zh: 发票类型}
    type: kinds
    kind: settable
    module: ini
    with: {path: "{{ instance.config }}", section: a, option: kinds}
    field: value
    stored: {map: {"004": 0, "007": 2}, join: ";"}
  hours:
    path: parameters.hours
    label: {en: offline hours, zh: 离线时长}
    type: integer
    kind: asserted
    device: hours
service:
  module: service
  with: {name: own, start: [/opt/own/start], stop: [/opt/own/stop], pid_file: /run/own.pid}
software:
  version: {module: line, with: {path: "{{ instance.folder }}/VERSION"}, field: value}
  data_version: {module: line, with: {path: "{{ instance.folder }}/DATA"}, field: value}
  package: {name: own, path: "{{ instance.folder }}/program"}
  source: "own-{version}.zip"
  versions:
    1.0.0: {}
    2.0.0: {from: [1.0.0], reactivate: true}
  activation:
    module: inquiry
    with: {argv: [/opt/own/own]}
    field: answer.active
    good: true
    write: {argv: [/opt/own/activate], given: certificate_password}
drivers:
  disk:
    label: {en: disk driver, zh: 驱动}
    version: {module: ini, with: {path: /etc/disk.ini, section: a, option: v}, field: value}
    package: {name: own-driver, path: /opt/driver}
    source: "driver-{version}.zip"
    versions: [1.0.0, 2.0.0]
device_usb:
  kinds: [金税盘, 自有盘]
  devices:
    - {kind: 自有盘, id: "1234:0001"}
filing: [reported]
rehearsal:
  copy: ["{{ instance.folder }}"]
  settings:
    - {module: ini, with: {path: "{{ instance.config }}", section: a, option: url}, field: value, value: "http://127.0.0.1:9/"}
recovery:
  signs:
    own: {module: inquiry, with: {argv: [/opt/own/own]}, field: answer}
  causes:
    data-damaged: {if: {own.data: bad, there.data: true}, evidence: {detail: own.detail}}
    program-damaged: {if: {errors.own: inquiry-answer}}
    disk-other:
      - {if: {own.serial: {differs_from: instance.taxpayer}}}
      - {if: {own.owner: {not: null}}}
  settings: ["{{ instance.config }}"]
backup:
  paths: ["{{ instance.folder }}"]
  values:
    - {module: ini, with: {path: /etc/own.ini, section: a, option: b}}
ledger:
  path: "{{ instance.folder }}/own.db"
  sql: SELECT 1
verify:
  ready:
    client:
      label: {en: client answers, zh: 客户端有应答}
      module: inquiry
      with: {argv: [/opt/own/own]}
      expect: {answer.well: true}
  issue:
    issue: {argv: [/opt/own/issue]}
    void: {argv: [/opt/own/void, "{number}"]}
    answer: {number: n, kind: k, issued: i, amount: a, tax: t}
"""


def found(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    """Return code and source line of every problem."""
    path = tmp_path / "own.yml"
    path.write_text(text, encoding="utf-8")
    lines = text.splitlines()
    told = []
    for problem in check_product(path):
        assert problem.place is not None, problem
        assert problem.place.file == str(path)
        line = lines[problem.place.line - 1]
        assert problem.place.column <= len(line) + 1
        told.append((problem.code, line[problem.place.column - 1 :].rstrip(",}] ")))
    return told


def test_a_sound_profile_has_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path, SOUND) == []
    assert load_product(tmp_path / "own.yml").name == "own"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "products").glob("*.yml")), ids=lambda path: path.stem)
def test_every_profile_that_guiwei_brings_is_sound(path: Path) -> None:
    assert check_product(path) == []
    load_product(path)


# fmt: off
WRONG = {
    # schema
    "a word that nobody knows": ("ledger:\n", "leger:\n", "product-word", "leger:"),
    "a kind that is none": ("kind: asserted", "kind: fixed", "product-invalid", "fixed"),
    "nothing expected": ("expect: {answer.well: true}", "expect: {}", "product-invalid", "{"),
    # resources
    "a type that is none": ("module: ini, with: {path: /etc/driver", "module: inni, with: {path: /etc/driver",
                            "product-module", "inni"),
    "a value among the arguments": ("section: a, option: kinds}", "section: a, option: kinds, value: x}",
                                    "product-argument", "value: x"),
    "an argument that is none": ("section: a, option: kinds}", "section: a, option: kinds, sektion: x}",
                                 "field-unknown", "sektion: x"),
    "a key that is missing": ("section: a, option: kinds}", "section: a}", "field-required", "{path:"),
    "a path that is none": ("path: /etc/own.ini", "path: etc/own.ini", "field-pattern", "etc/own.ini"),
    "a field that is not read": ("    field: value\n    stored", "    field: text\n    stored",
                                 "product-field", "field: text"),
    "dots into a text": ("    field: value\n    stored", "    field: value.x\n    stored",
                         "product-field", "field: value.x"),
    "a field of a check": ("{answer.well: true}", "{reply.well: true}", "product-field", "reply.well: true"),
    "an action as a reading": ("  module: inquiry\n  with: {argv: [\"{{", "  module: command\n  with: {argv: [\"{{",
                               "product-action", "command"),
    "a service that cannot be seen": (", pid_file: /run/own.pid", "", "service-no-status", "{name: own"),
    "a ledger without a query": ("  sql: SELECT 1\n", "", "query-one-sql", "path:"),
    "a package with a stray word": ("package: {name: own,", "package: {name: own, sauce: x,",
                                    "field-unknown", "sauce: x"),
    "a backup of what cannot be written": ("- {module: ini, with: {path: /etc/own.ini, section: a, option: b}}",
                                           "- {module: tcp, with: {host: a, port: 1}}", "product-not-written", "tcp"),
    # references
    "a reference that nothing defines": ("{{ instance.folder }}/DATA", "{{ instance.fodler }}/DATA",
                                         "product-reference", '"{{ instance.fodler'),
    "a fact that no PC has": ("{{ facts.root }}", "{{ facts.rooot }}", "product-reference", '"{{ facts.rooot'),
    "defined too late": ("/opt/own/{{ instance.id }}", "{{ instance.config }}/x", "product-reference",
                         '"{{ instance.config }}/x'),
    "a fact of an instance": ("with: {path: /etc/driver.ini", 'with: {path: "{{ instance.folder }}/d.ini"',
                              "product-reference", '"{{ instance.folder }}/d.ini"'),
    "an id that only the PC knows": ('id: "{{ instance.taxpayer }}"', 'id: "{{ facts.hostname }}"', "product-reference",
                                     '"{{ facts.hostname'),
    "a template that computes": ("{{ instance.folder }}/DATA", "{{ instance.folder | upper }}/DATA", "product-template",
                                 '"{{ instance.folder |'),
    "an open template": ("{{ instance.folder }}/DATA",
                         "{{ instance.folder /DATA", "product-template", '"{{ instance.fol'),
    "defined twice": ("name: instance.config, ", "name: instance.folder, ", "product-defined-twice", "instance.folder"),
    "defined without a value": ('name: instance.config, text: "{{ instance.folder }}/own.ini"', "name: instance.config",
                                "product-define-empty", "{name: instance.config"),
    # parameters
    "settable nowhere": ("kind: asserted\n    device: hours", "kind: settable\n    device: hours",
                         "product-nowhere-settable", "hours:"),
    "mirrored without a device": ("    device: holder\n", "", "product-nowhere-mirrored", "taxpayer:"),
    "asserted against nothing": ("    kind: asserted\n    device: hours\n", "    kind: asserted\n",
                                 "product-nowhere-asserted", "hours:"),
    "asserted and written": ("    device: hours\n", "    device: hours\n    copies: []\n", "product-asserted", "["),
    "half a reading": ("    field: value\n    stored", "    stored", "product-reading", "ini"),
    "a program without a proof": ("    device: hours\n", "    device: hours\n    write: {argv: [x]}\n",
                                  "product-asserted", "{argv: [x"),
    "set through a probe": ("    module: ini\n    with: {path: \"{{ instance.config }}\", section: a, option: kinds}\n"
                            "    field: value\n", "    module: tcp\n    with: {host: a, port: 1}\n    field: open\n",
                            "product-not-written", "tcp"),
    "one path twice": ("path: parameters.hours", "path: parameters.kinds", "product-path-twice", "parameters.kinds"),
    "a path below another": ("path: parameters.hours", "path: parameters.kinds.hours", "product-path-twice",
                             "parameters.kinds.hours"),
    "a path that is taken": ("path: parameters.hours", "path: software.version",
                             "product-path-twice", "software.version"),
    "an identity that is no field": ("identity: taxpayer", "identity: payer", "product-identity", "payer"),
    "an identity of another type": ("    type: taxpayer\n", "    type: text\n", "product-identity-type", "taxpayer"),
    "text as a number": ("type: kinds\n", "type: text\n    device_stored: {as: number}\n", "product-stored-number",
                         "{as: number"),
    "two values written alike": ('"007": 2}', '"007": 0}', "product-stored-twice", '{map: {"004": 0'),
    "a value that is none": ('"007": 2}', '"099": 2}', "value-kind", '"099": 2'),
    "a value by another name": ('"007": 2}', "普票: 2}", "product-stored-form", "2"),
    # versions
    "an unknown version": ("from: [1.0.0]", "from: [0.9.0]", "product-version-unknown", "0.9.0"),
    "a version twice": ("    2.0.0: {from", "    '2.0': {}\n    2.0.0: {from", "product-version-twice", "2.0.0: {from"),
    "a circle": ("    1.0.0: {}", "    1.0.0: {from: [2.0.0]}", "product-version-cycle", "1.0.0: {from"),
    "a version that nothing leads to": ("    1.0.0: {}", "    1.0.0: {}\n    3.0.0: {}",
                                        "product-version-alone", "3.0.0: {"),
    "a name that is no version": ("    1.0.0: {}\n    2.0.0: {from: [1.0.0]",
                                  "    eins: {}\n    2.0.0: {from: [eins]", "value-version", "eins: {"),
    # recovery, drivers and the rest
    "a sign that nothing sees": ("if: {own.data: bad", "if: {won.data: bad", "product-sign", "won.data: bad"),
    "a sign of one of several rules": ("if: {own.owner:", "if: {won.owner:", "product-sign", "won.owner:"),
    "evidence that nothing sees": ("detail: own.detail", "detail: won.detail", "product-sign", "won.detail"),
    "an error of no sign": ("errors.own: inq", "errors.won: inq", "product-sign", "errors.won: inq"),
    "compared with what no instance has": ("differs_from: instance.taxpayer", "differs_from: instance.payer",
                                           "product-reference", "instance.payer"),
    "compared with no sign": ("differs_from: instance.taxpayer", "differs_from: inst.taxpayer",
                              "product-sign", "inst.taxpayer"),
    "a sign that every client has": ("    own: {module: inquiry",
                                     "    running: {module: tcp, with: {host: a, port: 1}}\n    own: {module: inquiry",
                                     "product-sign-taken", "running: {module"),
    "a cause that is none": ("data-damaged:", "data-lost:", "product-invalid", "data-lost: {if"),
    "a driver's version that is none": ("[1.0.0, 2.0.0]", "[1.0.0, zwei]", "value-version", "zwei"),
    "a driver's version twice": ("[1.0.0, 2.0.0]", "[1.0.0, '1.0']", "product-version-twice", "'1.0'"),
    "a driver's package with a stray word": ("{name: own-driver,", "{name: own-driver, sauce: x,",
                                             "field-unknown", "sauce: x"),
    "a device that nobody makes": ("kinds: [金税盘,", "kinds: [金盘,", "product-device-kind", "金盘"),
    "a rehearsal's setting that cannot be written": (
        "    - {module: ini, with: {path: \"{{ instance.config }}\", section: a, option: url}, field: value, value",
        "    - {module: tcp, with: {host: a, port: 1}, field: open, value", "product-not-written", "tcp"),
    # verification and words
    "an answer that lacks the tax": (", tax: t}", "}", "product-answer", "answer: {number"),
    "a void of nothing": (', "{number}"]', "]", "product-void", "void: {argv"),
    "no label": ("      label: {en: client answers, zh: 客户端有应答}\n", "", "product-label-missing", "client:"),
    "Chinese missing": ("zh: 客户端有应答", "zh: client", "product-label-language", "{en: client answers"),
    "Chinese for English": ("{en: Own client, zh", "{en: 客户端, zh", "product-label-language", "{en: 客户端"),
}
# fmt: on


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, name: str) -> None:
    before, after, code, place = WRONG[name]
    assert SOUND.count(before) == 1, before
    told = found(tmp_path, SOUND.replace(before, after))
    assert (code, place) in [(each, line[: len(place)]) for each, line in told], told


def test_what_an_upgrade_needs(tmp_path: Path) -> None:
    for part in ("service", "backup"):
        text = SOUND.replace(f"{part}:\n", f"{part}:\n", 1)
        start = text.index(f"\n{part}:\n") + 1
        end = start + len(part) + 1 + next(
            at for at, line in _offsets(text[start + len(part) + 2 :]) if not line.startswith(" ")
        ) + 1  # fmt: skip
        told = {code for code, _ in found(tmp_path, text[:start] + text[end:])}
        assert told == {"product-upgrade-needs"} | ({"product-part-needs"} if part == "service" else set())
    start, end = SOUND.index("  activation:\n"), SOUND.index("backup:\n")
    assert [code for code, _ in found(tmp_path, SOUND[:start] + SOUND[end:])] == ["product-no-activation"]


def test_what_a_part_rests_on(tmp_path: Path) -> None:
    start, end = SOUND.index("device:\n  module"), SOUND.index("parameters:\n")
    assert ("product-part-needs", "filing: [reported") in found(tmp_path, SOUND[:start] + SOUND[end:])
    start, end = SOUND.index("service:\n"), SOUND.index("software:\n")
    assert ("product-part-needs", "rehearsal:") in found(tmp_path, SOUND[:start] + SOUND[end:])


def test_the_document_names_every_part() -> None:
    text = (REPOSITORY / "docs" / "product-profiles.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*) \|", text.partition("## The parts")[2].partition("## Parameters")[0], re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(PRODUCT_SCHEMA["properties"])


def test_every_sign_that_diagnosis_sees_is_known() -> None:
    told = {path.partition(".")[0] for rule in GENERAL for path in (*rule.conditions, *rule.evidence.values())}
    assert told <= set(SIGNS)


def _offsets(text: str) -> list[tuple[int, str]]:
    offsets, at = [], 0
    for line in text.splitlines(keepends=True):
        offsets.append((at, line))
        at += len(line)
    return offsets


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = SOUND
    for name in ("a reference that nothing defines", "one path twice", "a circle", "no label"):
        text = text.replace(*WRONG[name][:2])
    told = found(tmp_path, text)
    assert {code for code, _ in told} >= {
        "product-reference", "product-path-twice", "product-version-cycle", "product-label-missing"}  # fmt: skip
    places = [problem.place for problem in check_product(tmp_path / "own.yml")]
    assert places == sorted(places, key=str) or places == sorted(place for place in places if place)


def test_a_file_that_is_no_yaml_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("a: [", encoding="utf-8")
    [problem] = check_product(tmp_path / "own.yml")
    assert isinstance(problem, InputError)
    [missing] = check_product(tmp_path / "nothing.yml")
    assert missing.code == "file-unreadable"


def test_the_facts_are_those_that_every_pc_has(tmp_path: Path) -> None:
    told = gather(Files(str(tmp_path)), str(tmp_path))
    nested = {f"{name}.{part}" for name, item in told.items() if isinstance(item, dict) for part in item}
    assert set(FACTS) == set(told) | nested
