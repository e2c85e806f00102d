from __future__ import annotations

from dataclasses import dataclass

import pytest
from golden_files import check_golden
from report_samples import TAXPAYER, show

from guiwei.model.inventory import Host, Inventory
from guiwei.report.tables import (
    backups_table,
    explain_view,
    facts_view,
    inventory_table,
    modules_table,
    run_detail,
    runs_table,
    size,
)
from guiwei.report.words import Words
from guiwei.target.secret import Secret

RUN = {
    "id": "20261124T034100-99aa01",
    "command": "apply",
    "playbook": "playbooks/升级.yml",
    "reason": "税务局要求",
    "started": "2026-11-24T03:41:00Z",
    "finished": None,
    "statuses": {"changed": 12, "failed": 1},
}
DETAIL = {
    **RUN,
    "finished": "2026-11-24T03:44:00Z",
    "hosts": [
        {
            "host": "pc01",
            "status": "changed",
            "seconds": 3.25,
            "result": {"error": None, "instances": [], "steps": [{"status": "changed"}, {"status": "unchanged"}]},
        },
        {
            "host": "pc02",
            "status": "failed",
            "seconds": 0.0,
            "result": {"steps": [{"status": "failed", "error": {"code": "disk-full", "args": {"path": "/opt/兰台"}}}]},
        },
    ],
    "invoices": [
        {
            "host": "pc01",
            "instance": f"{TAXPAYER}.0",
            "number": "26952000000000000013",
            "kind": "026",
            "month": "2026-11",
            "amount": "1.00",
            "tax": "0.01",
            "status": "void",
        }
    ],
}
RECEIPT = {
    "backup": "20261124T034107Z-ab12cd",
    "host": "pc01",
    "label": f"{TAXPAYER}.0",
    "made": "2026-11-24T03:41:07Z",
    "files": 48,
    "bytes": 12_345_678,
}
FACTS = {
    "pc01": {"hostname": "pc01", "distribution": {"id": "debian", "version": "12"}, "python": "3.7.3", "empty": {}},
    "pc02": {"hostname": "前台", "token": Secret("geheim"), "root": "", "version": "10"},
    "pc03": {"hostname": "前台", "token": Secret("other"), "root": "", "version": "10"},
}
HOSTS = {
    "pc01": Host(
        "pc01", {"ansible_host": "192.0.2.7", "ansible_port": 2222, "ansible_user": "guiwei"}, ("branches", "south")
    ),
    "网点02": Host("网点02", {"ansible_password": Secret("geheim")}, ()),
}


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    role: str
    required: bool = False
    default: object = None
    doc: str = ""
    choices: tuple[object, ...] = ()
    example: object = None


@dataclass(frozen=True)
class Doc:
    name: str
    summary: str
    undo: str
    fields: tuple[Field, ...]


DOCS = (
    Doc(
        "command",
        "Run a program. 运行程序。",
        "none",
        (
            Field(
                "argv", "list of string", "key", True, doc="The program and its arguments.", example=["lantai", "stop"]
            ),
            Field("timeout", "number", "option", default=600, doc="Seconds before it is stopped."),
            Field("encoding", "string", "选项", default="auto", choices=("auto", "gbk")),
        ),
    ),
    Doc("file", "A file. 文件。", "images", ()),
)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_tables_look_as_they_did(lang: str) -> None:
    words = Words(lang)
    views = (
        runs_table([RUN, {**RUN, "id": "20261123T000000-000001", "reason": None, "statuses": {}}], words),
        run_detail(DETAIL, words),
        backups_table([RECEIPT], words),
        backups_table([{**RECEIPT, "host": None, "bytes": None}], words),
        facts_view(FACTS, words),
        inventory_table(Inventory(HOSTS, {}), words),
        modules_table(DOCS, words),
        explain_view(DOCS[0], words),
    )
    text = "\n".join(show(view) for view in views)
    assert "geheim" not in text
    check_golden(f"tables-{lang}.txt", text)


def test_a_document_may_be_a_mapping() -> None:
    mapping = {"name": "x", "summary": "y", "fields": [{"name": "path", "type": "string", "role": "key", "doc": "z"}]}
    assert show(explain_view(mapping, Words("en"))).splitlines()[:1] == ["x  y"]


def test_an_old_error_is_told_in_the_language_of_today() -> None:
    assert "所在磁盘已满" in show(run_detail(DETAIL, Words("zh")))
    assert "is full" in show(run_detail(DETAIL, Words("en")))


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (3 * 10**14, "300 TB"), (None, None)],
)
def test_sizes_have_units(number: int | None, told: str | None) -> None:
    assert size(number) == told
