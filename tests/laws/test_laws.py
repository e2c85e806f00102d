"""Every module keeps its laws, and every mutant of `system` is noticed.

`GUIWEI_PROOF=1` runs the whole matrix and writes it to docs/laws.md; else a sample of it runs, with a seed.
"""

from __future__ import annotations

import pytest
from law_mutants import MUTANTS
from law_proof import REPOSITORY, WHOLE, Cell, cases, laws_for, markdown, modules, run_cell

from guiwei.target.facts import SYSTEM

CASES = cases()
HERE = modules(SYSTEM)
CELLS: dict[tuple[str, str], Cell] = {}


def test_every_module_has_a_case() -> None:
    assert sorted(CASES) == modules()


def _cells(module: str) -> dict[str, Cell]:
    """Return a module's cells, run once in a process, whichever test comes first."""
    laws = laws_for(module, CASES[module])
    for law in laws:
        if (module, law) not in CELLS:
            CELLS[module, law] = run_cell(CASES[module], law)
    return {law: CELLS[module, law] for law in laws}


@pytest.mark.parametrize("module", HERE)
def test_laws(module: str) -> None:
    cells = _cells(module)
    assert {law: cell.survived for law, cell in cells.items() if cell.survived} == {}


def test_every_mutant_was_met(capsys: pytest.CaptureFixture[str]) -> None:
    """A mutant that touches no module proves nothing: each one has to be killed somewhere, by each of its laws."""
    for module in HERE:
        _cells(module)
    table = markdown(CELLS)
    with capsys.disabled():
        print("\n" + table)
    for mutant in MUTANTS:
        for law in mutant.laws:
            assert any(mutant.name in cell.killed for (_, of), cell in CELLS.items() if of == law), (mutant.name, law)
    if WHOLE:
        (REPOSITORY / "docs" / "laws.md").write_text(table, encoding="utf-8")
