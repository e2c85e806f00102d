"""A value that must never be shown, logged or saved."""

from __future__ import annotations

from typing import Any, Iterable, List, Set

__all__ = ["MASK", "Secret", "holds_secret", "masked", "reveal"]

MASK = "••••••"

#: A part of a secret that is no longer than this tells nothing, and stands in other texts by chance.
_TELLING = 4


class Secret:
    """Hold a text that only `reveal` gives back; every other use shows a mask.

    Two secrets are equal when their texts are. There is no `__iter__`, no `__len__`, no formatting: a secret
    that slips into a message is a mask there.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def fingerprint(self, key: bytes) -> str:
        """Return an HMAC-SHA256 of the text, to compare without knowing it.

        Args:
            key: a random key of the plan; another plan's fingerprints do not compare.
        """
        import hashlib
        import hmac

        return hmac.new(key, self._text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac

        return hmac.compare_digest(
            self._text.encode("utf-8", "surrogatepass"), other._text.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return MASK


def reveal(value: Any) -> Any:
    """Return a secret's text, or any other value as it is."""
    return value.reveal() if isinstance(value, Secret) else value


def holds_secret(value: Any) -> bool:
    """Tell whether a value is a secret, or has one in it."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Secret) or any(map(holds_secret, parts))


def masked(text: str, secrets: Iterable[Any]) -> str:
    """Return a text that others wrote (a program's output, a traceback) with secrets as masks.

    A secret is found whole and line by line, as it is and as Python and JSON quote it, and where the text was cut in
    the middle of it.

    Args:
        secrets: `Secret` objects or texts.
    """
    forms = _forms(secrets)
    for form in forms:
        text = text.replace(form, MASK)
    for form in forms:
        text = _cut_masked(text, form)
    return text


def _forms(secrets: Iterable[Any]) -> List[str]:
    import json

    found: Set[str] = set()
    for secret in secrets:
        whole = str(reveal(secret))
        found.update((whole, whole.strip()))
        for quoted in (whole, repr(whole)[1:-1], json.dumps(whole)[1:-1], json.dumps(whole, ensure_ascii=False)[1:-1]):
            lines = quoted.replace("\\r", "\n").replace("\\n", "\n").splitlines()
            found.update((quoted, *(line for line in lines if len(line) >= _TELLING)))
    return sorted((form for form in found if form), key=len, reverse=True)


def _cut_masked(text: str, form: str) -> str:
    """Mask the end of a secret that a text begins with, and the beginning of one that it ends with."""
    size = next((size for size in _places(form, text[:_TELLING]) if text.startswith(form[-size:])), 0)
    if size:
        text = MASK + text[size:]
    size = next((size for size in _places(form[::-1], text[: -_TELLING - 1 : -1]) if text.endswith(form[:size])), 0)
    return text[:-size] + MASK if size else text


def _places(form: str, start: str) -> Iterable[int]:
    """Yield how much of `form` is left at each place where `start` stands in it, the most first."""
    place = form.find(start, 1) if len(start) == _TELLING else -1
    while place >= 0:
        yield len(form) - place
        place = form.find(start, place + 1)
