"""Templates: values, laziness, references for the agent, errors with places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guiwei.errors import InputError, Place
from guiwei.language.source import Unsafe, Vaulted
from guiwei.language.template import (
    Scope,
    Templates,
    TooEarly,
    check_templates,
    condition_references,
    references,
)
from guiwei.target.secret import Secret

SCOPE: dict[str, Any] = {
    "x": 5,
    "name": "开票",
    "ports": {"tcp": 7001, "items": 3},
    "list": [3, 1, 2, 3],
    "lazy": "{{ x }}-{{ name }}",
    "lazier": "{{ lazy | upper }}!",
    "typed": "{{ list }}",
    "hosts": [{"n": "a", "on": True, "pw": Secret("p1")}, {"n": "b", "on": False, "pw": Secret("p2")}],
    "pw": Secret("hunter2"),
    "db": {"host": "h", "pw": Secret("s3")},
    "pwd": "{{ pw }}!",
    "length": "{{ pw | length }}",
    "data_dir": "{{ facts.prefix }}/data",
    "raw": Unsafe("{{ not.a.template }}"),
    "first": "{{ second }}",
    "second": "a{{ third }}",
    "third": "{{ first }}",
    "sealed": Vaulted("$ANSIBLE_VAULT;1.1;AES256\n00", Place("f.yml", 3, 7)),
}


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates(tmp_path)


def here(path: tuple[str | int, ...]) -> Place:
    return Place("play.yml", 10 + len(path), 3)


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("plain", "plain"),
        (7, 7),
        ("{{ x }}", 5),
        ("{{x}}", 5),
        ("{{ x }}\n", "5\n"),
        (" {{ x }}", " 5"),
        ("{{ x + 1 }}", 6),
        ("{{ '010' }}", "010"),
        ("0{{ x }}", "05"),
        ("{{ true }}", True),
        ("{{ none }}", None),
        ("{{ none }}-", "-"),
        ("{{ omit }}", None),
        ("{{ ports }}", {"tcp": 7001, "items": 3}),
        ("{{ ports.tcp }}", 7001),
        ("{{ ports['items'] }}", 3),
        ("{{ lazy }}", "5-开票"),
        ("{{ lazier }}", "5-开票!"),
        ("{{ typed | max }}", 3),
        ("{% for i in list %}{{ i }},{% endfor %}", "3,1,2,3,"),
        ("{# a remark #}{{ x }}", 5),
        (["{{ x }}", {"{{ x }}": "a{{ x }}"}], [5, {"{{ x }}": "a5"}]),
        (Unsafe("{{ x }}"), "{{ x }}"),
        ("{{ raw }}", "{{ not.a.template }}"),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ ports.keys() }}", ["tcp", "items"]),
        ("{{ hosts | map(attribute='n') }}", ["a", "b"]),
        ("{{ hosts | selectattr('on') | map(attribute='n') | first }}", "a"),
        ("{{ nothing | default('d') }}", "d"),
        ("{{ nothing.at.all | default('d') }}", "d"),
        ("{{ nothing['at'] | d('d') }}", "d"),
        ("{{ '' | default('d', true) }}", "d"),
        ("{{ nothing is defined }}", False),
        ("{{ 'ab' | b64encode }}", "YWI="),
        ("{{ 'YWI=' | b64decode }}", "ab"),
        ("{{ {'a': '中'} | to_json }}", '{"a": "中"}'),
        ("{{ '[1, 2]' | from_json }}", [1, 2]),
        ("{{ 'a: 010' | from_yaml }}", {"a": "010"}),
        ("{{ 'it s' | quote }}", "'it s'"),
        ("{{ 'YES' | bool }}", True),
        ("{{ '/a/b.c' | basename }}", "b.c"),
        ("{{ '/a/b.c' | dirname }}", "/a"),
        ("{{ 'C:\\\\a\\\\b.c' | win_basename }}", "b.c"),
        ("{{ 'a' | hash('sha256') }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("{{ {'a': 1} | dict2items }}", [{"key": "a", "value": 1}]),
        ("{{ [{'key': 'a', 'value': 1}] | items2dict }}", {"a": 1}),
        ("{{ {'a': {'b': 1}} | combine({'a': {'c': 2}}, recursive=true) }}", {"a": {"b": 1, "c": 2}}),
        ("{{ {'a': {'b': 1}} | combine({'a': {'c': 2}}) }}", {"a": {"c": 2}}),
        ("{{ list | unique | sort }}", [1, 2, 3]),
        ("{{ x == 5 | ternary('a', 'b') }}", False),
        ("{{ (x == 5) | ternary('a', 'b') }}", "a"),
        ("{{ [1, 2] | zip(['a', 'b']) }}", [[1, "a"], [2, "b"]]),
        ("{{ 'a,b' | split(',') }}", ["a", "b"]),
        ("{{ [1, [2, [3]]] | flatten }}", [1, 2, 3]),
        ("{{ 'v3.1' | regex_replace('^v(.*)', '\\\\1') }}", "3.1"),
        ("{{ 'port 7001' | regex_search('[0-9]+') }}", "7001"),
        ("{{ '3.1' is version('3.1.0', '==') }}", True),
        ("{{ '3.10' is version('3.9', '>') }}", True),
        ("{{ 'abc' is match('b') }}", False),
        ("{{ 'abc' is search('b') }}", True),
        ("{{ [1, 2] is contains(2) }}", True),
    ],
)
def test_values(templates: Templates, written: Any, rendered: Any) -> None:
    found = templates.render(written, SCOPE)
    assert found == rendered
    assert type(found) is type(rendered) or isinstance(found, Unsafe)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("{{ pw }}", "hunter2"),
        ("{{ pwd }}", "hunter2!"),
        ("{{ pwd | upper }}", "HUNTER2!"),
        ("a{{ pw }}", "ahunter2"),
        ("{{ pw | b64encode }}", "aHVudGVyMg=="),
        ("{{ pw ~ 'x' }}", "hunter2x"),
        ("{{ 'a' if pw == 'x' else 'b' }}", "b"),
        ("{{ pw[0] }}", "h"),
        ("{{ pw | length }}", "7"),
        ("{{ length + 1 }}", "8"),
        ("{{ length is true }}", "false"),
        ("{{ pw is string }}", "true"),
        ("{{ 'hunter' in pw }}", "true"),
        ("{{ pw | default('x') }}", "hunter2"),
        ("{{ pw | default('x', true) }}", "hunter2"),
        ("{{ {pw: 1} | first }}", "hunter2"),
        ("{{ hosts | map(attribute='pw') | join('+') }}", "p1+p2"),
        ("{% for h in hosts %}{{ h.pw }};{% endfor %}", "p1;p2;"),
        ("{% if pw %}on{% endif %}", "on"),
        ("{% set y = pw %}{{ y[1:] }}", "unter2"),
        ("{% macro m(v) %}{{ v }}{% endmacro %}{{ m(pw) }}", "hunter2"),
        ("{{ db | to_json }}", '{"host": "h", "pw": "s3"}'),
        ("{{ db }}-", "{'host': 'h', 'pw': 's3'}-"),
        ("{{ pw | list }}", '["h", "u", "n", "t", "e", "r", "2"]'),
        ("{{ pw | basename }}", "hunter2"),
        ("{{ '%s' | format(pw) }}", "hunter2"),
        ("{{ '{}'.format(pw) }}", "hunter2"),
        ("{{ pw.upper() }}", "HUNTER2"),
        ("{{ {'a': pw}.values() | join }}", "hunter2"),
    ],
)
def test_what_looks_into_a_secret_is_one(templates: Templates, written: str, text: str) -> None:
    found = templates.render(written, SCOPE)
    assert isinstance(found, Secret)
    assert found.reveal() == text


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("{{ db.host }}", "h"),
        ("{{ db['host'] | upper }}", "H"),
        ("{{ pw is defined }}", True),
        ("{{ pw is none }}", False),
        ("{{ db | length }}", 2),
        ("{{ hosts | map(attribute='n') | join }}", "ab"),
        ("{{ db }}", {"host": "h", "pw": Secret("s3")}),
        ("{{ db | dict2items | last }}", {"key": "pw", "value": Secret("s3")}),
        ("{{ hosts | selectattr('on') | list }}", [{"n": "a", "on": True, "pw": Secret("p1")}]),
        ("{{ db | combine({'host': 'i'}) }}", {"host": "i", "pw": Secret("s3")}),
        ("{{ [pw | default('a'), nothing | default(pw), x] }}", [Secret("hunter2"), Secret("hunter2"), 5]),
        ("{{ [pw, x] }}", [Secret("hunter2"), 5]),
    ],
)
def test_what_does_not_look_into_a_secret_is_none(templates: Templates, written: str, rendered: Any) -> None:
    assert templates.render(written, SCOPE) == rendered


@pytest.mark.parametrize(
    ("written", "code", "arguments"),
    [
        ("{{ lasy }}", "template-undefined", {"name": "lasy", "near": ["lazy"]}),
        ("a {{ prots.tcp }}", "template-undefined", {"name": "prots.tcp", "near": ["ports", "hosts"]}),
        ("{{ ports.tpc }}", "template-undefined", {"name": "ports.tpc", "near": ["tcp"]}),
        ("{{ db.hots }}", "template-undefined", {"name": "db.hots", "near": ["host"]}),
        ("{{ pw.foo }}", "template-undefined", {"name": "pw.foo"}),
        ("{{ {}[pw] }}", "template-undefined", {"name": "?", "near": ["—"]}),
        ("{{ nothing | mandatory }}", "template-undefined", {"name": "nothing"}),
        ("{{ [nothing] }}", "template-undefined", {"name": "nothing"}),
        ("{{ nothing | default(nor_this) }}", "template-undefined", {"name": "nor_this"}),
        ("{{ first }}", "template-cycle", {"chain": "first → second → third → first"}),
        ("{{ x y }}", "template-syntax", {}),
        ("{% if x %}", "template-syntax", {}),
        ("{% for v in list if v == {{'a': 1}: 1} %}{% endfor %}", "template-syntax", {}),
        ("{{ x | b64encod }}", "template-unknown-filter", {"name": "b64encod", "near": ["b64encode", "b64decode"]}),
        ("{{ x is definde }}", "template-unknown-test", {"name": "definde"}),
        ("{{ x is changed }}", "template-outcome-test", {"test": "changed"}),
        ("{{ lookup('env', 'HOME') }}", "template-lookup", {"name": "lookup"}),
        ("{{ query('x') }}", "template-lookup", {"name": "query"}),
        ("{{ hostvars['a'].b }}", "template-hostvars", {}),
        ("{{ ansible_facts.os }}", "template-ansible-facts", {}),
        ("{% include 'x' %}", "template-include", {}),
        ("{{ x / 0 }}", "template-failed", {"detail": "division by zero"}),
        ("{{ range }}", "template-failed", {}),
        ("{{ 'maybe' | bool }}", "template-failed", {}),
        ("{{ ().__class__.__mro__ }}", "template-failed", {}),
        ("{{ list.append(1) }}", "template-failed", {}),
        ("{{ range(10000000) }}", "template-failed", {}),
        ("{{ sealed }}", "template-vaulted", {}),
        ("x{{ sealed }}", "template-vaulted", {}),
    ],
)
def test_errors_have_a_place(templates: Templates, written: str, code: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        templates.render({"a": [written]}, SCOPE, here)
    assert caught.value.code == code
    wanted = Place("f.yml", 3, 7) if code == "template-vaulted" else Place("play.yml", 12, 3)
    assert caught.value.place == wanted
    assert {name: caught.value.arguments[name] for name in arguments} == arguments


def test_an_error_of_a_tainted_rendering_says_nothing_of_the_secret(templates: Templates) -> None:
    scope = {"pw": Secret("S3cretText"), "d": {"a": 1}}
    for written in (
        "{{ pw | from_json }}",
        "{{ pw | bool }}",
        "{{ d[pw] }}",
        "{{ pw | int_x | d }}",
        "{{ pw * pw }}",
        "{{ 'a' | hash(pw) }}",
    ):
        with pytest.raises(InputError) as caught:
            templates.render(written, scope)
        assert "S3cretText" not in str(caught.value)
        assert "S3cretText" not in str(caught.value.__cause__)


def test_an_error_in_a_variable_names_the_way_there(templates: Templates) -> None:
    with pytest.raises(InputError) as caught:
        templates.render("{{ a }}", {"a": "{{ b }}", "b": "{{ missing }}"}, here)
    assert caught.value.arguments["via"] == "a → b"


def test_data_is_never_a_template(templates: Templates) -> None:
    scope = Scope({"a": "{{ facts.hostname }}"}, {"facts": {"hostname": "{{ 1 + 1 }}"}})
    assert templates.render("{{ a }}|{{ facts.hostname }}", scope) == "{{ 1 + 1 }}|{{ 1 + 1 }}"


def test_an_encrypted_neighbour_does_no_harm(templates: Templates) -> None:
    assert templates.render("{{ v.b }}", {"v": {"a": SCOPE["sealed"], "b": 2}}) == 2


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("{{ facts.prefix }}", "{{ facts.prefix }}"),
        ("{{facts.a.b}}/{{ x }}", "{{ facts.a.b }}/5"),
        ("{{ facts['prefix'] }}", "{{ facts.prefix }}"),
        ("{{ data_dir }}", "{{ facts.prefix }}/data"),
        ("{{ data_dir }}/{{ instance.taxpayer }}", "{{ facts.prefix }}/data/{{ instance.taxpayer }}"),
        ("{{ facts.a if x == 5 else 'b' }}", "{{ facts.a }}"),
        ("{{ [data_dir, x] }}", ["{{ facts.prefix }}/data", 5]),
        (["{{ facts.a }}", {"k": "{{ data_dir }}"}], ["{{ facts.a }}", {"k": "{{ facts.prefix }}/data"}]),
        ("{{ db.host }}", "h"),
        ("{{ ports.tcp }}", 7001),
    ],
)
def test_reading_keeps_references(templates: Templates, written: Any, rendered: Any) -> None:
    assert templates.render_reading(written, SCOPE, here) == rendered


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("{{ facts.a | upper }}", "template-reading"),
        ("{{ facts.a ~ 'x' }}", "template-reading"),
        ("{{ facts.a == 1 }}", "template-reading"),
        ("{{ 'y' if facts.a else 'n' }}", "template-reading"),
        ("{{ facts.a | default('x') }}", "template-reading"),
        ("{{ facts.a is defined }}", "template-reading"),
        ("{{ facts.a[x] }}", "template-reading"),
        ("{{ facts.a | int }}", "template-reading"),
        ("{{ data_dir | upper }}", "template-reading"),
        ("{{ data_dir.x }}", "template-reading"),
        ("{% for c in facts.a %}{{ c }}{% endfor %}", "template-reading"),
        ("{{ facts }}", "template-reading"),
        ("a{{ instance }}", "template-reading"),
        ("{{ observed.x }}", "template-reading"),
        ("{{ facts.a | dict2items }}", "template-reading"),
        ("{{ pw }}", "template-reading-secret"),
        ("{{ pw }}{{ facts.a }}", "template-reading-secret"),
        ("{{ pwd | length }}", "template-reading-secret"),
        ("{{ nothing }}", "template-undefined"),
    ],
)
def test_reading_refuses_what_only_the_pc_could_compute(templates: Templates, written: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        templates.render_reading(written, SCOPE, here)
    assert caught.value.code == code
    assert caught.value.place == here(())


def test_early_rendering_says_what_is_missing(templates: Templates) -> None:
    assert templates.render("{{ x }}", SCOPE, early=True) == 5
    with pytest.raises(TooEarly) as caught:
        templates.render("{{ data_dir }}", SCOPE, early=True)
    assert caught.value.name == "facts"
    assert templates.render("{{ 'a' if x == 5 else facts.b }}", SCOPE, early=True) == "a"
    assert templates.condition("nothing is defined and facts.b", SCOPE, early=True) is False
    with pytest.raises(TooEarly):
        templates.render("{{ facts | default('a') }}", SCOPE, early=True)


def test_what_is_not_used_does_no_harm(templates: Templates) -> None:
    scope = {"x": 1, "broken": "{{ x | int + }}", "needs": "{{ nothing }}"}
    assert templates.render("{{ x if x else broken }}", scope) == 1
    assert templates.render("{{ needs | default('d') }}", scope) == "d"
    assert templates.render("{{ needs.part is defined }}", scope) is False
    for written, code in (
        ("{{ x + needs }}", "template-undefined"),
        ("{{ broken | default('d') }}", "template-syntax"),
    ):
        with pytest.raises(InputError) as caught:
            templates.render(written, scope)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("x == 5", True),
        ("x > 5 or name == '开票'", True),
        ("nothing is defined and nothing > 1", False),
        ("not x", False),
    ],
)
def test_conditions(templates: Templates, expression: str, found: bool) -> None:
    assert templates.condition(expression, SCOPE) is found


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("'false'", "when-not-bool"),
        ("x", "when-not-bool"),
        ("none", "when-not-bool"),
        ("pw == 'a'", "when-secret"),
        ("nothing", "template-undefined"),
        ("x ==", "template-syntax"),
        ("x }} {{ x", "template-syntax"),
    ],
)
def test_conditions_are_strict(templates: Templates, expression: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        templates.condition(expression, SCOPE, Place("p", 1, 1))
    assert (caught.value.code, caught.value.place) == (code, Place("p", 1, 1))


def test_files_are_found_rendered_and_placed(tmp_path: Path, templates: Templates) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.j2").write_text("{% if x %}\n端口={{ ports.tcp }}\n{% endif %}\n", encoding="utf-8")
    (tmp_path / "one.j2").write_text("{{ x }}", encoding="utf-8")
    (tmp_path / "secret.j2").write_text("pw={{ pw }}\n", encoding="utf-8")
    (tmp_path / "bad.j2").write_text("fine\n  here {{ x }} and {{ ports.tpc }}\n", encoding="utf-8")
    (tmp_path / "worse.j2").write_text("fine\n\n x {% endif %}\n", encoding="utf-8")
    (tmp_path / "filter.j2").write_text("fine\n x {{ x | nothing_like_it }}\n", encoding="utf-8")
    assert templates.render_file("a.j2", SCOPE) == "端口=7001\n"
    assert templates.render_file("one.j2", SCOPE) == "5"
    assert templates.render_file("secret.j2", SCOPE) == Secret("pw=hunter2\n")
    for name, code, line, column in (
        ("bad.j2", "template-undefined", 2, 23),
        ("worse.j2", "template-syntax", 3, 4),
        ("filter.j2", "template-unknown-filter", 2, 11),
    ):
        with pytest.raises(InputError) as caught:
            templates.render_file(name, SCOPE)
        assert (caught.value.code, caught.value.place) == (code, Place(str(tmp_path / name), line, column))
    with pytest.raises(InputError) as caught:
        templates.render_file("none.j2", SCOPE, Place("play.yml", 4, 5))
    assert (caught.value.code, caught.value.place) == ("play-file-missing", Place("play.yml", 4, 5))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_are_kept(tmp_path: Path, templates: Templates, end: str) -> None:
    (tmp_path / "a.j2").write_bytes(f"{{% if x %}}{end}a={{{{ x | string }}}}{end}{{% endif %}}{end}".encode())
    assert templates.render_file("a.j2", SCOPE) == f"a=5{end}"
    assert templates.render(f"a={{{{ x }}}}{end}b{end}", SCOPE) == f"a=5{end}b{end}"


def test_a_changed_file_is_read_again(tmp_path: Path, templates: Templates) -> None:
    path = tmp_path / "a.j2"
    path.write_text("one {{ x }}", encoding="utf-8")
    assert templates.render_file("a.j2", SCOPE) == "one 5"
    path.write_text("two {{ x }} more", encoding="utf-8")
    assert templates.render_file("a.j2", SCOPE) == "two 5 more"


def test_references() -> None:
    assert references(["{{ a.b.c }}", {"k": "{{ d | default(e['f']) }}", "l": "{% set g = h %}{{ g }}"}]) == {
        "a.b.c",
        "d",
        "e.f",
        "h",
    }
    assert condition_references(["facts.system == 'linux' and x"]) == {"facts.system", "x"}
    assert references("plain") == frozenset()


def test_broken_templates_are_found_without_rendering() -> None:
    problems = list(check_templates({"a": "{{ x", "b": ["ok {{ x }}", "{{ x | nofilter }}"]}, here))
    assert [(problem.code, problem.place) for problem in problems] == [
        ("template-syntax", Place("play.yml", 11, 3)),
        ("template-unknown-filter", Place("play.yml", 12, 3)),
    ]
