"""The matrix of laws, modules and mutants: how it is run, and how it is shown."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from law_bench import WINDOWS, Bench, Bites, Case, Situation
from law_mutants import MUTANTS, Mutant
from law_rules import LAWS, Rejected, laws_of

from guiwei.errors import GuiweiError
from guiwei.target.contract import find_type

REPOSITORY = Path(__file__).resolve().parents[2]

#: The whole matrix, with many examples, instead of a sample.
WHOLE = os.environ.get("GUIWEI_PROOF") == "1"
#: Under Wine every look at a file is a message to its server.
EXAMPLES, HUNTED = ((60, 60) if WHOLE else (8, 25)) if WINDOWS else ((300, 200) if WHOLE else (15, 25))
SEED = int(os.environ.get("GUIWEI_SEED", "20260105"))

#: What a law raises when it does not hold. A mutant that raises anything else is broken itself.
_NOTICED = (AssertionError, GuiweiError, OSError, ValueError)


def cases() -> dict[str, Case]:
    """Return the case of each module: those of the files `case_*.py`."""
    found: dict[str, Case] = {}
    for path in sorted(Path(__file__).parent.glob("case_*.py")):
        for case in importlib.import_module(path.stem).CASES:
            assert case.module not in found, f"{case.module} has two cases"
            found[case.module] = case
    return found


def modules(system: str = "") -> list[str]:
    """Return the names of all resource types: the folder is the truth.

    Args:
        system: only those whose laws can be tried on it.
    """
    names = sorted(path.stem for path in (REPOSITORY / "modules").glob("*.py") if path.stem != "__init__")
    chosen = cases() if system else {}
    return [name for name in names if not system or (name in chosen and system in chosen[name].systems)]


@dataclass
class Cell:
    """How one law fared with one module, as it is and under each mutant."""

    held: int = 0
    rejected: int = 0
    killed: list[str] = field(default_factory=list)
    survived: list[str] = field(default_factory=list)


def _settings(examples: int, phases: tuple[Phase, ...]) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


def prove(case: Case, law: str, cell: Cell) -> None:
    """Run one law over many situations; raises where it does not hold."""
    examples = max(3, int(EXAMPLES * case.share))

    @hypothesis.seed(SEED)
    @_settings(examples, (Phase.generate, Phase.shrink))
    @given(case.situations)
    def held(situation: Situation) -> None:
        with Bench() as bench:
            try:
                LAWS[law](case, bench, situation)
                cell.held += 1
            except Rejected:
                cell.rejected += 1

    held()
    assert cell.held, "no situation said anything about this law"


def hunt(case: Case, law: str, mutant: Mutant) -> str:
    """Return `killed`, `survived`, or `n/a` if the mutant never changed anything."""
    cls = find_type(case.module)
    bites = Bites()
    noticed: list[str] = []

    @hypothesis.seed(SEED)
    @_settings(max(5, int(HUNTED * case.share)), (Phase.generate,))
    @given(case.situations)
    def tried(situation: Situation) -> None:
        if noticed:
            return
        with Bench(bites) as bench, mutant.applied(bites, cls):
            try:
                LAWS[law](case, bench, situation)
            except Rejected:
                pass
            except _NOTICED as error:
                if bench.bitten():
                    noticed.append(repr(error))

    tried()
    return "killed" if noticed else "survived" if bites.count else "n/a"


def run_cell(case: Case, law: str) -> Cell:
    """Prove a law for a module, then hunt every mutant that the law has to notice."""
    cell = Cell()
    prove(case, law, cell)
    for mutant in MUTANTS:
        if law in mutant.laws:
            verdict = hunt(case, law, mutant)
            if verdict != "n/a":
                getattr(cell, verdict).append(mutant.name)
    return cell


def laws_for(module: str, case: Case) -> list[str]:
    """Return the laws of a module."""
    return laws_of(find_type(module), case.honest)


def markdown(cells: dict[tuple[str, str], Cell], where: str = "", mutants: Sequence[Mutant] = MUTANTS) -> str:
    """Return the table of laws × modules, and that of mutants × modules.

    Args:
        where: said in the title, if it was not this machine itself.
        mutants: those that there are in that place.
    """
    names = sorted({module for module, _ in cells})
    laws = [law for law in LAWS if any((module, law) in cells for module in names)]
    lines = [
        "# The laws, module by module" + (f", {where}" if where else ""),
        "",
        "Written by the law harness (`tests/laws`). A cell gives the situations in which the law held, and of the",
        "mutants of `system` that touched the module those that the law noticed. *-* : the law is not the module's.",
        "",
        "| module | " + " | ".join(laws) + " |",
        "|---" * (len(laws) + 1) + "|",
    ]
    for module in names:
        shown = [_shown(cells.get((module, law))) for law in laws]
        lines.append(f"| `{module}` | " + " | ".join(shown) + " |")
    lines += ["", "| mutant | laws that have to notice it | modules in which each of them did |", "|---|---|---|"]
    for mutant in mutants:
        killed = [
            module for module in names if any(mutant.name in cells[key].killed for key in cells if key[0] == module)
        ]
        lines.append(f"| {mutant.name} | {', '.join(mutant.laws)} | {', '.join(f'`{one}`' for one in killed)} |")
    situations = sum(cell.held for cell in cells.values())
    kills = sum(len(cell.killed) for cell in cells.values())
    survivors = sum(len(cell.survived) for cell in cells.values())
    lines += ["", f"{situations} situations, {kills} mutants killed, {survivors} survived. Seed {SEED}.", ""]
    return "\n".join(lines)


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    mutants = len(cell.killed) + len(cell.survived)
    return f"{cell.held}" + (f", {len(cell.killed)}/{mutants} mutants" if mutants else "")
