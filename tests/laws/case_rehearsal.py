"""Case of the action `rehearsal`: whatever is done on its copy, the PC itself is as it was."""

from __future__ import annotations

import os
from typing import Any

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation, Snapshot, assert_same

from guiwei.modules.rehearsal import Rehearsal
from guiwei.target.contract import Resource

DATA, DATABASE = "/data/兰台 (1)", "/data/兰台 (1)/a.db"

#: What an edge does to the copy: each would be seen on the PC if it went there.
_STEPS: dict[str, dict[str, Any]] = {
    "rewrite": {"module": "file", "with": {"path": DATA + "/c"}, "state": {"content": "changed\n"}},
    "add": {"module": "file", "with": {"path": DATA + "/new"}, "state": {"content": "new\n"}},
    "remove": {"module": "file", "with": {"path": DATA + "/c"}, "state": None},
    "folder": {"module": "directory", "with": {"path": DATA}, "state": None},
    "row": {
        "module": "sqlite",
        "with": {"path": DATABASE, "table": "invoice", "key": {"number": "1"}},
        "state": {"row": {"remark": "changed"}},
    },
    # It fails: the law holds for a rehearsal that is refused as well.
    "fail": {"module": "command", "with": {"argv": ["/bin/false"]}, "state": {"done": True}},
}


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    chosen = draw(st.lists(st.sampled_from(sorted(_STEPS)), max_size=3, unique=True))
    owner, content = draw(st.sampled_from([(0, 0), (1234, 4321)])), draw(st.binary(max_size=9))

    def make(bench: Bench) -> Resource:
        bench.put(DATA + "/c", content, 0o640, owner)
        bench.put(DATA + "/client.lock", b"locked")
        bench.put("/etc/other", b"1")
        bench.database(
            DATABASE,
            ("CREATE TABLE invoice(number TEXT PRIMARY KEY, remark TEXT)", ()),
            ("INSERT INTO invoice VALUES ('1', '')", ()),
        )
        os.symlink("c", bench.real(DATA + "/link"))
        return Rehearsal("1.0")

    steps = [{"id": name, "guards": None, "instance": "1", **_STEPS[name]} for name in chosen]
    script = {
        "copy": [DATA],
        "exclude": ["*.lock"],
        "instance": "1",
        "instances": {"1": {}},
        "define": [],
        "edges": [{"versions": ["1", "2"], "steps": steps}],
        "ledger": {"path": DATABASE, "sql": "SELECT '004' AS kind, '2026-11' AS month, count(*) AS count FROM invoice"},
    }

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after)

    return Situation(make, {"done": True, "script": script}, frame)


CASES = [Case("rehearsal", situations(), honest=False, share=0.5)]
