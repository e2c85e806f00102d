"""Branch PCs for Lantai's tests: made once per version, copied for each test, never left running."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab.lantai import branch, build, faults, upload_server

MakeBranch = Callable[..., branch.Branch]
ME, OTHER = branch.usccs(2026, 2)
NOWHERE = "http://127.0.0.1:9/upload"


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("packages"))
    for version in build.VERSIONS:
        build.build(version, folder)
    return folder


@pytest.fixture(scope="session")
def templates(packages: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], branch.Branch]:
    made: dict[str, branch.Branch] = {}

    def template(version: str) -> branch.Branch:
        if version not in made:
            made[version] = branch.make_branch(
                str(tmp_path_factory.mktemp("template") / "pc"),
                version,
                ME,
                "0",
                "990100",
                "青禾商贸有限公司",
                branch.free_port(),
                NOWHERE,
                "009912345678",
                "87654321",
                "口令abc123",
                packages=packages,
                invoices=60,
                seed=7,
            )
        return made[version]

    return template


@pytest.fixture
def make(templates: Callable[[str], branch.Branch], tmp_path: Path) -> Iterator[MakeBranch]:
    """Return a function that makes one stopped branch PC of a version, with 60 invoices and a registered disk."""
    roots: list[Path] = []

    def copy(version: str = "3.1.0", url: str = NOWHERE) -> branch.Branch:
        template = templates(version)
        root = tmp_path / f"pc{len(roots)}"
        shutil.copytree(template.root, root, symlinks=True)
        roots.append(root)
        port = branch.free_port()
        faults.wrong_parameters(str(root), template.instance, port=str(port))
        folder = root / "var" / "lib" / "兰台开票" / template.instance
        (folder / "Config" / "安全接入地址.txt").write_bytes(url.encode("gbk") + b"\r\n")
        return template._replace(root=str(root), folder=str(folder), port=port)

    yield copy
    for root in roots:
        for pid_file in (root / "run" / "lantai").glob("*.pid"):
            _end(int(pid_file.read_text("ascii")), root)


@pytest.fixture
def pc(make: MakeBranch) -> branch.Branch:
    """One stopped branch PC with the newest version."""
    return make()


@pytest.fixture
def server() -> Iterator[upload_server.UploadServer]:
    with upload_server.UploadServer() as running:
        yield running


def _end(pid: int, root: Path) -> None:
    """End a client that a test left; the number may belong to another process by now, so its arguments are read."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return
    if str(root).encode() in arguments:
        os.kill(pid, signal.SIGKILL)
        os.kill(pid, signal.SIGCONT)
