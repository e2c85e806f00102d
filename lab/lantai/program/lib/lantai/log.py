"""The instance's log: GBK with CRLF, like the real clients' logs."""

from __future__ import annotations

import os
import time

from .paths import Folder

__all__ = ["last_line", "write"]


def write(folder: Folder, level: str, message: str) -> None:
    """Append one line; an instance without its log folder is left alone."""
    if not os.path.isdir(os.path.dirname(folder.log)):
        return
    text = "{0} [{1}] {2}\r\n".format(time.strftime("%Y-%m-%d %H:%M:%S"), level, " ".join(message.split()))
    with open(folder.log, "ab") as file:
        file.write(text.encode("gbk", "replace"))


def last_line(folder: Folder) -> str:
    """Return the last line of the log, or an empty text."""
    try:
        with open(folder.log, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().decode("gbk", "replace").splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
