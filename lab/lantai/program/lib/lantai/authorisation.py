"""The certificate password (证书口令): checked, changed, locked after too many wrong tries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import database, errors, log, passwords
from .paths import Folder

if TYPE_CHECKING:
    import sqlite3

__all__ = ["PASSWORD_TRIES", "change_password", "check_password", "told"]

PASSWORD_TRIES = 5


def check_password(folder: Folder, password: str) -> None:
    """Compare a password with the instance's; a wrong one is counted.

    :raises Refusal: PASSWORD when it is wrong, LOCKED when no try is left.
    """
    with database.working(folder.database) as connection:
        left = int(database.get_setting(connection, "cert_tries_left") or PASSWORD_TRIES)
        if left <= 0:
            raise errors.Refusal(errors.LOCKED, "证书口令已锁定，请到税务机关重置", tries_left=0)
        right = passwords.matches(password, database.get_setting(connection, "cert_hash"))
        left = PASSWORD_TRIES if right else left - 1
        database.set_setting(connection, "cert_tries_left", str(left))
    # The count is committed before the answer goes out: no way of asking gives a free try.
    if not right:
        log.write(folder, "警告", "证书口令错误（1007），剩余 {0} 次".format(left))
        raise errors.Refusal(
            errors.PASSWORD, "证书口令错误（1007），剩余 {0} 次，用尽后锁定".format(left), tries_left=left
        )


def change_password(folder: Folder, old: str, new: str) -> None:
    """Put a new password in the old one's place.

    :raises Refusal: USAGE when the new one is empty or the old one; else as ``check_password``.
    """
    if not new or new == old:
        raise errors.Refusal(errors.USAGE, "新口令为空或与原口令相同")
    check_password(folder, old)
    with database.working(folder.database) as connection:
        database.set_setting(connection, "cert_hash", passwords.hashed(new))
        database.set_setting(connection, "cert_changed", time.strftime("%Y-%m-%d"))
    log.write(folder, "信息", "证书口令已修改")


def told(connection: sqlite3.Connection) -> dict[str, object]:
    """Return the day of the password's last change and the tries that are left."""
    return {
        "password_changed": database.get_setting(connection, "cert_changed") or None,
        "password_tries_left": int(database.get_setting(connection, "cert_tries_left") or PASSWORD_TRIES),
    }
