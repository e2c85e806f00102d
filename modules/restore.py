"""Action: put a backup's folders and files back."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Optional

from guiwei.target.backups import Backups
from guiwei.target.contract import Resource, State, key, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Restore(Resource):
    """Restore a backup of this PC. What was there is kept as a before-image, so the run can be rolled back."""

    kind: ClassVar[str] = "action"
    summary: ClassVar[str] = "A backup's folders and files, put back."
    summary_zh: ClassVar[str] = "从备份恢复文件夹和文件。"
    undo: ClassVar[str] = "images"

    backup: str = key("The backup's id.", "备份编号。", example="20260105T013000Z-4f2a1c")
    done: Optional[bool] = value("Restore it.", "执行恢复。", example=True)

    def read(self, system: System) -> Optional[State]:
        """Return whether the PC has what the backup holds already; logs do not count."""
        return {"done": Backups(system).moved_since(self.backup, exactly=True) is None}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Check every byte of the backup, then put it in place; return its receipt."""
        if not (state or {}).get("done") or (self.read(system) or {})["done"]:
            return None
        return Backups(system).restore(self.backup)
