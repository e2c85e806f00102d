"""An archive that is installed into a folder; the installed version is the state."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
import os
from typing import Any, ClassVar, Iterator, List, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import FORMS, Resource, State, compose, key, option, supply, value
from guiwei.target.ini_text import parse_ini
from guiwei.target.keeping import keep_state
from guiwei.target.system import System
from guiwei.target.text import parse, split_end

#: The file at the root of an archive and of an installed tree that names its version.
VERSION = "VERSION"


@dataclasses.dataclass(frozen=True)
class Package(Resource):
    """Install a program: fetch, check, unpack beside it, swap the folder, run its own set-up, ask its record.

    The version is what the record says, never what an exit code promises: real installers exit with 0 having done
    nothing (a 32-bit one on a PC without the 32-bit subsystem does).
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "A program installed from an archive, in the declared version."
    summary_zh: ClassVar[str] = "从安装包安装的程序及其版本。"

    name: str = key("The program's name.", "程序名称。", example="lantai")
    path: str = key(
        "Folder of the program tree; all of it is replaced.",
        "程序文件夹，安装时整体替换。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/opt/lantai",
    )
    record: Optional[str] = option(
        "File that holds the installed version, if not VERSION in the folder.",
        "记录已安装版本的文件，默认为文件夹内的 VERSION。",
        default=None,
        example="/etc/lantai/record.ini",
    )
    record_section: Optional[str] = option(
        "Section, where the record is an INI file.", "记录文件为 INI 时的节。", default=None, example="client"
    )
    record_option: str = option("Option of that section.", "该节中的选项。", default="Version", example="Version")
    install: Optional[List[str]] = option(
        "Program to run once the folder is in place.",
        "文件夹就位后运行的安装程序。",
        default=None,
        example=["/opt/lantai/bin/lantai", "setup"],
    )
    touches: List[str] = option(
        "Files that `install` writes, beside the record: a rollback restores them.",
        "install 会写入的其他文件，回滚时恢复。",
        default=[],
        example=["/etc/lantai/driver.ini"],
    )
    timeout: float = option("Deadline of `install` in seconds.", "安装程序的期限（秒）。", default=600.0, example=300.0)
    version: Optional[str] = value(
        "The installed version.", "已安装版本。", form="version", pattern=r"^[0-9]+(\.[0-9A-Za-z]+)*$", example="3.1.0"
    )
    sha256: Optional[str] = value(
        "SHA-256 of the archive.",
        "安装包的 SHA-256。",
        pattern=r"^[0-9a-f]{64}$",
        compared=False,
        example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    source: Optional[str] = supply("The archive, .tar.gz or .zip.", "安装包，.tar.gz 或 .zip。", "sha256", "artifact")
    reinstalled: Optional[bool] = value(
        "Install anew though the version is there (repair-install); an event, so it always differs.",
        "版本相同也重新安装（修复安装）；为一次性动作，总是执行。",
        volatile=True,
        example=True,
    )

    def read(self, system: System) -> Optional[State]:
        """Return the recorded version; None if the folder is not there."""
        found = system.files.stat(self.path)
        if found is None:
            return None
        if found.kind != "directory":
            raise ResourceError("path-kind", path=self.path, found=found.kind, wanted="directory")
        state: State = {"reinstalled": False}
        version = self._recorded(system)
        if version is not None:
            state["version"] = version
        return state

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Install, or (None) set the folder aside.

        Raises:
            ResourceError: no archive is given (`package-no-archive`), its bytes, form or version are wrong (nothing was
                touched then), or the record does not say the version afterwards (`package-not-recorded`).
        """
        if state is None:
            system.files.remove_tree(self.path)
            return None
        wanted, installed = state.get("version"), (self.read(system) or {}).get("version")
        if not state.get("reinstalled") and installed is not None and (wanted is None or _same(wanted, installed)):
            return None
        if state.get("sha256") is None:
            raise ResourceError("package-no-archive", package=self.name, version=str(wanted))
        version = self._replace_tree(system, state["sha256"], wanted)
        said = self._set_up(system)
        system.forget()
        recorded = self._recorded(system)
        if recorded is None or not _same(recorded, version):
            raise ResourceError(
                "package-not-recorded", package=self.name, version=version, recorded=str(recorded), output=said
            )
        return {"version": recorded, "sha256": state["sha256"]}

    def _recorded(self, system: System) -> Optional[str]:
        path = self.record or os.path.join(self.path, VERSION)
        data = system.files.read(path)
        if data is None:
            return None
        if self.record_section is not None:
            return parse_ini(data, "auto", path).value(self.record_section, self.record_option)
        lines = parse(data, "auto", path).lines
        return split_end(lines[0])[0].strip() if lines else None

    def _replace_tree(self, system: System, sha256: str, wanted: Optional[str]) -> str:
        """Fetch, unpack and check the archive, then put its tree in place; return the version in it."""
        from guiwei.target.archives import fetch_blob, unpack
        from guiwei.target.trees import remove_tree, sync_tree

        system.files.make_folder(os.path.dirname(self.path.rstrip("/\\")))
        real = system.files.real(self.path)
        beside = os.path.join(os.path.dirname(real), ".guiwei-" + sha256[:16])
        archive, prepared = beside + ".part", beside + ".tree"
        system.files.announce(temporary=prepared, fetched=archive)
        fetch_blob(system, sha256, archive)
        try:
            remove_tree(prepared)
            unpack(archive, prepared, self.name)
            version = _version_in(prepared, self.name)
            if wanted is not None and not _same(wanted, version):
                raise ResourceError("package-version", package=self.name, version=str(wanted), found=version)
            _own_as(real, prepared)
            sync_tree(prepared)
            system.files.swap_tree(prepared, self.path)
        finally:
            remove_tree(prepared)
            remove_tree(archive)
        return version

    def _set_up(self, system: System) -> str:
        """Run the program's own set-up, keeping before-images of what it writes; return what it said."""
        if self.install is None:
            return ""
        touched = list(self.touches)
        if self.record_section is not None:
            # An INI record holds other programs' values too, which go on being written: undo this value alone.
            self._keep_recorded(system)
        elif self.record is not None:
            touched.insert(0, self.record)
        numbers = [(system.files.keep(path), path) for path in touched]
        try:
            result = system.run(list(self.install), float(self.timeout))
        finally:
            for number, path in numbers:
                system.files.settle(number, path)
        return "%d: %s" % (result.code, (result.out + result.err).strip()[-500:])

    def _keep_recorded(self, system: System) -> None:
        assert system.journal is not None
        place = {"path": self.record, "section": self.record_section, "option": self.record_option}
        recorded = compose("ini", place)
        keep_state(system.journal, "ini", "%s %s" % (self.name, self.record_option), recorded, recorded.read(system))

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Refuse an INI option without its file."""
        if arguments.get("record_section") is not None and arguments.get("record") is None:
            return ResourceError("package-record")
        return None


def _same(one: Any, other: Any) -> bool:
    return bool(FORMS["version"](one) == FORMS["version"](other))


def _version_in(prepared: str, package: str) -> str:
    try:
        with open(os.path.join(prepared, VERSION), "rb") as file:
            return file.read(200).decode("utf-8-sig").strip().splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise ResourceError("package-archive", package=package, detail="no " + VERSION) from error


def _own_as(real: str, prepared: str) -> None:
    """Give a new tree the owner of the one that it replaces, and its folder that one's mode."""
    from guiwei.target.files import own, stat_real
    from guiwei.target.trees import walk_tree

    before = stat_real(real)
    if before is None:
        return
    for path in _without_links(walk_tree(prepared)):
        mode = os.stat(path).st_mode & 0o7777
        own(path, before.owner, before.group)
        os.chmod(path, mode)
    os.chmod(prepared, int(before.mode, 8))


def _without_links(paths: Iterator[str]) -> Iterator[str]:
    return (path for path in paths if not os.path.islink(path))
