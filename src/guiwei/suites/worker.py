"""The process that runs suites on some hosts: `python -m guiwei.suites.worker`, the hosts on its standard input.

Results go to standard output, one JSON object a line; what pytest says goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__ = ["main"]


def main() -> int:
    """Run what standard input asks for and return pytest's exit code."""
    request = json.loads(sys.stdin.buffer.read())
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a suite prints is not a result.
    os.dup2(2, 1)

    def report(result: dict[str, Any]) -> None:
        out.write(json.dumps(result, ensure_ascii=False) + "\n")
        out.flush()

    return _run(request, report)


def _run(request: dict[str, Any], report: Any) -> int:
    import pytest

    from guiwei.suites.plugin import SuitePlugin
    from guiwei.suites.wire import host_from_wire, settings_from_wire

    hosts = [host_from_wire(each) for each in request["hosts"]]
    plugin = SuitePlugin(hosts, settings_from_wire(request["settings"]), report)
    # The suite alone: no settings of a folder above it, no plugins that happen to be installed, nothing left there.
    words = ["-c", os.devnull, "--rootdir", request["folder"], "-p", "no:cacheprovider", "-q", "--no-header"]
    words += ["--collect-only"] if request["collect"] else []
    code = int(pytest.main([*words, *request["suites"]], plugins=[plugin]))
    report({"ended": code})
    return code


if __name__ == "__main__":
    sys.exit(main())
