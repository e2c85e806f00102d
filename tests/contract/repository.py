"""The repository as its contract tests see it."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["REPOSITORY", "code_blocks", "files", "table"]

REPOSITORY = Path(__file__).resolve().parents[2]

_LOCAL = {".git", ".venv", "__pycache__", "build", "dist"}


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is, or would be, committed; links are not followed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    else:
        # Unpacked from a source distribution.
        found = [path for path in REPOSITORY.rglob("*") if not _LOCAL & set(path.relative_to(REPOSITORY).parts)]
    return tuple(path for path in found if path.is_file() and not path.is_symlink())


def table(document: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading of a document, without its head."""
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    below = re.split(rf"^#+ {re.escape(heading)}.*$", text, maxsplit=1, flags=re.MULTILINE)[1]
    rows = []
    for line in below.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            break
    return rows[2:]


def code_blocks(document: str, language: str) -> list[str]:
    """Return the code blocks of a document in one language."""
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
