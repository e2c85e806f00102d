"""The one error of the client and the exit codes that users know it by."""

from __future__ import annotations

__all__ = [
    "ACTIVATION",
    "DAMAGED",
    "DISK",
    "IDENTITY",
    "IN_USE",
    "LIMIT",
    "LOCKED",
    "LOGIN",
    "NETWORK",
    "NOT_RUNNING",
    "PASSWORD",
    "Refusal",
    "UNREGISTERED",
    "USAGE",
    "VERSION_STEP",
]

USAGE = 2
NOT_RUNNING = 10
IDENTITY = 11
DISK = 12
UNREGISTERED = 13
PASSWORD = 14
LOCKED = 15
ACTIVATION = 16
LOGIN = 17
LIMIT = 18
NETWORK = 19
DAMAGED = 20
VERSION_STEP = 21
IN_USE = 22


class Refusal(Exception):
    """Say why the client does not do what was asked: an exit code, a Chinese message, and data for programs."""

    def __init__(self, code: int, message: str, **data: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
