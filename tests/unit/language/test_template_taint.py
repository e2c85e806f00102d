"""The law of secrets: if another secret gives another output, the output is a secret."""

from __future__ import annotations

import copy
import operator
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guiwei.errors import InputError
from guiwei.language._closed import Box, Touched, Watch, _Closed
from guiwei.language.template import Templates
from guiwei.target.secret import Secret

#: Generated expressions such as `1[0]` make Python wonder.
pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")

TEMPLATES = Templates(Path())
#: `make proof` looks at many more.
EXAMPLES = 20 if os.environ.get("GUIWEI_PROOF") else 1
MARK = "s3CrEt-"

ATOMS = [
    "pw", "token", "db", "db.pw", "db.host", "users", "users[0]", "users[1].pw", "lazy", "mixed", "deep", "count",
    "x", "words", "'a'", "1", "true", "none", "undefined_name", "plain", "loopy",
]  # fmt: skip
FILTERS = [
    "upper", "length", "b64encode", "list", "first", "last", "sort", "unique", "join(',')", "to_json", "string", "int",
    "default('d')", "default('d', true)", "dict2items", "map(attribute='pw')|list", "map('upper')|list",
    "selectattr('pw')|list", "selectattr('pw','eq','a')|list", "rejectattr('n','eq','u1')|list", "hash('sha256')",
    "replace('a','b')", "regex_replace('^.','-')", "regex_search('[a-z]')", "quote", "bool", "combine({'z': x})",
    "to_yaml", "basename", "split('-')", "reverse|list", "batch(2)|list", "groupby('pw')", "min", "sum", "trim",
    "ternary('p','q')", "zip(words)", "mandatory", "abs", "attr('host')", "dictsort", "count", "from_json", "flatten",
    "union(words)", "indent", "center(20)", "wordcount", "urlencode", "tojson", "items2dict", "slice(2)|list", "select",
    "select|list", "reject('none')|list", "float", "round", "truncate(3)", "title", "e", "forceescape", "xmlattr",
]  # fmt: skip
TESTS = [
    "defined", "none", "string", "number", "mapping", "iterable", "sequence", "true", "false", "boolean", "integer",
    "sameas(pw)", "eq('a')", "match('a')", "in(words)", "contains('a')", "version('1','>')", "upper", "divisibleby(2)",
    "callable", "escaped", "undefined", "ge(x)", "subset(words)", "odd",
]  # fmt: skip
BINARY = ["~", "==", "!=", "<", "in", "not in", "and", "or", "+", "*", "%", "//"]
INDEXES = ["[0]", "[-1:]", "['pw']", ".pw", ".host", ".upper()", ".items()", ".values()", ".n", ".__class__", "[1]"]


def expressions() -> st.SearchStrategy[str]:
    def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({}|{})".format, inner, st.sampled_from(FILTERS)),
            st.builds("({} is {})".format, inner, st.sampled_from(TESTS)),
            st.builds("({} {} {})".format, inner, st.sampled_from(BINARY), inner),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds("({}{})".format, inner, st.sampled_from(INDEXES)),
            st.builds("[{}, {}]".format, inner, inner),
            st.builds("{{'k': {}, 'l': {}}}".format, inner, inner),
            st.builds("{{{}: 1}}".format, inner),
            st.builds("dict(a={})".format, inner),
            st.builds("('%s'|format({}))".format, inner),
            st.builds("'{{}}'.format({})".format, inner),
            st.builds("range({})".format, inner),
            st.builds("namespace(v={}).v".format, inner),
            st.builds("words[{}]".format, inner),
        )

    return st.recursive(st.sampled_from(ATOMS), more, max_leaves=6)


EXPRESSIONS = expressions()


def texts() -> st.SearchStrategy[str]:
    whole = st.builds("{{{{ {} }}}}".format, EXPRESSIONS)
    return st.one_of(
        whole,
        st.builds("a {}".format, whole),
        st.builds("{{% for v in {} %}}{{{{ v }}}}{{% else %}}none{{% endfor %}}".format, EXPRESSIONS),
        st.builds("{{% if {} %}}yes{{% else %}}no{{% endif %}}".format, EXPRESSIONS),
        st.builds("{{% set v = {} %}}{{{{ [v, v is string] }}}}".format, EXPRESSIONS),
        st.builds("{{% macro m(v) %}}{{{{ v }}}}{{% endmacro %}}{{{{ m({}) }}}}".format, EXPRESSIONS),
        st.builds("{{% filter upper %}}{{{{ {} }}}}{{% endfilter %}}".format, EXPRESSIONS),
        st.builds("{{% with v = {} %}}{{{{ v }}}}{{% endwith %}}".format, EXPRESSIONS),
        st.builds("{{% for v in users if v.pw == {} %}}{{{{ v.n }}}}{{% endfor %}}".format, EXPRESSIONS),
    )


def secret_texts() -> st.SearchStrategy[str]:
    special = ["", "a", "A", "0", "1", "True", "none", "h", "x,y", "words", '{"pw": "a"}', "[1]", "plain", "{{ x }}"]
    return st.one_of(st.sampled_from(special), st.text(max_size=5))


def scope(first: str, second: str, inside: str) -> dict[str, Any]:
    return {
        "pw": Secret(first),
        "token": Secret(second),
        "db": {"host": "h", "pw": Secret(first)},
        "users": [{"n": "u1", "pw": Secret(second)}, {"n": "u2", "pw": Secret(first)}],
        "x": 5,
        "words": ["a", "pw", "x"],
        "plain": "{{ x }}-{{ words[0] }}",
        "lazy": "{{ pw }}",
        "mixed": "<{{ token }}>",
        "deep": {"pw": "{{ mixed | upper }}", "host": "{{ x }}"},
        "count": "{{ pw | length }}",
        "loopy": inside,
    }


def outcome(text: str, variables: dict[str, Any]) -> Any:
    try:
        return TEMPLATES.render(text, variables)
    except InputError as error:
        return error


def masked(found: Any) -> Any:
    """What anyone may see of a rendering."""
    if isinstance(found, Secret):
        return "<secret>"
    if isinstance(found, dict):
        return {name: masked(part) for name, part in found.items()}
    if isinstance(found, list):
        return [masked(part) for part in found]
    return found


@settings(max_examples=400 * EXAMPLES, deadline=None)
@given(texts(), EXPRESSIONS, st.tuples(secret_texts(), secret_texts()), st.tuples(secret_texts(), secret_texts()))
def test_what_shows_does_not_depend_on_secrets(
    text: str, inside: str, ours: tuple[str, str], theirs: tuple[str, str]
) -> None:
    lazy = "{{ " + inside.replace("loopy", "x") + " }}"
    one, two = outcome(text, scope(*ours, lazy)), outcome(text, scope(*theirs, lazy))
    if isinstance(one, InputError) or isinstance(two, InputError):
        # Whether a computation fails may depend on the secret; then what it gives otherwise is one.
        for found in (one, two):
            assert isinstance(found, (InputError, Secret)) or masked(one) == masked(two)
        return
    assert masked(one) == masked(two)


@settings(max_examples=200 * EXAMPLES, deadline=None)
@given(texts(), EXPRESSIONS)
def test_no_text_of_a_secret_shows_anywhere(text: str, inside: str) -> None:
    lazy = "{{ " + inside.replace("loopy", "x") + " }}"
    found = outcome(text, scope(MARK + "one", MARK + "two", lazy))
    shown = f"{found} {found!r} {masked(found)!r}"
    assert MARK.lower() not in shown.lower()


@pytest.mark.parametrize(
    "look",
    [
        str, repr, bytes, bool, len, iter, hash, int, float, list, dict, abs, round, dir, operator.neg, operator.index,
        lambda box: box == "a", lambda box: box < "a", lambda box: "a" in box,
        lambda box: box[0], lambda box: box + "a", lambda box: "a" + box, lambda box: box % (), "{}".format,
        lambda box: f"{box}", lambda box: box.reveal, lambda box: box._secret, lambda box: box.__class__,
        lambda box: isinstance(box, str), lambda box: hasattr(box, "x"), lambda box: {box: 1}, copy.copy, copy.deepcopy,
        pickle.dumps, reversed, lambda box: setattr(box, "a", 1), lambda box: [*box], lambda box: {**box},
    ],
)  # fmt: skip
def test_every_look_into_a_box_is_noticed(look: Callable[[Any], Any]) -> None:
    watch = Watch()
    box = Box(Secret("text"), watch)
    with pytest.raises(Touched):
        look(box)
    assert watch.touched


def test_a_box_has_no_opening() -> None:
    """Every special method that Python looks up on a type is a trap (or is not there, which is an error)."""
    harmless = {
        "__class__", "__new__", "__init__", "__getattribute__", "__doc__", "__module__", "__slots__", "__weakref__",
        "__init_subclass__", "__subclasshook__", "__abstractmethods__", "__getstate__", "__static_attributes__",
        "__firstlineno__",
    }  # fmt: skip
    for name in dir(object) + dir(str) + dir(dict) + dir(list) + dir(float):
        if name.startswith("__") and name not in harmless and hasattr(_Closed, name) and hasattr(object, name):
            assert getattr(_Closed, name) is not getattr(object, name), name
