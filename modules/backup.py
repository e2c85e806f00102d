"""Action: copy an instance's data and prove the copy."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, List, Optional

from guiwei.errors import ResourceError
from guiwei.target.backups import Backups
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Backup(Resource):
    """Make a backup, each time it is asked for. Rolling a run back restores what changed since from it."""

    kind: ClassVar[str] = "action"
    summary: ClassVar[str] = "A proved backup of folders and files on the PC."
    summary_zh: ClassVar[str] = "在本机备份文件夹和文件，并校验备份。"
    undo: ClassVar[str] = "images"

    label: str = key("What it is of, usually an instance.", "备份对象，通常是实例。", example="91110108MA01A2B3C4.0")
    paths: List[str] = option(
        "Folders and files, absolute.", "文件夹和文件的绝对路径。", default=[], example=["/var/lib/开票软件"]
    )
    exclude: List[str] = option(
        "Names that are left out, with `*` and `?`.", "排除的名称，可用 * 和 ?。", default=[], example=["*.lock"]
    )
    values: List[Dict[str, Any]] = option(
        "Resources (module, with) whose values belong to it but lie in files that others write too.",
        "属于该实例、但存放在公用文件中的值（module、with）。",
        default=[],
        example=[{"module": "ini", "with": {"path": "/etc/lantai/record.ini", "section": "a.0", "option": "Version"}}],
    )
    note: Dict[str, Any] = option(
        "Kept in the manifest.", "写入备份清单的说明。", default={}, form="mapping", example={"version": "3.0.0"}
    )
    allow_damaged: bool = option(
        "Keep a damaged database too, and say so.", "数据库已损坏时也备份，并注明。", default=False, example=True
    )
    done: Optional[bool] = value("Make it.", "执行备份。", example=True)

    def read(self, system: System) -> Optional[State]:
        """Return that it is still to be made: a backup is of this moment."""
        return {"done": False}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Make the backup and return its receipt."""
        if not (state or {}).get("done"):
            return None
        if not self.paths:
            raise ResourceError("backup-empty", label=self.label)
        receipt = Backups(system).make(
            self.label, self.paths, self.exclude, self.note, bool(self.allow_damaged), self.values
        )
        # Whatever changes this data later in the run, a rollback takes it back to here.
        system.files.done(system.files.intend({"op": "data", "path": self.label, "backup": receipt["backup"]}))
        return receipt
