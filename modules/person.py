"""What a person does at the PC: guiwei says what, waits, and goes on when it is done."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, compose, fields_of, find_type, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Person(Resource):
    """Wait for something that only a person can do: log in, plug a disk in, confirm a filing.

    The PC can tell by itself that it is done if `done_when` names what to read; else somebody says so with
    `guiwei done`. What comes after it waits.
    """

    kind: ClassVar[str] = "probe"
    by_hand: ClassVar[bool] = True
    summary: ClassVar[str] = "Something that a person does; what follows waits until it is done."
    summary_zh: ClassVar[str] = "需要人工完成的步骤，后续步骤等待其完成。"

    do: str = key(
        "What is to be done, as the person is told.",
        "告知操作人员的内容。",
        example="Log in with the certificate password and press 激活",
    )
    name: Optional[str] = key(
        "Short name for `guiwei done HOST NAME`; without it the task's name.",
        "guiwei done 主机 名称 中使用的简称，缺省为任务名。",
        default=None,
        example="activate",
    )
    done_when: Dict[str, Any] = option(
        "What shows that it is done: `module`, `with`, `field`, and the `value` it must have (without one: any).",
        "表明已完成的读取：module、with、field 及应有的 value（不写则有值即可）。",
        default={},
        form="mapping",
        example={"module": "file", "with": {"path": "/run/lantai/ready"}, "field": "mode"},
    )
    evidence: Optional[str] = option(
        "What must be given as evidence with `guiwei done --evidence`.",
        "执行 guiwei done --evidence 时必须提供的凭证。",
        default=None,
        example="Photo of the screen after filing",
    )
    again: str = option(
        "`never`: done once is done; `month`: to be done again each calendar month.",
        "never：完成一次即可；month：每个自然月重新完成。",
        default="never",
        choices=["never", "month"],
    )
    done: Optional[bool] = value("Whether it is done; what a task wants anyway.", "是否已完成；任务默认要求。")

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Want a `done_when` that can be read."""
        reading = arguments.get("done_when")
        if not isinstance(reading, dict) or not reading:
            return None
        for name in reading:
            if name not in ("module", "with", "field", "value"):
                return ResourceError("person-done-when", word=str(name))
        module, given = reading.get("module"), reading.get("with")
        if not isinstance(module, str) or not isinstance(given, dict) or not isinstance(reading.get("field"), str):
            return ResourceError("person-done-when-part", parts="module, with, field")
        try:
            roles = {spec.name: spec.role for spec in fields_of(find_type(module))}
        except ResourceError as error:
            return error
        for name in given:
            if roles.get(name) not in ("key", "option"):
                return ResourceError("product-argument", module=module, argument=str(name))
        return None

    def read(self, system: System) -> Optional[State]:
        """Return whether the PC shows that it is done; without `done_when` it never does."""
        return {"done": bool(self.done_when) and self._shown(system)}

    def _shown(self, system: System) -> bool:
        found = compose(self.done_when["module"], self.done_when["with"]).read(system)  # type: Any
        for part in self.done_when["field"].split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if "value" not in self.done_when:
            return found is not None
        return bool(found == self.done_when["value"])
