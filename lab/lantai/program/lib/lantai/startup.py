"""The way from nothing to a client that may answer: gates first, then the migration of the first start."""

from __future__ import annotations

import errno
import socket

from . import config, database, device, errors, identity, log, record, versions
from .paths import Folder

__all__ = ["open_port", "pass_gates", "settle_database"]


def pass_gates(folder: Folder) -> config.Settings:
    """Check settings, device, identity and database; change nothing.

    :raises Refusal: NOT_RUNNING, DISK, IDENTITY, DAMAGED or VERSION_STEP.
    """
    settings = config.load(folder)
    identity.check(record.entry(folder.layout, folder.name), settings, device.plugged(folder.layout))
    with database.reading(folder.database) as connection:
        database.check(connection)
        versions.step(database.schema_of(connection), versions.program_schema())
    return settings


def open_port(port: int) -> socket.socket:
    """Return the listening socket of the local service.

    :raises Refusal: NOT_RUNNING when another program has the port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(16)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise errors.Refusal(errors.NOT_RUNNING, "端口 {0} 已被其他程序占用".format(port), port=port) from error
        raise errors.Refusal(errors.NOT_RUNNING, "无法打开端口 {0}：{1}".format(port, error), port=port) from error
    return listener


def settle_database(folder: Folder) -> None:
    """Migrate the database when this version's first start is due, then note it in the record.

    The record is written after the database: a crash in between leaves an unfinished upgrade for the next start.
    """
    target = versions.program_schema()
    with database.working(folder.database) as connection:
        current = database.schema_of(connection)
        if versions.step(current, target):
            from .migrate import migrate

            migrate(connection, target)
            log.write(folder, "信息", "数据库由 {0} 迁移到 {1}".format(current, target))
    record.note_start(folder)
