"""Values that notice every look into them.

An expression is first evaluated with each secret in a closed box. Where nothing looked into a box, the result cannot
depend on the secret's text, and the boxes in it become secrets again. Any look sets the noticing object's flag: the
evaluation is then repeated with the texts, and its whole result is secret.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["Box", "Postponed", "Reference", "ReferenceUsed", "Touched", "Watch"]


class Touched(Exception):
    """Something looked into a box."""


class ReferenceUsed(Exception):
    """Something computed with a value that only the PC knows."""


class Watch:
    """What boxes and references report to.

    Attributes:
        handed: a box was given to the evaluation.
        touched: something looked into one.
        referred: text of a reference was output.
        used: the reference that something computed with.
    """

    __slots__ = ("handed", "referred", "touched", "used")

    def __init__(self) -> None:
        self.handed = False
        self.touched = False
        self.referred = False
        self.used: str | None = None


def _trap(self: Any, *args: Any, **kwargs: Any) -> Any:
    object.__getattribute__(self, "_notice")()


class _Closed:
    """Base: every special method is a trap, every attribute too, `__class__` (and so `isinstance`) included.

    What Python decides by `type()` alone cannot see the text either; at worst it fails, and whoever evaluates repeats
    a failed evaluation with the texts.
    """

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        object.__getattribute__(self, "_notice")()

    def _notice(self) -> None:
        raise NotImplementedError


_SPECIAL = """
    str repr bytes format lt le eq ne gt ge hash bool len length_hint getitem setitem delitem iter next reversed
    contains add radd iadd sub rsub isub mul rmul imul truediv rtruediv itruediv floordiv rfloordiv ifloordiv mod rmod
    imod divmod rdivmod pow rpow ipow lshift rlshift rshift rrshift and rand or ror xor rxor neg pos abs invert
    int float complex index round trunc floor ceil enter exit setattr delattr dir sizeof reduce reduce_ex
    copy deepcopy fspath matmul rmatmul
"""
for _name in _SPECIAL.split():
    setattr(_Closed, f"__{_name}__", _trap)


class Box(_Closed):
    """A secret that nobody has looked into."""

    __slots__ = ("_secret", "_watch")

    def __init__(self, secret: Any, watch: Watch) -> None:
        object.__setattr__(self, "_secret", secret)
        object.__setattr__(self, "_watch", watch)

    def _notice(self) -> None:
        object.__getattribute__(self, "_watch").touched = True
        raise Touched

    @staticmethod
    def open(box: Box) -> Any:
        """Return the secret itself, unnoticed."""
        return object.__getattribute__(box, "_secret")


class Postponed(_Closed):
    """A variable that could not be rendered: whoever uses it gets the error."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        object.__setattr__(self, "_error", error)

    def _notice(self) -> None:
        raise object.__getattribute__(self, "_error")

    @staticmethod
    def fail(postponed: Postponed) -> None:
        """Raise the error."""
        object.__getattribute__(postponed, "_notice")()


_WORD = re.compile(r"\w+\Z")


class Reference(_Closed):
    """A value that only the PC knows, as the text that the agent fills in.

    Args:
        text: what is output, such as `{{ facts.prefix }}/data`.
        dotted: `facts.prefix` while it is a pure reference, which may go on; None once it is part of a text.
    """

    __slots__ = ("_dotted", "_text", "_watch")

    def __init__(self, text: str, dotted: str | None, watch: Watch) -> None:
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_dotted", dotted)
        object.__setattr__(self, "_watch", watch)

    @classmethod
    def to(cls, dotted: str, watch: Watch) -> Reference:
        """Return a pure reference."""
        return cls("{{ " + dotted + " }}", dotted, watch)

    def _notice(self) -> None:
        shown = object.__getattribute__(self, "_dotted") or object.__getattribute__(self, "_text")
        object.__getattribute__(self, "_watch").used = shown
        raise ReferenceUsed

    @staticmethod
    def child(reference: Reference, name: Any) -> Reference:
        """Return the reference to a part."""
        dotted = object.__getattribute__(reference, "_dotted")
        if dotted is None or type(name) is not str or not _WORD.match(name):
            object.__getattribute__(reference, "_notice")()
        return Reference.to(f"{dotted}.{name}", object.__getattribute__(reference, "_watch"))

    @classmethod
    def rewatched(cls, reference: Reference, watch: Watch) -> Reference:
        """Return the same reference, reporting to another evaluation."""
        return cls(object.__getattribute__(reference, "_text"), object.__getattribute__(reference, "_dotted"), watch)

    @staticmethod
    def emit(reference: Reference) -> str:
        """Return the text, as output: a bare `facts` is not something that the agent could fill in."""
        dotted = object.__getattribute__(reference, "_dotted")
        if dotted is not None and "." not in dotted:
            object.__getattribute__(reference, "_notice")()
        object.__getattribute__(reference, "_watch").referred = True
        return str(object.__getattribute__(reference, "_text"))
