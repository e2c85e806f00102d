"""A value that must never be shown, logged or saved."""

from __future__ import annotations

from typing import Any

__all__ = ["MASK", "Secret", "reveal"]

MASK = "••••••"


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
