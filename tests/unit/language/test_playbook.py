"""Playbooks: what is read, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from guiwei.errors import InputError
from guiwei.language import vault
from guiwei.language.playbook import check_playbook, load_playbook
from guiwei.language.source import Unsafe, Vaulted
from guiwei.target.secret import Secret

GOOD = """\
- name: 分店
  hosts: [branches, "!closed"]
  product: lantai
  reason: 升级
  tags: upgrade, month
  vars:
    dir: "{{ facts.prefix }}/opt"
  vars_files:
    - more.yml
  state:
    software: {version: "3.1.0"}
  verify: {level: issue}
  tasks:
    - name: config for {{ item.name }}
      ini:
        path: "{{ dir }}/client.ini"
        section: 单位
        option: "{{ item.name }}"
        value: "{{ item.value }}"
      loop:
        - {name: 税号, value: "1"}
      loop_control: {loop_var: item}
      when:
        - facts.system == 'linux'
        - true
      tags: [config]
      notify: restart
      vars: {a: 1}
    - file: {path: /tmp/old, state: absent}
    - file: {path: /tmp/new, state: present, content: !unsafe "{{ raw"}
  handlers:
    - name: restart
      command:
        argv: [systemctl, restart, x]
"""


def write(folder: Path, text: str, name: str = "play.yml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_playbook(tmp_path: Path) -> None:
    write(tmp_path, "dir: /srv\nfrom_file: 2\n", "more.yml")
    path = write(tmp_path, GOOD)
    (play,) = load_playbook(path).plays
    assert (play.name, play.hosts, play.product, play.reason) == ("分店", "branches,!closed", "lantai", "升级")
    assert play.tags == ("upgrade", "month")
    assert play.vars == {"dir": "/srv", "from_file": 2}  # files of variables win over `vars`, as in Ansible
    assert play.places["vars", "dir"].file == str(tmp_path / "more.yml")
    assert play.places["state", "software", "version"] == (str(path), 11, 25)
    assert play.state == {"software": {"version": "3.1.0"}}
    assert play.verify == {"level": "issue"}
    assert play.folder == tmp_path
    ini, old, new = play.tasks
    assert (ini.module, ini.name, ini.loop_var) == ("ini", "config for {{ item.name }}", "item")
    assert ini.when == ("facts.system == 'linux'", "true")
    assert (ini.tags, ini.notify, ini.vars) == (("config",), ("restart",), {"a": 1})
    assert ini.places["ini", "value"] == (str(path), 19, 16)
    assert ini.place == (str(path), 14, 7)
    assert old.absent
    assert old.arguments == {"path": "/tmp/old"}
    assert not new.absent
    assert isinstance(new.arguments["content"], Unsafe)
    assert [handler.name for handler in play.handlers] == ["restart"]
    assert check_playbook(path) == []


HEAD = "- hosts: all\n"
TASKS = HEAD + "  tasks:\n"


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("hosts: all\n", "playbook-not-list", 1, 1),
        ("[]\n", "playbook-not-list", 1, 1),
        ("- 1\n", "play-not-mapping", 1, 3),
        ("- name: x\n", "play-no-hosts", 1, 3),
        ("- hosts: 5\n", "play-hosts", 1, 10),
        ("- hosts: '{{ x }}'\n", "play-hosts-template", 1, 10),
        (HEAD + "  taks: []\n", "play-unknown-word", 2, 3),
        (HEAD + "  gather_facts: false\n", "instead-facts", 2, 3),
        (HEAD + "  become: true\n", "instead-become-variable", 2, 3),
        (HEAD + "  roles: [x]\n", "instead-plays", 2, 3),
        (HEAD + "  serial: 1\n", "instead-rollout", 2, 3),
        (HEAD + "  pre_tasks: []\n", "instead-tasks", 2, 3),
        (HEAD + "  rollout: {}\n", "word-later", 2, 3),
        (HEAD + "  effective_from: 2026-01-01\n", "instead-policies", 2, 3),
        (HEAD + "  migrate: {}\n", "word-later", 2, 3),
        (HEAD + "  recover: {}\n", "word-later", 2, 3),
        (HEAD + "  vars: [a]\n", "word-not-mapping", 2, 9),
        (HEAD + "  vars: {a-b: 1}\n", "variable-name", 2, 10),
        (HEAD + "  vars: {facts: 1}\n", "variable-reserved", 2, 10),
        (HEAD + "  vars: {a: '{{ b'}\n", "template-syntax", 2, 13),
        (HEAD + "  vars_files: more.yml\n", "word-not-list", 2, 15),
        (HEAD + "  vars_files: ['{{ x }}']\n", "vars-file-not-path", 2, 16),
        (HEAD + "  vars_files: [none.yml]\n", "file-unreadable", 2, 16),
        (HEAD + "  tags: {a: b}\n", "word-not-words", 2, 9),
        (HEAD + "  state: {software: 1}\n", "state-without-product", 2, 3),
        (HEAD + "  product: lantai\n  state: {sofware: 1}\n", "state-unknown-word", 3, 11),
        (HEAD + "  verify: issue\n", "verify-not-mapping", 2, 11),
        (HEAD + "  verify: {level: all}\n", "verify-level", 2, 19),
        (HEAD + "  tasks: {}\n", "word-not-list", 2, 10),
        (TASKS + "    - x\n", "task-not-mapping", 3, 7),
        (TASKS + "    - name: x\n", "task-no-module", 3, 7),
        (TASKS + "    - file: {path: /a}\n      line: {path: /a}\n", "task-two-modules", 4, 7),
        (TASKS + "    - fiel: {path: /a}\n", "task-unknown-word", 3, 7),
        (TASKS + "    - copy: {src: a, dest: /b}\n", "module-instead", 3, 7),
        (TASKS + "    - ansible.builtin.template: {src: a, dest: /b}\n", "module-instead", 3, 7),
        (TASKS + "    - ansible.builtin.file: {path: /b}\n", "module-qualified", 3, 7),
        (TASKS + "    - community.general.ini_file: {path: /b}\n", "module-instead", 3, 7),
        (TASKS + "    - shell: ls\n", "module-instead", 3, 7),
        (TASKS + "    - kubernetes.core.k8s: {}\n", "module-of-ansible", 3, 7),
        (TASKS + "    - set_fact: {a: 1}\n", "instead-vars", 3, 7),
        (TASKS + "    - debug: {msg: a}\n", "instead-explain", 3, 7),
        (TASKS + "    - assert: {that: a}\n", "instead-probe", 3, 7),
        (TASKS + "    - include_tasks: x.yml\n", "instead-plays", 3, 7),
        (TASKS + "    - block: []\n", "instead-flat-tasks", 3, 7),
        (TASKS + "    - file: {path: /a}\n      register: x\n", "instead-when-observed", 4, 7),
        (TASKS + "    - file: {path: /a}\n      with_items: [1]\n", "instead-loop", 4, 7),
        (TASKS + "    - file: {path: /a}\n      delegate_to: x\n", "instead-host-pattern", 4, 7),
        (TASKS + "    - file: {path: /a}\n      ignore_errors: true\n", "instead-stop", 4, 7),
        (TASKS + "    - file: {path: /a}\n      environment: {}\n", "instead-command-environment", 4, 7),
        (TASKS + "    - file: {path: /a}\n      no_log: true\n", "instead-secret", 4, 7),
        (TASKS + "    - file: {path: /a}\n      async: 5\n", "instead-rollout", 4, 7),
        (TASKS + "    - command: ls -l\n", "command-free-form", 3, 16),
        (TASKS + "    - file: /etc/motd\n", "arguments-not-mapping", 3, 13),
        (TASKS + "    - file: {path: /a, contnet: x}\n", "field-unknown", 3, 24),
        (TASKS + "    - file: {content: x}\n", "field-required", 3, 7),
        (TASKS + "    - file: {path: a}\n", "field-pattern", 3, 20),
        (TASKS + "    - file: {path: /a, mode: 644}\n", "field-digits", 3, 30),
        (TASKS + "    - file: {path: /a, content: 3.1}\n", "field-digits", 3, 33),
        (TASKS + "    - file: {path: /a, newline: dos}\n", "field-choice", 3, 33),
        (TASKS + "    - file: {path: [/a]}\n", "field-type", 3, 20),
        (TASKS + "    - tcp: {host: h, port: '7001'}\n", "field-type", 3, 28),
        (TASKS + "    - tcp: {host: h, port: 7001, open: 'true'}\n", "field-type", 3, 40),
        (TASKS + "    - command: {argv: [kill, 9]}\n", "field-digits", 3, 30),
        (TASKS + "    - file: {path: /a, content: x, template: y}\n", "file-two-contents", 3, 7),
        (TASKS + "    - file: {path: /a, content: '{{ x | nofilter }}'}\n", "template-unknown-filter", 3, 33),
        (TASKS + "    - file: {path: /a, state: gone}\n", "state-literal", 3, 31),
        (TASKS + "    - file: {path: /a, state: '{{ s }}'}\n", "state-literal", 3, 31),
        (TASKS + "    - file: {path: /a, state: absent, mode: '0644'}\n", "absent-with-value", 3, 39),
        (TASKS + "    - tcp: {host: h, port: 1, state: absent}\n", "state-not-lens", 3, 31),
        (TASKS + "    - file: {path: /a}\n      when: 5\n", "when-not-text", 4, 13),
        (TASKS + "    - file: {path: /a}\n      when: '{{ x }}'\n", "when-braces", 4, 13),
        (TASKS + "    - file: {path: /a}\n      when: [x, 'y ==']\n", "template-syntax", 4, 17),
        (TASKS + "    - file: {path: /a}\n      when: x is changed\n", "template-outcome-test", 4, 13),
        (TASKS + "    - file: {path: /a}\n      loop: a\n", "loop-not-list", 4, 13),
        (TASKS + "    - file: {path: /a}\n      loop: {a: b}\n", "loop-not-list", 4, 13),
        (TASKS + "    - file: {path: /a}\n      loop_control: {loop_var: x}\n", "loop-control-alone", 4, 7),
        (
            TASKS + "    - file: {path: /a}\n      loop: [1]\n      loop_control: {label: x}\n",
            "loop-control-word",
            5,
            22,
        ),
        (
            TASKS + "    - file: {path: /a}\n      loop: [1]\n      loop_control: {loop_var: facts}\n",
            "variable-name",
            5,
            32,
        ),
        (TASKS + "    - file: {path: /a}\n      notify: nobody\n", "handler-unknown", 4, 15),
        (TASKS + "    - file: {path: /a}\n      name: 5\n", "word-not-text", 4, 13),
        (HEAD + "  handlers:\n    - file: {path: /a}\n", "handler-no-name", 3, 7),
        (
            HEAD + "  handlers:\n    - {name: a, file: {path: /a}}\n    - {name: a, file: {path: /b}}\n",
            "handler-duplicate",
            4,
            14,
        ),
        (HEAD + "  hosts: all\n", "yaml-duplicate-key", 2, 3),
    ],
)
def test_mistakes(tmp_path: Path, text: str, code: str, line: int, column: int) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_playbook(path)
    assert (caught.value.code, caught.value.place) == (code, (str(path), line, column))
    assert code in [problem.code for problem in check_playbook(path)]


def test_all_mistakes_are_listed_in_order(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        TASKS + "    - copy: {}\n    - file: {path: /a, mode: 644, own: x}\n      when: '{{ a }}'\n  becom: true\n",
    )
    assert [(problem.code, problem.place and problem.place.line) for problem in check_playbook(path)] == [
        ("module-instead", 3),
        ("field-digits", 4),
        ("field-unknown", 4),
        ("when-braces", 5),
        ("play-unknown-word", 6),
    ]


def test_errors_say_what_to_write(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        TASKS + "    - file: {path: /a, contnet: x}\n    - lnie: {path: /a}\n    - file: {path: /a, mode: 644}\n",
    )
    unknown, module, digits = check_playbook(path)
    assert unknown.arguments["near"].startswith("content")
    assert module.arguments["near"].startswith("line")
    assert digits.arguments["value"] == "644"


def test_encrypted_values(tmp_path: Path) -> None:
    keyring = vault.Keyring()
    keyring.add("open sesame")
    sealed = vault.encrypt(b"1234", b"open sesame").replace("\n", "\n            ")
    write(tmp_path, vault.encrypt(b"pin: 888888\n", b"open sesame"), "secret.yml")
    text = HEAD + "  vars_files: [secret.yml]\n  vars:\n    code: !vault |\n            " + sealed.rstrip() + "\n"
    path = write(tmp_path, text)
    (play,) = load_playbook(path, keyring).plays
    assert play.vars == {"code": Secret("1234"), "pin": Secret("888888")}
    write(tmp_path, text.replace("  vars_files: [secret.yml]\n", ""))
    (play,) = load_playbook(path).plays
    assert isinstance(play.vars["code"], Vaulted)


def test_a_secret_has_no_place_in_a_key(tmp_path: Path) -> None:
    keyring = vault.Keyring()
    keyring.add("pw")
    indent = "\n          "
    sealed = vault.encrypt(b"/etc/motd", b"pw").rstrip().replace("\n", indent)
    path = write(tmp_path, TASKS + f"    - file:\n        path: !vault |{indent}{sealed}\n")
    for keys in (keyring, None):
        (problem,) = check_playbook(path, keys)
        assert (problem.code, problem.place) == ("field-secret", (str(path), 4, 15))
