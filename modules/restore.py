"""Action: put a backup's folders and files back."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import ClassVar, List, Optional

from guiwei.target.backups import Backups
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Restore(Resource):
    """Restore a backup of this PC. What was there is kept as a before-image, so the run can be rolled back."""

    kind: ClassVar[str] = "action"
    summary: ClassVar[str] = "A backup's folders and files, put back."
    summary_zh: ClassVar[str] = "从备份恢复文件夹和文件。"
    undo: ClassVar[str] = "images"

    backup: str = key("The backup's id.", "备份编号。", example="20260105T013000Z-4f2a1c")
    parts: List[str] = option(
        "Paths within the backup, and `values` for its single values; everything by default.",
        "只恢复其中的这些路径，values 表示单独的值；默认为全部。",
        default=[],
        example=["/var/lib/开票软件/Config", "values"],
    )
    archive: Optional[str] = option(
        "SHA-256 of an archive that holds the backup, where this PC has not got it.",
        "本机没有该备份时，含有该备份的归档文件的 SHA-256。",
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    done: Optional[bool] = value("Restore it.", "执行恢复。", example=True)

    def read(self, system: System) -> Optional[State]:
        """Return whether the PC has what the backup holds already; logs do not count."""
        backups = Backups(system)
        if self.archive is not None and not backups.known(self.backup):
            return {"done": False}
        return {"done": backups.moved_since(self.backup, exactly=True, parts=list(self.parts)) is None}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Check every byte of the backup, then put it in place; return its receipt."""
        if not (state or {}).get("done") or (self.read(system) or {})["done"]:
            return None
        backups = Backups(system)
        if self.archive is not None:
            backups.receive(self.backup, self.archive)
        return backups.restore(self.backup, list(self.parts))
