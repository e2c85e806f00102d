"""One file: its content, mode and owner."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Iterator, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, supply, value
from guiwei.target.files import hash_file
from guiwei.target.hashing import digest
from guiwei.target.secret import Secret, reveal
from guiwei.target.system import System
from guiwei.target.text import ENCODINGS, decode_exactly, encode_text

#: A larger file is compared by its hash alone.
CONTENT_LIMIT = 256 << 10


@dataclasses.dataclass(frozen=True)
class File(Resource):
    """Keep a file as declared; give `content`, `template` or `source`."""

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "A file's content, mode and owner."
    summary_zh: ClassVar[str] = "一个文件的内容、权限和所有者。"

    path: str = key("Absolute path.", "绝对路径。", pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)", example="/etc/motd")
    encoding: str = option("Encoding of `content`.", "content 的编码。", default="utf-8", choices=ENCODINGS)
    newline: str = option("Line ends to write.", "写入的换行符。", default="keep", choices=["keep", "lf", "crlf"])
    content: Optional[str] = value("The whole text.", "全部文本。", example="hello\n")
    template: Optional[str] = supply(
        "Jinja2 file whose rendering is the content.", "Jinja2 模板文件。", "content", "template"
    )
    source: Optional[str] = supply(
        "File beside the playbook to copy as it is.", "原样复制的文件。", "sha256", "artifact"
    )
    sha256: Optional[str] = value("SHA-256 of the content.", "内容的 SHA-256。", pattern=r"^[0-9a-f]{64}$")
    mode: Optional[str] = value(
        "Permission bits.", "权限位。", form="mode", pattern=r"^0[0-7]{3}$", example="0644", posix=True
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

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Refuse two contents for one file."""
        given = [name for name in ("content", "template", "source", "sha256") if arguments.get(name) is not None]
        return ResourceError("file-two-contents", given=", ".join(given)) if len(given) > 1 else None

    def read(self, system: System) -> Optional[State]:
        """Return text, hash, mode and owner."""
        found = system.files.stat(self.path)
        if found is None:
            return None
        if found.kind != "file":
            raise ResourceError("path-kind", path=self.path, found=found.kind, wanted="file")
        state: State = {"mode": found.mode, "owner": found.owner, "group": found.group}
        if found.size > CONTENT_LIMIT:
            state["sha256"] = hash_file(system.files.real(self.path))
            return state
        data = system.files.read(self.path) or b""
        text = decode_exactly(data, self.encoding)
        state["sha256"] = digest(data)
        if text is not None:
            state["content"] = text
        return state

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Write content, then mode, then owner."""
        if state is None:
            system.files.remove(self.path)
            return None
        mode = state.get("mode")
        content = state.get("content")
        if content is not None:
            # A state that was read has the hash too: its content is exact, line ends and all.
            newline = self.newline if state.get("sha256") is None else "keep"
            data = encode_text(str(reveal(content)), self.encoding, newline, isinstance(content, Secret))
            system.files.write(self.path, data, mode)
        elif state.get("sha256") is not None:
            system.files.write_chunks(self.path, lambda: self._chunks(system, state), state["sha256"], mode)
        elif system.files.stat(self.path) is None:
            system.files.write(self.path, b"", mode)
        elif mode is not None:
            system.files.set_mode(self.path, mode)
        if state.get("owner") is not None or state.get("group") is not None:
            system.files.set_owner(self.path, state.get("owner"), state.get("group"))
        return None

    def _chunks(self, system: System, state: State) -> Iterator[bytes]:
        return system.blob(state["sha256"])

    def normal(self, state: State) -> State:
        """Give the content the line ends that will be written, so that it compares with what is read.

        Raises:
            ResourceError: the content is too long to be compared as text (`file-content-large`).
        """
        content = state.get("content")
        if content is not None and len(str(reveal(content)).encode("utf-8", "surrogatepass")) > CONTENT_LIMIT:
            raise ResourceError("file-content-large", path=self.path, limit=CONTENT_LIMIT)
        if content is None or self.newline == "keep":
            return state
        text = str(reveal(content)).replace("\r\n", "\n")
        if self.newline == "crlf":
            text = text.replace("\n", "\r\n")
        return dict(state, content=Secret(text) if isinstance(content, Secret) else text)
