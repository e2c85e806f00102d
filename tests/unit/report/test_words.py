from __future__ import annotations

import re
from string import Formatter

import pytest
import yaml
from codes import Use, raised, said

from guiwei.errors import InputError, ResourceError
from guiwei.model.run import STATUSES
from guiwei.report import words as words_module
from guiwei.report.words import Words, catalogue_codes, entry, pick_language
from guiwei.target.secret import MASK, Secret

CODES = catalogue_codes()
RAISED = list(raised())
SAID = list(said())


@pytest.mark.parametrize(
    ("option", "environ", "lang"),
    [
        (None, {}, "en"),
        ("zh", {"LANG": "en_US.UTF-8"}, "zh"),
        (None, {"GUIWEI_LANG": "zh", "LC_ALL": "C"}, "zh"),
        (None, {"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US"}, "zh"),
        (None, {"LC_ALL": "", "LC_MESSAGES": "zh_CN", "LANG": "de_DE"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN"}, "en"),
        (None, {"LANG": "zh_TW.big5"}, "zh"),
        ("en", {"GUIWEI_LANG": "zh"}, "en"),
        (None, {"GUIWEI_LANG": "", "LANG": "fr_FR"}, "en"),
    ],
)
def test_language_is_the_option_then_the_environment(option: str | None, environ: dict[str, str], lang: str) -> None:
    assert pick_language(option, environ) == lang


def test_a_text_is_said_in_both_languages() -> None:
    error = ResourceError("disk-full", path="/var/兰台")
    assert Words("en").error(error) == "The disk that holds /var/兰台 is full."
    assert Words("zh").error(error) == "/var/兰台 所在磁盘已满。"
    assert Words("zh").error_fix(error) == "请在该电脑上清理空间，然后重新执行。"


def test_an_unknown_code_shows_itself_and_its_arguments() -> None:
    assert Words("zh").say("no-such-code", a=1, b="税") == "no-such-code (a=1, b=税)"
    assert Words("en").say("no-such-code") == "no-such-code"
    assert Words("en").fix("no-such-code") is None


def test_a_missing_argument_does_not_hide_the_error() -> None:
    assert Words("en").say("disk-full", folder="/x") == "disk-full (folder=/x)"


def test_an_argument_may_have_the_name_of_anything() -> None:
    assert "code=3" in Words("en").say("no-such-code", code=3, self=4, args=5)


def test_arguments_are_shown_as_people_write_them() -> None:
    stale = {"step": "s", "fields": ["value", "mode"]}
    assert "value, mode" in Words("en").say("plan-stale", **stale)
    assert "value、mode" in Words("zh").say("plan-stale", **stale)
    assert "\x1b" not in Words("en").say("path-missing", path="a\x1b[2J")
    assert MASK in Words("en").say("path-missing", path=Secret("geheim"))
    assert "geheim" not in Words("en").say("path-missing", path=[Secret("geheim"), {"a": Secret("geheim")}])


def test_counts_have_a_singular() -> None:
    assert [Words("en").count("count-hosts", n) for n in (0, 1, 2)] == ["0 hosts", "1 host", "2 hosts"]
    assert Words("zh").count("count-hosts", 1) == "1 台主机"


def test_an_error_pays_for_its_own_entry_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    entry.cache_clear()
    parsed: list[str] = []
    real = yaml.load
    monkeypatch.setattr(yaml, "load", lambda text, Loader: parsed.append(text) or real(text, Loader=Loader))
    Words("en").error(InputError("disk-full", path="/x"))
    Words("zh").error(InputError("disk-full", path="/y"))
    assert len(parsed) == 1
    assert len(parsed[0]) < 1000


# The catalogue as a whole


def test_the_catalogue_is_sorted_and_each_code_stands_once() -> None:
    text = words_module._CATALOGUE.read_text(encoding="utf-8")
    starts = re.findall(r"^([^\s#][^:\n]*):", text, re.MULTILINE)
    assert starts == sorted(set(starts))
    assert tuple(starts) == CODES == tuple(yaml.safe_load(text))


@pytest.mark.parametrize("code", CODES)
def test_an_entry_has_both_languages_with_the_same_placeholders(code: str) -> None:
    texts = entry(code)
    assert set(texts) <= {"en", "zh", "fix_en", "fix_zh"}
    assert texts["en"]
    assert texts["zh"]
    assert ("fix_en" in texts) == ("fix_zh" in texts)
    assert placeholders(texts["en"]) == placeholders(texts["zh"])
    assert placeholders(texts.get("fix_en", "")) == placeholders(texts.get("fix_zh", ""))


def placeholders(text: str) -> set[str]:
    fields = [(field, spec, conversion) for _, field, spec, conversion in Formatter().parse(text) if field is not None]
    for field, spec, conversion in fields:
        # Plain names alone: an attribute or index could reach into a value, and a format could fail on one.
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field), text
        assert not spec, text
        assert not conversion, text
    return {field for field, _, _ in fields}


def test_the_reader_of_the_source_finds_what_it_should() -> None:
    assert {"path-missing", "plan-stale", "pc-locked", "yaml-duplicate-key", "vault-tampered"} <= {
        use.code for use in RAISED
    }
    assert {"plan-nothing", "count-hosts"} <= {use.code for use in SAID}


def test_every_code_that_is_raised_has_words() -> None:
    assert problems(RAISED) == []


def test_every_code_that_is_said_has_words() -> None:
    assert problems(SAID) == []


def problems(uses: list[Use]) -> list[str]:
    found = []
    for use in uses:
        if use.prefix:
            if not any(code.startswith(use.code) for code in CODES):
                found.append(f"{use.where}: no entry starts with {use.code}")
        elif use.code not in CODES:
            found.append(f"{use.where}: {use.code} has no entry")
        elif use.arguments is not None:
            texts = entry(use.code)
            missing = set().union(*(placeholders(text) for text in texts.values())) - use.arguments
            if missing:
                found.append(f"{use.where}: {use.code} is not given {', '.join(sorted(missing))}")
    return found


def test_everything_that_is_put_together_is_complete() -> None:
    needed = [f"status-{status}" for status in STATUSES]
    needed += [f"risk-{risk}" for risk in ("ordinary", "restart", "data", "professional")]
    needed += [f"stage-{title}" for title in ("prepare", "upgrade", "converge", "handlers")]
    needed += [f"origin-{origin}" for origin in ("playbook", "inventory", "product", "guiwei")]
    needed += [f"cause-{cause}" for cause in ("drift", "intended", "both", "new")]
    needed += [f"mismatch-{part}-{kind}" for part in ("found", "why") for kind in ("asserted", "device")]
    needed += [f"legend-{kind}" for kind in ("add", "change", "remove", "run", "maybe")]
    needed += [f"role-{role}" for role in ("key", "option", "value", "supply")]
    assert [code for code in needed if code not in CODES] == []
