"""A PC in a temporary folder, for the unit tests of what runs on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guiwei.errors import ResourceError
from guiwei.target.journal import Journal
from guiwei.target.steps import apply_steps
from guiwei.target.system import System
from guiwei.target.undo import roll_back

RUN = "20260105T013000Z-unit"


class Pc:
    """Root and state folder of one PC, and the blobs that its controller has."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "pc"
        self.state = folder / "state"
        self.root.mkdir()
        self.state.mkdir(mode=0o700)
        self.blobs: dict[str, bytes] = {}

    def put(self, path: str, data: bytes | str) -> Path:
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(data.encode() if isinstance(data, str) else data)
        return real

    def real(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def reader(self) -> System:
        return System(str(self.root), str(self.state))

    def writer(self, run: str = RUN) -> System:
        return System(str(self.root), str(self.state), Journal(str(self.state), run), self._blob)

    def _blob(self, sha256: str, offset: int) -> Iterator[bytes]:
        if sha256 not in self.blobs:
            raise ResourceError("blob-missing", sha256=sha256)
        data = self.blobs[sha256][offset:]
        yield from (data[at : at + 7] for at in range(0, len(data), 7))

    def apply(self, *steps: dict[str, Any]) -> list[dict[str, Any]]:
        """Apply steps in one run; a step is `module`, `with`, `state`, and maybe more."""
        results: list[dict[str, Any]] = []
        system = self.writer()
        assert system.journal is not None
        whole = [{"id": f"s{number}", **step} for number, step in enumerate(steps)]
        apply_steps(system, system.journal, {"steps": whole}, results.append)
        system.close()
        return results

    def roll_back(self) -> tuple[bool, list[dict[str, Any]]]:
        results: list[dict[str, Any]] = []
        whole = roll_back(self.writer(), RUN, results.append)
        return whole, results

    def tree(self) -> dict[str, bytes | None]:
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.root.rglob("*"))
        }
