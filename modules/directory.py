"""One folder: its mode and owner."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Directory(Resource):
    """Keep a folder; absent, it is removed only when it is empty: contents are never removed with it."""

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "A folder's presence, mode and owner."
    summary_zh: ClassVar[str] = "一个文件夹的存在、权限和所有者。"

    path: str = key(
        "Absolute path.", "绝对路径。", pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)", example="/var/lib/开票数据备份"
    )
    parents: bool = option(
        "Make the missing folders above it too.", "同时创建缺少的上级文件夹。", default=True, example=True
    )
    mode: Optional[str] = value(
        "Permission bits.", "权限位。", form="mode", pattern=r"^0[0-7]{3}$", example="0750", posix=True
    )
    owner: Optional[str] = value(
        "Owner's name; a number where the PC has no name for it.",
        "所有者名称；没有名称时用编号。",
        example="root",
        posix=True,
    )
    group: Optional[str] = value(
        "Group's name; a number where the PC has no name for it.",
        "所属组名称；没有名称时用编号。",
        example="root",
        posix=True,
    )

    def read(self, system: System) -> Optional[State]:
        """Return mode and owner."""
        found = system.files.stat(self.path)
        if found is None:
            return None
        if found.kind != "directory":
            raise ResourceError("path-kind", path=self.path, found=found.kind, wanted="directory")
        return {"mode": found.mode, "owner": found.owner, "group": found.group}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Make the folder, then its mode, then its owner; or remove it if it is empty."""
        if state is None:
            system.files.remove_folder(self.path)
            return None
        mode = state.get("mode")
        if system.files.stat(self.path) is None:
            if not self.parents and system.files.stat(self._above()) is None:
                raise ResourceError("path-missing", path=self._above())
            system.files.make_folder(self.path, mode or "0755")
        if mode is not None:
            system.files.set_mode(self.path, mode)
        if state.get("owner") is not None or state.get("group") is not None:
            system.files.set_owner(self.path, state.get("owner"), state.get("group"))
        return None

    def _above(self) -> str:
        return self.path.rstrip("/\\").rpartition("/")[0] or "/"
