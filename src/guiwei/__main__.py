"""`python -m guiwei`."""

from guiwei.cli.main import run

run()
