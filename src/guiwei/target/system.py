"""The PC as a resource sees it: files, rows, programs and blobs, below one root."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Mapping, Optional, Union

from guiwei.errors import ResourceError
from guiwei.target.files import Files
from guiwei.target.journal import Journal
from guiwei.target.moves import busy
from guiwei.target.rows import Rows
from guiwei.target.secret import Secret

if TYPE_CHECKING:
    from guiwei.target.processes import Result
    from guiwei.target.registry import Registry

__all__ = ["Blobs", "System", "convert_os_error"]

#: Returns a blob's bytes in pieces, from an offset; the controller holds it.
Blobs = Callable[[str, int], Iterator[bytes]]


class System:
    """What a resource reads and writes through, and nothing else.

    Args:
        root: prefix of every path; "/" on a real PC.
        state_dir: guiwei's own folder on the PC, a real path.
        journal: of the run; None while reading, when any write is a bug.
        blobs: where the bytes of artifacts come from.
    """

    def __init__(
        self, root: str, state_dir: str, journal: Optional[Journal] = None, blobs: Optional[Blobs] = None
    ) -> None:
        self.root = root
        self.state_dir = state_dir
        self.journal = journal
        self.files = Files(root, journal)
        self.rows = Rows(self.files)
        self._blobs = blobs

    @property
    def registry(self) -> Registry:
        """The Windows registry; on another system every use of it is an error."""
        # Loaded where it is used: nine of ten resources never do.
        from guiwei.target.registry import Registry

        return Registry(self.root, self.journal)

    def run(
        self,
        argv: List[Union[str, Secret]],
        timeout: float = 60.0,
        given: Optional[Union[str, Secret]] = None,
        environment: Optional[Mapping[str, Any]] = None,
        folder: Optional[str] = None,
    ) -> Result:
        """Run a program to its end; see `run_program`. The working folder is below the root."""
        from guiwei.target.processes import run_program

        self.forget()
        real_folder = self.files.real(folder) if folder else None
        return run_program(argv, timeout, given, environment, real_folder)

    def blob(self, sha256: str, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes of an artifact from an offset on.

        Raises:
            ResourceError: nobody has it (`blob-missing`).
        """
        from guiwei.target.fetched import kept_blob

        kept = kept_blob(self.state_dir, sha256, offset)
        if kept is not None:
            return kept
        if self._blobs is None:
            raise ResourceError("blob-missing", sha256=sha256)
        return self._blobs(sha256, offset)

    def forget(self) -> None:
        """Drop what was read: something may have changed it, or put another file in its place."""
        self.files.forget()
        self.rows.close()

    def close(self) -> None:
        """Let go of open databases."""
        self.rows.close()


_CODES = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EROFS: "path-read-only",
    errno.EACCES: "path-permission",
    errno.EPERM: "path-permission",
    errno.EBUSY: "file-in-use",
    errno.ETXTBSY: "file-in-use",
    errno.ENOENT: "path-missing",
}


def convert_os_error(error: OSError, path: str = "") -> ResourceError:
    """Return the resource error for what the operating system said; the one boundary for such errors."""
    where = str(error.filename or path)
    if os.name == "nt":
        where = where.replace("/", "\\")
    # Windows: 32 sharing violation, 33 lock violation; it also says "access denied" of a file that is in use.
    if getattr(error, "winerror", None) in (32, 33):
        return ResourceError("file-in-use", path=where)
    error = busy(error, where)
    code = _CODES.get(error.errno or 0)
    if code is None:
        return ResourceError("os-error", path=where, detail=error.strerror or str(error))
    return ResourceError(code, path=where)
