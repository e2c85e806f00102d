"""Every module keeps its laws, and every mutant of `system` is noticed.

`GUIWEI_PROOF=1` runs the whole matrix and writes it to docs/laws.md; else a sample of it runs, with a seed.
"""

from __future__ import annotations

import pytest
from law_mutants import MUTANTS
from law_proof import REPOSITORY, WHOLE, Cell, cases, laws_for, markdown, modules, run_cell

CASES = cases()
CELLS: dict[tuple[str, str], Cell] = {}


def test_every_module_has_a_case() -> None:
    assert sorted(CASES) == modules()


@pytest.mark.parametrize("module", modules())
def test_laws(module: str) -> None:
    case = CASES[module]
    for law in laws_for(module, case):
        CELLS[module, law] = run_cell(case, law)
    survivors = {law: CELLS[module, law].survived for law in laws_for(module, case) if CELLS[module, law].survived}
    assert survivors == {}


def test_every_mutant_was_met(capsys: pytest.CaptureFixture[str]) -> None:
    """A mutant that touches no module proves nothing: each one has to be killed somewhere, by each of its laws."""
    missing = [name for name in modules() if not any(key[0] == name for key in CELLS)]
    if missing:
        pytest.fail(f"run this file whole: nothing was seen of {', '.join(missing)}")
    table = markdown(CELLS)
    with capsys.disabled():
        print("\n" + table)
    for mutant in MUTANTS:
        for law in mutant.laws:
            assert any(mutant.name in cell.killed for (_, of), cell in CELLS.items() if of == law), (mutant.name, law)
    if WHOLE:
        (REPOSITORY / "docs" / "laws.md").write_text(table, encoding="utf-8")
