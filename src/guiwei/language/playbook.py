"""Playbooks: from a YAML file to `Playbook`, checked as far as that is possible before any host is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language import vault
from guiwei.language._gates import read_busy, read_calendar
from guiwei.language._tasks import Reader
from guiwei.language._words import LATER, PLAY_WORDS, STATE_WORDS, alternative, closest
from guiwei.language.policies import read_policies
from guiwei.language.source import Source, load
from guiwei.language.template import check_templates, is_template
from guiwei.language.vault import Keyring
from guiwei.model.playbook import Play, Playbook, Task

__all__ = ["check_playbook", "load_playbook"]

_LEVELS = ("ready", "issue")


def load_playbook(path: Path, keyring: Keyring | None = None) -> Playbook:
    """Return the playbook in a file.

    Args:
        path: a list of plays in YAML.
        keyring: vault passwords; without any, encrypted values stay as they are and may not be used.

    Raises:
        InputError: the first thing that is wrong, in the order of the file.
    """
    playbook, problems = _load(path, keyring)
    if problems:
        raise problems[0]
    return playbook


def check_playbook(path: Path, keyring: Keyring | None = None) -> list[InputError]:
    """Return everything that is wrong with a playbook, in the order of the file."""
    try:
        return _load(path, keyring)[1]
    except InputError as error:
        return [error]


def _load(path: Path, keyring: Keyring | None) -> tuple[Playbook, list[InputError]]:
    source = load(path)
    reader = Reader(source)
    data = vault.decrypt_all(source.data, keyring, keep_unknown=True) if keyring else source.data
    plays: list[Play] = []
    if not isinstance(data, list) or not data:
        reader.wrong("playbook-not-list", ())
    else:
        plays = [_play(reader, item, index, path.parent, keyring) for index, item in enumerate(data)]
    return Playbook(path, tuple(plays)), _in_order(reader.problems, source.file)


def _in_order(problems: list[InputError], file: str) -> list[InputError]:
    """Sort by place; what lies in another file (of variables) comes where it was met."""
    here = [problem for problem in problems if problem.place and problem.place.file == file]
    elsewhere = [problem for problem in problems if not problem.place or problem.place.file != file]
    return sorted(here, key=lambda problem: problem.place or Place(file, 0, 0)) + elsewhere


def _play(reader: Reader, data: Any, index: int, folder: Path, keyring: Keyring | None) -> Play:
    path = (index,)
    place = reader.source.place(path)
    if not isinstance(data, dict):
        reader.wrong("play-not-mapping", path)
        return Play("", "", place, {}, folder)
    _check_words(reader, data, index)
    hosts = _hosts(reader, data, index)
    places = reader.places(path, data, ("tasks", "handlers"))
    handlers = reader.tasks(data, "handlers", path)
    tasks = reader.tasks(data, "tasks", path)
    _check_handlers(reader, data, tasks, handlers, index)
    variables = dict(reader.variables(data, path))
    for number, found in enumerate(_vars_files(reader, data, index)):
        variables |= _read_vars(reader, found, index, number, folder, keyring, places)
    return Play(
        name=reader.text(data, "name", path) or hosts,
        hosts=hosts,
        place=place,
        places=places,
        folder=folder,
        vars=variables,
        tasks=tasks,
        handlers=handlers,
        tags=reader.words(data, "tags", path),
        product=reader.text(data, "product", path),
        reason=reader.text(data, "reason", path),
        state=_state(reader, data, index),
        verify=_verify(reader, data, index),
        policies=read_policies(reader, data, index, folder, keyring),
        busy=read_busy(reader, data, path),
        calendar=read_calendar(reader, data, path),
    )


def _check_words(reader: Reader, data: Mapping[str, Any], index: int) -> None:
    for word in data:
        if word in PLAY_WORDS:
            continue
        code = alternative(word)
        if word in LATER:
            reader.wrong("word-later", (index, word), key=True, word=word)
        elif code:
            reader.wrong(code, (index, word), key=True, word=word)
        else:
            reader.wrong("play-unknown-word", (index, word), key=True, word=word, near=closest(word, PLAY_WORDS))


def _hosts(reader: Reader, data: Mapping[str, Any], index: int) -> str:
    found = data.get("hosts")
    if found is None:
        reader.wrong("play-no-hosts", (index,))
        return ""
    patterns = found if isinstance(found, list) else [found]
    if not patterns or not all(isinstance(item, str) and item.strip() for item in patterns):
        reader.wrong("play-hosts", (index, "hosts"))
        return ""
    if any(is_template(item) for item in patterns):
        reader.wrong("play-hosts-template", (index, "hosts"))
    return ",".join(patterns)


def _check_handlers(
    reader: Reader, data: Mapping[str, Any], tasks: tuple[Task, ...], handlers: tuple[Task, ...], index: int
) -> None:
    first: dict[str, Place] = {}
    written = data.get("handlers")
    for number, item in enumerate(written if isinstance(written, list) else []):
        if not isinstance(item, dict):
            continue
        name = item.get("name")
        if not isinstance(name, str):
            reader.wrong("handler-no-name", (index, "handlers", number))
        elif name in first:
            reader.wrong("handler-duplicate", (index, "handlers", number, "name"), handler=name, first=first[name].line)
        else:
            first[name] = reader.source.place((index, "handlers", number, "name"))
    for task in (*tasks, *handlers):
        for name in task.notify:
            if name not in first:
                place = task.places.get(("notify",), task.place)
                near = closest(name, first) or "—"
                reader.problems.append(InputError("handler-unknown", place, handler=name, near=near))


def _vars_files(reader: Reader, data: Mapping[str, Any], index: int) -> list[str]:
    found = data.get("vars_files")
    if found is None:
        return []
    if not isinstance(found, list):
        reader.wrong("word-not-list", (index, "vars_files"), word="vars_files")
        return []
    files: list[str] = []
    for number, item in enumerate(found):
        if not isinstance(item, str) or is_template(item):
            reader.wrong("vars-file-not-path", (index, "vars_files", number))
        else:
            files.append(item)
    return files


def _read_vars(
    reader: Reader,
    name: str,
    index: int,
    number: int,
    folder: Path,
    keyring: Keyring | None,
    places: dict[tuple[str | int, ...], Place],
) -> Mapping[str, Any]:
    """Return the variables of one file, and note where they stand."""
    try:
        source, data = vault.load_source(folder / name, keyring)
    except InputError as error:
        if error.place is None:
            error.place = reader.source.place((index, "vars_files", number))
        reader.problems.append(error)
        return {}
    if data is None:
        return {}
    if not isinstance(data, dict):
        reader.problems.append(InputError("vars-file-not-mapping", source.place(())))
        return {}
    reader.variable_names(data, (), source)
    reader.problems += check_templates(data, source.place)
    places.update(_places_of(source, data))
    return data


def _places_of(source: Source, data: Mapping[str, Any]) -> dict[tuple[str | int, ...], Place]:
    return {("vars", *path): place for path, place in Reader(source).places((), data).items() if path}


def _state(reader: Reader, data: Mapping[str, Any], index: int) -> Mapping[str, Any]:
    found = data.get("state")
    if found is None:
        return {}
    if not isinstance(found, dict):
        reader.wrong("word-not-mapping", (index, "state"), word="state")
        return {}
    if data.get("product") is None:
        reader.wrong("state-without-product", (index, "state"), key=True)
    for word in found:
        if word not in STATE_WORDS:
            near = closest(word, STATE_WORDS)
            reader.wrong("state-unknown-word", (index, "state", word), key=True, word=word, near=near)
    reader.templates(found, (index, "state"))
    return found


def _verify(reader: Reader, data: Mapping[str, Any], index: int) -> Mapping[str, Any]:
    found = data.get("verify")
    if found is None:
        return {}
    if not isinstance(found, dict):
        reader.wrong("verify-not-mapping", (index, "verify"))
        return {}
    if found.get("level", "ready") not in _LEVELS:
        value = str(found["level"])
        reader.wrong("verify-level", (index, "verify", "level"), value=value, levels=", ".join(_LEVELS))
    reader.templates(found, (index, "verify"))
    return found
