"""From plays to declarations and to wanted states."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from guiwei.errors import InputError
from guiwei.language._selection import selected
from guiwei.language.compile import compile_play, finish, identity, join_plays, play_scope, renderer
from guiwei.language.playbook import load_playbook
from guiwei.model.inventory import Host
from guiwei.model.playbook import Declaration, Desired, Play
from guiwei.target.secret import Secret

CONTEXT: dict[str, Any] = {
    "facts": {"system": "linux", "prefix": "", "hostname": "pc1", "python": "3.8.10"},
    "instance": {},
    "observed": {"file[path=/etc/motd]": {"content": "old"}},
}
HOST = Host("pc1", {"who": "host", "port": 7001, "pw": Secret("hunter2")}, ("branches",))


def play(folder: Path, tasks: str, head: str = "") -> Play:
    path = folder / "play.yml"
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    path.write_text(f"- hosts: all\n{head}  tasks:\n{indented}", encoding="utf-8")
    (loaded,) = load_playbook(path).plays
    return loaded


def compiled(folder: Path, tasks: str, head: str = "", host: Host = HOST, **options: Any) -> tuple[Declaration, ...]:
    return compile_play(play(folder, tasks, head), host, **options)


def states(declarations: tuple[Declaration, ...], context: Mapping[str, Any] = CONTEXT) -> dict[str, Any]:
    found = {}
    for declaration in declarations:
        desired = finish(declaration, context)
        found[declaration.id] = "skipped" if desired.skipped else desired.state
    return found


def test_values_are_rendered_after_observation(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- name: greet {{ who }}\n"
        "  file:\n"
        "    path: '{{ base }}/motd'\n"
        "    content: '{{ who }} on {{ facts.hostname }}'\n"
        "    mode: '0644'\n"
        "    owner: '{{ omit }}'\n",
        "  vars: {base: '{{ facts.prefix }}/etc'}\n",
    )
    (declaration,) = declarations
    assert declaration.id == "file[path={{ facts.prefix }}/etc/motd]"
    assert declaration.reading == {"path": "{{ facts.prefix }}/etc/motd"}
    assert declaration.name == "greet host"
    assert declaration.values["content"] == "{{ who }} on {{ facts.hostname }}"
    assert states(declarations) == {declaration.id: {"content": "host on pc1", "mode": "0644"}}


def test_precedence_is_ansibles(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("c: file\nd: file\ne: file\n", encoding="utf-8")
    declarations = compiled(
        tmp_path,
        "- file: {path: /x, content: '{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ inventory_hostname }} "
        "{{ group_names[0] }} {{ groups.branches | length }}'}\n  vars: {d: task, e: task}\n",
        "  vars: {b: play, c: play, d: play, e: play}\n  vars_files: [more.yml]\n",
        Host("pc1", {"a": "host", "b": "host", "c": "host", "d": "host", "e": "host"}, ("branches",)),
        extra={"e": "extra"},
        groups={"branches": ("pc1", "pc2")},
    )
    assert states(declarations) == {"file[path=/x]": {"content": "host play file task extra pc1 branches 2"}}


def test_secrets_stay_secret(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("pw={{ pw }}\n", encoding="utf-8")
    declarations = compiled(
        tmp_path,
        "- command: {argv: [login], given: '{{ pw }}'}\n"
        "- file: {path: /a, template: a.j2}\n"
        "- file: {path: '/{{ who }}', content: 'x{{ pw }}'}\n",
    )
    assert states(declarations) == {
        'command[argv=["login"]]': {"given": Secret("hunter2"), "done": True},
        "file[path=/a]": {"content": Secret("pw=hunter2\n")},
        "file[path=/host]": {"content": Secret("xhunter2")},
    }
    for tasks, code in (
        ("- file: {path: '/{{ pw }}'}", "template-reading-secret"),
        ("- file: {path: /a, content: x}\n  when: pw == 'a'", "when-secret"),
        ("- file: {path: /a, template: '{{ pw }}'}", "supply-secret"),
        ("- file: {path: /a, mode: '{{ pw }}'}", "field-secret-pattern"),
        ("- tcp: {host: h, port: 1, open: '{{ pw }}'}", "field-secret-type"),
    ):
        with pytest.raises(InputError) as caught:
            states(compiled(tmp_path, tasks))
        assert caught.value.code == code
        assert "hunter2" not in str(caught.value)
    (declaration,) = compiled(tmp_path, "- name: 'use {{ pw }}'\n  file: {path: /a}\n")
    assert "hunter2" not in declaration.name


def test_loops_make_one_resource_each(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- name: '{{ item.k }}'\n"
        "  ini: {path: /x, section: s, option: '{{ item.k }}', value: '{{ item.v }}'}\n"
        '  loop: \'{{ options | dict2items(key_name="k", value_name="v") }}\'\n'
        "- file: {path: '/d/{{ each }}', content: '{{ each }}'}\n"
        "  loop: [a, '{{ who }}']\n"
        "  loop_control: {loop_var: each}\n"
        "  when: each != 'a'\n",
        "  vars: {options: {a: 1, b: '{{ port }}', c: '{{ pw }}'}}\n",
    )
    assert [declaration.name for declaration in declarations[:3]] == ["a", "b", "c"]
    assert states(declarations) == {
        "ini[path=/x,section=s,option=a]": {"value": "1"},
        "ini[path=/x,section=s,option=b]": {"value": "7001"},
        "ini[path=/x,section=s,option=c]": {"value": Secret("hunter2")},
        "file[path=/d/host]": {"content": "host"},
    }


def test_an_item_is_data_not_a_template(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- file: {path: '/{{ item }}', content: '{{ item }}'}\n  loop: ['{{ braces }}']\n",
        """  vars: {braces: "{{ '{{ 1 + 1 ' ~ '}}' }}"}\n""",
    )
    assert states(declarations) == {"file[path=/{{ 1 + 1 }}]": {"content": "{{ 1 + 1 }}"}}


@pytest.mark.parametrize(
    ("tasks", "code", "line"),
    [
        ("- file: {path: /x}\n  loop: '{{ facts.disks }}'\n", "loop-late", 4),
        ("- file: {path: /x}\n  loop: '{{ pw | list }}'\n", "loop-secret", 4),
        ("- file: {path: /x}\n  loop: '{{ who }}'\n", "loop-not-list", 4),
        ("- file: {path: '/{{ nothing }}'}\n", "template-undefined", 3),
        ("- file:\n    path: /x\n    content: '{{ nothing }}'\n", "template-undefined", 5),
        ("- file: {path: '{{ facts.prefix | upper }}'}\n", "template-reading", 3),
        ("- file: {path: '{{ who }}'}\n", "field-pattern", 3),
        ("- file: {path: /x, mode: '{{ port }}'}\n", "field-pattern", 3),
        ("- file: {path: /x, source: none.bin}\n", "play-file-missing", 3),
        ("- file: {path: /x, template: none.j2}\n", "play-file-missing", 3),
        ("- file: {path: /x}\n  when: who\n", "when-not-bool", 4),
        ("- file: {path: /x}\n  when: nothing == 1\n", "template-undefined", 4),
        ("- file: {path: '/{{ instance.taxpayer }}'}\n", "task-needs-instance", 3),
    ],
)
def test_mistakes_are_found_before_any_host_is_touched(tmp_path: Path, tasks: str, code: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        compiled(tmp_path, tasks)
    assert caught.value.code == code
    assert caught.value.place is not None
    assert (caught.value.place.file, caught.value.place.line) == (str(tmp_path / "play.yml"), line)


def test_a_template_s_own_mistakes_are_found_then_too(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.j2").write_text("ok\n{{ nothing }}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        compiled(tmp_path, "- file: {path: /x, template: a.j2}\n")
    assert caught.value.place == (str(tmp_path / "templates" / "a.j2"), 2, 4)


def test_conditions(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- file: {path: /never, content: '{{ nothing }}'}\n  when: nothing is defined\n"
        "- file: {path: '/{{ nothing }}'}\n  when: nothing is defined and facts.system == 'linux'\n"
        "- file: {path: /linux, content: a}\n  when: facts.system == 'linux'\n"
        "- file: {path: /windows, content: '{{ facts.nothing }}'}\n  when: [true, facts.system == 'windows']\n"
        "- file: {path: /seen, content: a}\n  when: observed['file[path=/etc/motd]'].content == 'old'\n"
        "- file: {path: /new, content: a}\n  when: facts.python is version('3.9', '>=')\n",
    )
    assert states(declarations) == {
        "file[path=/linux]": {"content": "a"},
        "file[path=/windows]": "skipped",
        "file[path=/seen]": {"content": "a"},
        "file[path=/new]": "skipped",
    }


def test_what_is_wrong_after_observation_has_a_place(tmp_path: Path) -> None:
    for tasks, code, column in (
        ("- file: {path: /x, mode: '{{ facts.system }}'}", "field-pattern", 30),
        ("- file: {path: /x, content: '{{ facts.nothing }}'}", "template-undefined", 33),
        ("- tcp: {host: h, port: 1, open: '{{ facts.system }}'}", "field-type", 37),
    ):
        declarations = compiled(tmp_path, tasks)
        with pytest.raises(InputError) as caught:
            states(declarations)
        assert (caught.value.code, caught.value.place) == (code, (str(tmp_path / "play.yml"), 3, column))


def test_rendered_values_take_their_field_s_type(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- tcp: {host: h, port: '{{ text_port }}', timeout: '{{ half }}'}\n"
        "- ini: {path: /x, section: s, option: p, value: '{{ port }}'}\n"
        "- command: {argv: [kill, '{{ port }}']}\n",
        "  vars: {text_port: '7001', half: '0.5'}\n",
    )
    assert declarations[0].reading == {"host": "h", "port": 7001, "timeout": 0.5}
    assert declarations[2].reading == {"argv": ["kill", "7001"]}
    assert states(declarations)["ini[path=/x,section=s,option=p]"] == {"value": "7001"}


def test_sources_become_hashes(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.bin").write_bytes(b"\0binary")
    sha256 = hashlib.sha256(b"\0binary").hexdigest()
    (declaration,) = compiled(tmp_path, "- file: {path: /x, source: a.bin}\n")
    desired = finish(declaration, CONTEXT)
    assert desired == Desired(declaration, {"sha256": sha256}, False, ((sha256, tmp_path / "files" / "a.bin"),))
    # One run is of one moment: a file that changes meanwhile is the next run's, for every host.
    (tmp_path / "files" / "a.bin").write_bytes(b"other and longer")
    assert finish(declaration, CONTEXT).state == {"sha256": sha256}
    (again,) = compiled(tmp_path, "- file: {path: /x, source: a.bin}\n")
    assert finish(again, CONTEXT).state == {"sha256": hashlib.sha256(b"other and longer").hexdigest()}


def test_absent(tmp_path: Path) -> None:
    declarations = compiled(tmp_path, "- file: {path: /x, state: absent}\n")
    assert declarations[0].absent
    assert states(declarations) == {"file[path=/x]": None}


def test_instances(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{{ instance.taxpayer }}", encoding="utf-8")
    tasks = (
        "- file: {path: /host, content: a}\n"
        "- file: {path: '{{ home }}/a', content: a}\n"
        "- file: {path: /b, content: '{{ instance.taxpayer }}'}\n"
        "- file: {path: /c, content: a}\n  when: instance.machine == 0\n"
        "- file: {path: /d, template: t.j2}\n"
    )
    head = "  vars: {home: '{{ base }}', base: '/opt/{{ instance.taxpayer }}'}\n"
    declarations = compiled(tmp_path, tasks, head, instances=("i1", "i2"))
    assert [(declaration.instance, declaration.id) for declaration in declarations] == [
        (None, "file[path=/host]"),
        ("i1", "i1/file[path=/opt/{{ instance.taxpayer }}/a]"),
        ("i2", "i2/file[path=/opt/{{ instance.taxpayer }}/a]"),
        ("i1", "i1/file[path=/b]"),
        ("i2", "i2/file[path=/b]"),
        ("i1", "i1/file[path=/c]"),
        ("i2", "i2/file[path=/c]"),
        ("i1", "i1/file[path=/d]"),
        ("i2", "i2/file[path=/d]"),
    ]
    context = {**CONTEXT, "instance": {"taxpayer": "91", "machine": 0}}
    assert finish(declarations[3], context).state == {"content": "91"}
    assert finish(declarations[7], context).state == {"content": "91"}
    owned = compiled(tmp_path, "- file: {path: /host, content: a}\n", instance="i9")
    assert [declaration.id for declaration in owned] == ["i9/file[path=/host]"]


def test_tasks_of_one_resource_complement_each_other(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- {file: {path: /x, content: a}, notify: one}\n"
        "- {file: {path: '/{{ letter }}', mode: '0644', content: a}, notify: two}\n"
        "- file: {path: /x, owner: root}\n  when: facts.system == 'linux'\n"
        "- file: {path: /x, owner: nobody}\n  when: facts.system == 'windows'\n"
        "- sqlite: {path: /d, table: t, key: {a: 1}, row: {b: 1}}\n"
        "- sqlite: {path: /d, table: t, key: {a: 1}, row: {c: 2}}\n",
        "  vars: {letter: x}\n  handlers: [{name: one, command: {argv: [x]}}, {name: two, command: {argv: [y]}}]\n",
    )
    assert [declaration.id for declaration in declarations] == [
        "file[path=/x]",
        'sqlite[path=/d,table=t,key={"a":1}]',
        'handler one/command[argv=["x"]]',
        'handler two/command[argv=["y"]]',
    ]
    assert declarations[0].notify == ("one", "two")
    found = states(declarations)
    assert found["file[path=/x]"] == {"content": "a", "mode": "0644", "owner": "root"}
    assert found['sqlite[path=/d,table=t,key={"a":1}]'] == {"row": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("tasks", "field", "late"),
    [
        ("- file: {path: /x, content: a}\n- file: {path: /x, content: b}\n", "content", False),
        ("- file: {path: /x, content: a}\n- file: {path: /x, state: absent}\n", "state", False),
        ("- file: {path: /x, encoding: gbk}\n- file: {path: /x}\n", "encoding", False),
        ("- file: {path: /x, content: '{{ item }}'}\n  loop: [a, b]\n", "content", False),
        ("- file: {path: /x, content: '{{ pw }}'}\n- file: {path: /x, content: b}\n", "content", False),
        ("- file: {path: /x, content: a}\n- file: {path: /x, content: '{{ facts.system }}'}\n", "content", True),
        (
            "- file: {path: /x, content: a}\n- file: {path: /x, content: b}\n  when: facts.system == 'linux'\n",
            "content",
            True,
        ),
        (
            "- sqlite: {path: /d, table: t, key: {a: 1}, row: {b: 1}}\n"
            "- sqlite: {path: /d, table: t, key: {a: 1}, row: {b: 2}}\n",
            "row.b",
            False,
        ),
    ],
)
def test_tasks_that_want_different_things_are_an_error(tmp_path: Path, tasks: str, field: str, late: bool) -> None:
    declarations: tuple[Declaration, ...] = ()
    if late:
        declarations = compiled(tmp_path, tasks)
    with pytest.raises(InputError) as caught:
        states(declarations or compiled(tmp_path, tasks))
    assert caught.value.code == "resource-conflict"
    assert caught.value.arguments["field"] == field
    assert caught.value.place is not None
    assert caught.value.arguments["first"].startswith(str(tmp_path / "play.yml") + ":3:")
    assert "hunter2" not in str(caught.value)


def test_equal_forms_agree(tmp_path: Path) -> None:
    declarations = compiled(tmp_path, "- file: {path: /x, mode: '0644'}\n- file: {path: /x, mode: '0644'}\n")
    assert states(declarations) == {"file[path=/x]": {"mode": "0644"}}


def test_plays_are_joined(tmp_path: Path) -> None:
    first = compiled(tmp_path, "- file: {path: /x, content: a}\n- file: {path: /x, owner: root}\n")
    second = compiled(tmp_path, "- file: {path: /x, mode: '0600'}\n- file: {path: /y, content: b}\n")
    assert states(join_plays([*first, *second])) == {
        "file[path=/x]": {"content": "a", "owner": "root", "mode": "0600"},
        "file[path=/y]": {"content": "b"},
    }
    third = compiled(tmp_path, "- file: {path: /x, content: c}\n")
    with pytest.raises(InputError, match="resource-conflict"):
        join_plays([*first, *third])


def test_handlers_come_last_and_need_no_tags(tmp_path: Path) -> None:
    declarations = compiled(
        tmp_path,
        "- {file: {path: /x, content: a}, tags: a, notify: restart}\n- {file: {path: /y, content: a}, tags: b}\n",
        "  handlers: [{name: restart, command: {argv: [r]}}]\n",
        tags=("a",),
    )
    assert [(declaration.id, declaration.handler) for declaration in declarations] == [
        ("file[path=/x]", None),
        ('handler restart/command[argv=["r"]]', "restart"),
    ]


@pytest.mark.parametrize(
    ("own", "wanted", "skipped", "runs"),
    [
        ((), (), (), True),
        (("a",), (), (), True),
        (("never",), (), (), False),
        (("never", "a"), ("a",), (), True),
        (("never",), ("never",), (), True),
        (("always",), ("b",), (), True),
        (("always",), ("b",), ("always",), False),
        (("a",), ("b",), (), False),
        (("a", "b"), ("b",), (), True),
        ((), ("b",), (), False),
        (("a",), ("tagged",), (), True),
        ((), ("tagged",), (), False),
        ((), ("untagged",), (), True),
        (("a",), ("untagged",), (), False),
        (("a",), ("all",), ("a",), False),
        (("a",), (), ("tagged",), False),
        ((), (), ("untagged",), False),
        (("always", "a"), (), ("all",), True),
        (("a",), (), ("all",), False),
    ],
)
def test_tags_select_as_in_ansible(
    own: tuple[str, ...], wanted: tuple[str, ...], skipped: tuple[str, ...], runs: bool
) -> None:
    assert selected(own, wanted, skipped) is runs


def test_tags_of_a_play_are_its_tasks(tmp_path: Path) -> None:
    tasks = "- {file: {path: /x, content: a}, tags: a}\n- file: {path: /y, content: a}\n"
    found = compiled(tmp_path, tasks, "  tags: [p]\n", tags=("p",), skip_tags=("a",))
    assert [(declaration.id, declaration.tags) for declaration in found] == [("file[path=/y]", ("p",))]


@pytest.mark.parametrize(
    ("module", "reading", "instance", "wanted"),
    [
        ("file", {"path": "/etc/a b"}, None, "file[path=/etc/a b]"),
        ("file", {"path": "/a,b"}, None, 'file[path="/a,b"]'),
        ("file", {"path": "/a", "encoding": "gbk"}, None, "file[path=/a]"),
        ("tcp", {"host": "h", "port": 1}, "lantai:91.0", "lantai:91.0/tcp[host=h,port=1]"),
        ("sqlite", {"path": "/d", "table": "", "key": {}}, None, "sqlite[path=/d]"),
        (
            "sqlite",
            {"path": "/d", "table": "t", "key": {"b": "x", "a": 1}},
            None,
            'sqlite[path=/d,table=t,key={"a":1,"b":"x"}]',
        ),
    ],
)
def test_identities(module: str, reading: dict[str, Any], instance: str | None, wanted: str) -> None:
    assert identity(module, reading, instance) == wanted


def test_state_is_rendered_with_what_was_observed(tmp_path: Path) -> None:
    loaded = play(tmp_path, "- file: {path: /x}\n", "  vars: {limit: '{{ facts.limit }}'}\n")
    render = renderer(loaded, play_scope(loaded, HOST))
    assert render("{{ limit }} {{ who }}", {"facts": {"limit": "{{ 9 }}"}}, None) == "{{ 9 }} host"
