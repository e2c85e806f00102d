"""Files of a PC as tasks of a playbook: text as it is, INI files option by option, secrets never."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.work import read_of
from guiwei.errors import GuiweiError, ResourceError
from guiwei.target.ini_text import parse_ini
from guiwei.target.secret import reveal
from guiwei.target.text import encode_text

__all__ = ["captured_file", "file_reads"]

#: Encodings that a file's text is looked for in, the strict ones first: what is UTF-8 is hardly ever anything else.
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030")
#: Names and marks of what nobody writes into a playbook.
_SECRET = re.compile(
    r"passw|passphrase|\bpwd\b|\bpin\b|secret|token|api.?key|private.?key|credential|口令|密码|密钥|令牌", re.IGNORECASE
)

Task = tuple[str, Mapping[str, Any]]


def file_reads(path: str) -> list[dict[str, Any]]:
    """Return the reads of one file, once in each encoding that it may have."""
    return [read_of(_id(path, encoding), "file", {"path": path, "encoding": encoding}, None) for encoding in _ENCODINGS]


def _id(path: str, encoding: str) -> str:
    return f"capture:{encoding}:{path}"


def captured_file(path: str, observation: Observation, ini: bool, secrets: Iterable[Any]) -> list[Task | GuiweiError]:
    """Return the tasks that keep a file as it is; an error stands for what no task says, and why.

    Args:
        ini: one task an option, instead of one for the whole file.
        secrets: what must not be written down, whatever it is called.
    """
    known = [str(reveal(secret)) for secret in secrets]
    try:
        states = {encoding: observation.state(_id(path, encoding)) for encoding in _ENCODINGS}
    except GuiweiError as error:
        return [error]
    for encoding, state in states.items():
        # A NUL is no character of a text: what has one is data.
        if state is not None and "\0" not in str(state.get("content", "\0")):
            return list(_options(path, encoding, state, known) if ini else _whole(path, encoding, state, known))
    state = states["utf-8"]
    if state is None:
        return [("file", {"path": path, "state": "absent"})]
    if ini:
        return [ResourceError("capture-no-text", path=path)]
    return [("file", _about(path, state, sha256=state["sha256"]))]


def _about(path: str, state: Mapping[str, Any], **content: Any) -> dict[str, Any]:
    kept = {name: state[name] for name in ("mode", "owner", "group") if state.get(name) is not None}
    return {"path": path, **content, **kept}


def _whole(path: str, encoding: str, state: Mapping[str, Any], secrets: list[str]) -> Iterator[Task | GuiweiError]:
    content = str(state["content"])
    if _SECRET.search(content) or _holds(content, secrets):
        # Its hash tells whether it changes, and nothing of what is in it.
        yield ResourceError("capture-file-secret", path=path)
        yield "file", _about(path, state, sha256=state["sha256"])
        return
    options = {} if encoding == "utf-8" else {"encoding": encoding}
    yield "file", _about(path, state, **options, content=content)


def _options(path: str, encoding: str, state: Mapping[str, Any], secrets: list[str]) -> Iterator[Task | GuiweiError]:
    ini = parse_ini(encode_text(str(state["content"]), encoding), encoding, path)
    for section, option in ini.names():
        value = ini.value(section, option)
        if value is None:
            continue
        if _SECRET.search(option) or _SECRET.search(section) or _holds(value, secrets):
            yield ResourceError("capture-option-secret", path=path, section=section, option=option)
        elif not _is_name(section) or not _is_name(option) or option[0] in "[;#" or "\r" in value:
            yield ResourceError("capture-option-name", path=path, section=section, option=option)
        else:
            named = {"path": path, "section": section, "option": option, "encoding": encoding}
            yield "ini", {**named, "value": value}


def _is_name(text: str) -> bool:
    """A name that a playbook can write: no template, no control character."""
    return not any(sign in text for sign in ("{{", "{%", "{#")) and not re.search(r"[\x00-\x1f\x7f]", text)


def _holds(text: str, secrets: list[str]) -> bool:
    return any(secret and secret in text for secret in secrets)
