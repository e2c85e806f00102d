"""Every text that guiwei shows, in Chinese and English: one catalogue, keyed by code.

The catalogue is a YAML file in which each entry starts in the first column. Only the entries that are asked for are
parsed: a command that has nothing to say pays nothing, one that reports an error pays for one entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from guiwei.errors import GuiweiError
from guiwei.report._text import clean
from guiwei.target.secret import Secret

__all__ = ["LANGUAGES", "Words", "catalogue_codes", "entry", "pick_language"]

LANGUAGES = ("en", "zh")

_CATALOGUE = Path(__file__).with_name("messages.yml")
_ENTRY = re.compile(r"^([a-z0-9][a-z0-9-]*):", re.MULTILINE)


def pick_language(option: str | None, environ: Mapping[str, str]) -> str:
    """Return `zh` or `en`: what the option says, else `GUIWEI_LANG`, else the locale, else English.

    Args:
        option: the value of `--lang`, None if it was not given.
        environ: the process's environment; `LC_ALL`, `LC_MESSAGES` and `LANG` count in POSIX order.
    """
    for chosen in (option, environ.get("GUIWEI_LANG")):
        if chosen and chosen[:2].lower() in LANGUAGES:
            return chosen[:2].lower()
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh" if environ[name].lower().startswith("zh") else "en"
    return "en"


class Words:
    """Texts in one language.

    Args:
        lang: `zh` or `en`.
    """

    def __init__(self, lang: str = "en") -> None:
        self.lang = lang if lang in LANGUAGES else "en"
        #: What stands between two sentences.
        self.gap = "" if self.lang == "zh" else " "

    def say(self, code: str, /, **args: Any) -> str:
        """Return the text of `code` with its placeholders filled; an unknown code shows itself and its arguments."""
        template = entry(code).get(self.lang)
        return self._bare(code, args) if template is None else self._filled(template, code, args)

    def fix(self, code: str, /, **args: Any) -> str | None:
        """Return what to do about `code`, None if the catalogue says nothing."""
        template = entry(code).get(f"fix_{self.lang}")
        return None if template is None else self._filled(template, code, args)

    def count(self, code: str, number: int, /, **args: Any) -> str:
        """Return a text that depends on a number: the catalogue holds `one|many`, or one form for all."""
        forms = self.say(code, n=number, **args).split("|")
        return forms[0] if number == 1 else forms[-1]

    def error(self, error: GuiweiError) -> str:
        """Return an error's message, without its place."""
        message = self.say(error.code, **error.arguments)
        # Of several hosts behind one jump host, each has its error; the host in its message is the jump host.
        return self.say("at-jump-host", message=message) if error.arguments.get("role") == "jump" else message

    def error_fix(self, error: GuiweiError) -> str | None:
        """Return what to do about an error, None if nothing is known."""
        return self.fix(error.code, **error.arguments)

    def label(self, label: Mapping[str, str], default: str) -> str:
        """Return what people call a field in this language, else its own name."""
        return clean(label.get(self.lang) or default)

    def list(self, items: Iterable[Any]) -> str:
        """Return items as one text with this language's comma."""
        return ("、" if self.lang == "zh" else ", ").join(self._argument(item) for item in items)

    def _filled(self, template: str, code: str, args: Mapping[str, Any]) -> str:
        try:
            return template.format_map({name: self._known(code, name, item) for name, item in args.items()})
        except (KeyError, IndexError, ValueError, AttributeError, TypeError):
            # An error about an error helps nobody: what is known is shown as it is.
            return self._bare(code, args)

    def _known(self, code: str, name: str, item: Any) -> str:
        """Return an argument; one of the few values that the catalogue knows (`<code>-is-…`, `os-…`) in words."""
        if type(item) is str and len(item) < 50:
            word = re.sub(r"[^a-z0-9]+", "-", item.lower()).strip("-")
            # What the operating system says of an error has no Chinese of its own.
            kind = f"os-{word}" if name in ("reason", "detail") else f"{code}-is-{word}"
            if kind in _blocks():
                return self.say(kind)
        return self._argument(item)

    def _argument(self, item: Any) -> str:
        if isinstance(item, (list, tuple, set, frozenset)):
            return self.list(item)
        if isinstance(item, Mapping) and set(item) == {"code", "args"}:
            # What went wrong inside of something: told in the language of the whole.
            return self.say(item["code"], **item["args"])
        if isinstance(item, Mapping):
            return self.list(f"{name}={self._argument(part)}" for name, part in item.items())
        if isinstance(item, Secret):
            return str(item)
        if isinstance(item, bool):
            return "true" if item else "false"
        return clean(str(item), keep="\n\t")

    def _bare(self, code: str, args: Mapping[str, Any]) -> str:
        told = ", ".join(f"{name}={self._argument(item)}" for name, item in args.items())
        return f"{code} ({told})" if told else code


@cache
def entry(code: str) -> Mapping[str, str]:
    """Return one entry of the catalogue: `en`, `zh`, maybe `fix_en` and `fix_zh`; empty if there is none."""
    block = _blocks().get(code)
    if block is None:
        return {}
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: Mapping[str, Mapping[str, str]] = yaml.load(block, Loader=loader)
    return loaded[code]


def catalogue_codes() -> tuple[str, ...]:
    """Return every code of the catalogue in the file's order."""
    return tuple(_blocks())


@cache
def _blocks() -> Mapping[str, str]:
    text = _CATALOGUE.read_text(encoding="utf-8")
    starts = list(_ENTRY.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {start.group(1): text[start.start() : end] for start, end in zip(starts, ends, strict=True)}
