"""Install the tax disk's driver: ``install.py [--root R]`` notes its version where the clients look."""

from __future__ import annotations

import argparse
import os


def main() -> None:
    """Write ``etc/lantai/driver.ini``; what else it says of the driver is made anew."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="/")
    root = parser.parse_args().root
    here = os.path.dirname(os.path.realpath(__file__))
    with open(os.path.join(here, "VERSION"), encoding="ascii") as file:
        version = file.read().strip()
    folder = os.path.join(root, "etc", "lantai")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "driver.ini")
    with open(path + ".new", "w", encoding="utf-8", newline="\n") as file:
        file.write("[driver]\nversion={0}\n".format(version))
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
