"""Where things lie on the PC, and how the client writes a file."""

from __future__ import annotations

import os

from . import errors

__all__ = [
    "Folder",
    "Layout",
    "check_own_tree",
    "program_folder",
    "program_instance",
    "program_version",
    "write_atomically",
]

_INSTANCES = "/var/lib/兰台开票"
_TREE = "Program"


def program_folder() -> str:
    """Return the program tree that this code runs from."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def program_instance() -> str | None:
    """Return the instance in whose folder this program tree lies; None for a tree that lies elsewhere."""
    folder, tree = os.path.split(program_folder())
    return os.path.basename(folder) if tree == _TREE else None


def program_version() -> str:
    """Return the version in the program tree's VERSION file."""
    with open(os.path.join(program_folder(), "VERSION"), encoding="ascii") as file:
        return file.read().strip()


def write_atomically(path: str, data: bytes) -> None:
    """Replace a file by way of a temporary file beside it; an existing file keeps its mode."""
    temporary = path + ".lantai-tmp"
    mode = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else None
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        os.chmod(temporary, mode)
    os.replace(temporary, path)


class Layout:
    """The fixed places of one PC, all below ``root``."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.record = self.below("/etc/lantai/record.ini")
        self.driver = self.below("/etc/lantai/driver.ini")
        self.devices = self.below("/dev/taxdisk")
        self.run = self.below("/run/lantai")

    def below(self, path: str) -> str:
        """Return where a path as the PC sees it lies on the machine that runs this code."""
        return os.path.join(self.root, path.lstrip("/"))


class Folder:
    """The places of one instance; ``name`` is ``<税号>.<机号>`` and ``path`` the folder as the PC sees it."""

    def __init__(self, layout: Layout, name: str, path: str = "") -> None:
        self.layout = layout
        self.name = name
        self.seen_as = path or _INSTANCES + "/" + name
        self.path = layout.below(self.seen_as)
        self.program = os.path.join(self.path, _TREE)
        self.settings = os.path.join(self.path, "Config", "兰台.ini")
        self.address = os.path.join(self.path, "Config", "安全接入地址.txt")
        self.database = os.path.join(self.path, "Data", "lantai.db")
        self.lock = os.path.join(self.path, "Data", "lantai.lock")
        self.log = os.path.join(self.path, "Log", "lantai.log")
        self.registration = os.path.join(self.path, "Disk", "register.ini")
        self.certificate = os.path.join(self.path, "Cert", "开票.pem")
        self.pid = os.path.join(layout.run, name + ".pid")
        self.running = os.path.join(layout.run, name + ".json")

    def read_address(self) -> str:
        """Return the upload address (安全接入地址).

        :raises Refusal: NETWORK when the file is missing, empty or not GBK.
        """
        try:
            with open(self.address, encoding="gbk") as file:
                address = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise errors.Refusal(errors.NETWORK, "无法读取安全接入地址：{0}".format(error)) from error
        if not address:
            raise errors.Refusal(errors.NETWORK, "安全接入地址为空")
        return address


def check_own_tree(folder: Folder) -> None:
    """Check that this code runs from the instance's own program tree.

    Another company's tree may be of another version: it must not migrate this one's database.

    :raises Refusal: NOT_RUNNING when it runs from elsewhere.
    """
    here, own = program_folder(), os.path.realpath(folder.program)
    if here != own:
        raise errors.Refusal(
            errors.NOT_RUNNING,
            "程序 {0} 不属于开票实例 {1}，请使用 {2}".format(here, folder.name, own),
            program=here,
            own=own,
        )
