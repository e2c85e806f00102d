"""Run the laws of one module on this Windows Python, and print what came of each as a line of JSON.

    python laws_on_windows.py FOLDERS MODULE     (folders for sys.path, separated by |)

Started by `test_windows_laws.py`; the harness itself is that of `tests/laws`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback

sys.dont_write_bytecode = False
sys.path[:0] = sys.argv[1].split("|")

from law_proof import Cell, cases, laws_for, run_cell  # noqa: E402


def main(module: str) -> None:
    case = cases()[module]
    for law in laws_for(module, case):
        cell, error = Cell(), ""
        try:
            cell = run_cell(case, law)
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"law": law, "error": error, **dataclasses.asdict(cell)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[2])
