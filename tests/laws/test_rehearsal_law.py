"""The law of `rehearsal`, which writes much and changes nothing: not a byte, a mode or a time of the PC."""

from __future__ import annotations

import os

import hypothesis
from case_rehearsal import situations
from hypothesis import HealthCheck, given, settings
from law_bench import Bench, Situation
from law_proof import EXAMPLES, SEED

from guiwei.errors import ResourceError

ENDS: set[str] = set()


@hypothesis.seed(SEED)
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(situations())
def _leaves_all(situation: Situation) -> None:
    with Bench() as bench:
        resource = situation.make(bench)
        before = bench.snapshot()
        try:
            receipt = resource.write(bench.writer(), situation.state)
            assert receipt is not None
            assert receipt["edges"] == [["1", "2"]]
            ENDS.add("whole")
        except ResourceError as error:
            ENDS.add(error.code)
        situation.frame(bench, before, bench.snapshot())
        assert not os.path.exists(os.path.join(bench.state_dir, "rehearsals"))


def test_a_rehearsal_leaves_the_pc_as_it_is() -> None:
    _leaves_all()
    # The law says something only where rehearsals end in each way.
    assert {"whole", "rehearsal-failed"} <= ENDS


def test_the_law_notices_a_rehearsal_on_the_pc_itself() -> None:
    """Were the steps done below the PC's own root, the law would not hold."""
    from guiwei.target import rehearsals

    plain = rehearsals.Rehearsal._do

    def on_the_pc(self: rehearsals.Rehearsal, edge: object) -> None:
        assert self._copy is not None
        self._copy.files = self._live.files
        plain(self, edge)  # type: ignore[arg-type]

    rehearsals.Rehearsal._do = on_the_pc  # type: ignore[method-assign]
    try:
        noticed = False
        try:
            _leaves_all()
        except (AssertionError, OSError, ExceptionGroup):
            noticed = True
        assert noticed
    finally:
        rehearsals.Rehearsal._do = plain  # type: ignore[method-assign]
