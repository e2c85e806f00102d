"""The version upgrade of the reference client over real sshd; testinfra and the client say what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hosts_bench import Machine, listening
from lantai_support import Shop

SUMS = "SELECT kind, substr(issued, 1, 7), count(*) FROM invoice GROUP BY 1, 2 ORDER BY 1, 2"
#: Internal numbers of the invoice kinds in schema 2.
KINDS = {"0": "004", "2": "007", "51": "026", "52": "028"}


def shop_behind(machine: Machine) -> Shop:
    """Put the reference client on the PC, and say how it is reached."""
    shop = Shop(machine.bench, machine.guiwei, "2.4.0", 1)
    for name, value in shop.vars.items():
        machine.hosts["pc1"].setdefault(name, value)
    del machine.hosts["pc1"]["ansible_connection"]
    shop.play()
    return shop


def versions(machine: Machine, shop: Shop) -> Mapping[str, str]:
    """Return what the record and the program tree say, read over SSH."""
    judge, name = machine.judge, shop.one.instance
    text = judge.file(machine.real("/etc/lantai/record.ini")).content_string
    section = text.partition(f"[{name}]")[2].partition("\n[")[0].splitlines()
    values = {line.partition("=")[0].strip(): line.partition("=")[2].strip() for line in section if "=" in line}
    tree = judge.file(f"{shop.one.folder}/Program/VERSION").content_string.strip()
    return {"program": tree, "recorded": values["Version"], "data": values["DataBaseVersion"]}


def counted(machine: Machine, shop: Shop) -> dict[tuple[str, str], int]:
    """Return how many invoices of each kind and month the database holds, asked by sqlite3 over SSH."""
    path = f"{shop.one.folder}/Data/lantai.db"
    rows = machine.judge.check_output("sqlite3 -readonly %s %s", path, SUMS).splitlines()
    return {(KINDS.get(kind, kind), month): int(count) for kind, month, count in (row.split("|") for row in rows)}


def test_the_client_is_upgraded_in_two_steps_and_keeps_its_invoices(machine: Machine) -> None:
    shop = shop_behind(machine)
    before, sums = counted(machine, shop), shop.do("summary")
    assert sum(before.values()) == 60
    assert set(versions(machine, shop).values()) == {"2.4.0"}
    assert not listening(machine, shop.one.port)

    document = machine.apply("play.yml")
    assert [step["name"] for step in document["hosts"][0]["steps"] if step["name"].startswith("lantai-")] == [
        "lantai-3.0.0.tar.gz",
        "lantai-3.1.0.tar.gz",
    ]
    assert set(versions(machine, shop).values()) == {"3.1.0"}
    assert counted(machine, shop) == before
    assert shop.do("summary") == sums
    pid = int(machine.judge.file(machine.real(f"/run/lantai/{shop.one.instance}.pid")).content_string)
    process = machine.judge.process.get(pid=pid)
    assert "serve" in process.args.split()
    assert process.user == machine.sshd.user
    assert listening(machine, shop.one.port)
    machine.nothing_is_left()

    again = machine.apply("play.yml")
    assert [host["status"] for host in again["hosts"]] == ["unchanged"]
    assert machine.judge.process.get(pid=pid).start == process.start, "it was not restarted"

    run = document["run"]
    back = machine.guiwei("rollback", run, "--json")
    assert back.code == 0, back
    assert [host["status"] for host in json.loads(back.out)["hosts"]] == ["changed"]
    assert set(versions(machine, shop).values()) == {"2.4.0"}
    assert counted(machine, shop) == before
    assert not listening(machine, shop.one.port), "it did not run before"
    machine.nothing_is_left()
