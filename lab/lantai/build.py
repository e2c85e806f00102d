"""Build Lantai's packages: ``python3 lab/lantai/build.py --version 3.1.0 --out DIR`` (or ``--version all``).

All versions come from one source; the bytes of a package depend on nothing but that source.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import sys
import tarfile

__all__ = ["DRIVERS", "VERSIONS", "build", "build_driver", "driver_path", "package_path"]

VERSIONS = ("2.4.0", "3.0.0", "3.1.0")
#: Versions of the tax disk's driver; a disk says which one it needs at least.
DRIVERS = ("1.0.0", "2.0.0", "2.1.0")
_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program")
# 2.x was made before the new schema was thought of.
_SINCE_3 = ("lib/lantai/store3.py", "lib/lantai/migrate.py")
_TIME = 1735689600  # 2025-01-01 UTC, for every file of every version


def package_path(out: str, version: str) -> str:
    """Return where a version's package lies in a folder."""
    return os.path.join(out, "lantai-{0}.tar.gz".format(version))


def driver_path(out: str, version: str) -> str:
    """Return where a driver's package lies in a folder."""
    return os.path.join(out, "lantai-driver-{0}.tar.gz".format(version))


def build(version: str, out: str) -> str:
    """Write one version's package into a folder and return its path.

    :raises ValueError: for a version that does not exist.
    """
    if version not in VERSIONS:
        raise ValueError("no such version: {0} (there are {1})".format(version, ", ".join(VERSIONS)))
    files = _files(version)
    manifest = "".join(
        "{0}  {1}\n".format(hashlib.sha256(data).hexdigest(), name) for name, data in sorted(files.items())
    )
    files["MANIFEST"] = manifest.encode("ascii")
    return _pack(package_path(out, version), files, ("bin", "lib", "lib/lantai"))


def build_driver(version: str, out: str) -> str:
    """Write the package of one version of the disk's driver into a folder and return its path.

    :raises ValueError: for a version that does not exist.
    """
    if version not in DRIVERS:
        raise ValueError("no such driver: {0} (there are {1})".format(version, ", ".join(DRIVERS)))
    with open(os.path.join(_SOURCE, os.pardir, "driver", "install.py"), "rb") as file:
        files = {"VERSION": (version + "\n").encode("ascii"), "install.py": file.read()}
    return _pack(driver_path(out, version), files, ())


def _pack(path: str, files: dict[str, bytes], folders: tuple[str, ...]) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in folders:
            archive.addfile(_entry(folder, 0o755, tarfile.DIRTYPE))
        for name, data in sorted(files.items()):
            entry = _entry(name, 0o755 if name.startswith("bin/") else 0o644, tarfile.REGTYPE)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".tmp", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(packed.getvalue())
    os.replace(path + ".tmp", path)
    return path


def _files(version: str) -> dict[str, bytes]:
    files = {"VERSION": (version + "\n").encode("ascii")}
    names = ["bin/lantai"] + [
        "lib/lantai/" + name for name in os.listdir(os.path.join(_SOURCE, "lib", "lantai")) if name.endswith(".py")
    ]
    for name in names:
        if version.startswith("2.") and name in _SINCE_3:
            continue
        with open(os.path.join(_SOURCE, name), "rb") as file:
            files[name] = file.read()
    return files


def _entry(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime, entry.type = mode, _TIME, kind
    return entry


def _main() -> int:
    parser = argparse.ArgumentParser(description="Build Lantai's packages.")
    parser.add_argument("--version", required=True, choices=VERSIONS + ("all",))
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    for version in VERSIONS if options.version == "all" else (options.version,):
        print(build(version, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
