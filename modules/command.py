"""Action: run a program."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, List, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.secret import Secret, masked
from guiwei.target.system import System

#: How much of a program's output goes into the receipt and into an error, in bytes.
SHOWN = 2 << 10


@dataclasses.dataclass(frozen=True)
class Command(Resource):
    """Run a program unless `creates` or `unless` says that its work is done; with neither it always runs.

    Afterwards the same condition is looked at again: an exit code proves nothing.
    """

    kind: ClassVar[str] = "action"
    summary: ClassVar[str] = "A program that runs, for what no other type can do."
    summary_zh: ClassVar[str] = "运行一个程序，用于其他类型做不到的事。"
    undo: ClassVar[str] = "none"

    argv: List[str] = key(
        "The program and its arguments, without a shell.", "程序及参数，不经过 shell。", example=["/usr/sbin/ldconfig"]
    )
    creates: Optional[str] = option(
        "Path that exists once it is done.", "完成后存在的路径。", default=None, example="/var/lib/开票软件/已激活"
    )
    unless: Optional[List[str]] = option(
        "Program whose exit code 0 says that it is done.",
        "退出码 0 表示已完成的程序。",
        default=None,
        example=["/usr/bin/test", "-e", "/x"],
    )
    environment: Dict[str, Any] = option(
        "Added to the environment; no secrets.",
        "追加的环境变量，不得含密码。",
        default={},
        form="mapping",
        example={"TZ": "Asia/Shanghai"},
    )
    folder: Optional[str] = option("Working folder.", "工作目录。", default=None, example="/opt/开票软件")
    timeout: float = option("Deadline in seconds.", "期限（秒）。", default=60.0, example=300.0)
    success: List[int] = option("Exit codes that are good.", "表示成功的退出码。", default=[0], example=[0, 3010])
    given: Optional[str] = value(
        "Standard input: the place for a secret.",
        "标准输入，密码应放在这里。",
        secret=True,
        compared=False,
        example="{{ certificate_password }}",
    )
    done: Optional[bool] = value("Have it done.", "要求完成。", example=True)

    def read(self, system: System) -> Optional[State]:
        """Return whether its work is done; `done: false` if nothing can tell."""
        if self.creates is not None and system.files.stat(self.creates) is not None:
            return {"done": True}
        if self.unless is not None:
            return {"done": system.run(list(self.unless), float(self.timeout)).code == 0}
        return {"done": False}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Run the program and return its exit code and the beginning of its output, the secret masked.

        Raises:
            ResourceError: a bad exit code (`command-failed`), or no effect by its own condition (`command-no-effect`).
        """
        if not (state or {}).get("done") or (self.read(system) or {})["done"]:
            return None
        given = (state or {}).get("given")
        result = system.run(list(self.argv), float(self.timeout), given, self.environment, self.folder)
        output = _without(result.out, given) + _without(result.err, given)
        if result.code not in [int(code) for code in self.success]:
            tail = _cut(output, last=True)
            raise ResourceError("command-failed", program=str(self.argv[0]), exit_code=result.code, output=tail)
        if (self.creates is not None or self.unless is not None) and not (self.read(system) or {})["done"]:
            condition = self.creates or " ".join(str(word) for word in self.unless or ())
            raise ResourceError(
                "command-no-effect", program=str(self.argv[0]), exit_code=result.code, condition=condition
            )
        return {"code": result.code, "output": _cut(output)}


def _without(output: str, given: Any) -> str:
    """Programs echo what they are given. A plain text of a letter or two would mask half the output for nothing."""
    telling = isinstance(given, Secret) or len(str(given or "")) > 3
    return masked(output, [given]) if telling else output


def _cut(output: str, last: bool = False) -> str:
    data = output.strip().encode("utf-8", "replace")
    return (data[-SHOWN:] if last else data[:SHOWN]).decode("utf-8", "ignore")
