"""Wrong playbooks: the message says what, where, what was expected and what to write; the PC stays as it is."""

from __future__ import annotations

import pytest
from scenario_bench import TAXPAYER, Bench
from scenario_cases import Case, Run, check_case, play, tasks

BRANCH = f"""\
all:
  hosts:
    pc1:
      ansible_connection: local
      guiwei_root: @ROOT@
      guiwei_state_dir: @STATE@
      instances:
        - {{taxpayer: {TAXPAYER}, machine: "0", orgcode: "330100", disk: "008800330101"}}
"""


def wanted(state: str) -> dict[str, str | bytes]:
    """Return the files of a case whose playbook declares this state of Lantai."""
    lines = "".join(f"    {line}\n" for line in state.strip("\n").splitlines())
    return {"inventory.yml": BRANCH, "playbook.yml": f"- hosts: all\n  product: lantai\n  state:\n{lines}"}


MOTD = "- file: {path: /etc/motd, content: new}\n"

CASES = [
    # The file itself
    Case("file-missing", 2, "file-unreadable", argv=("apply", "nowhere.yml", "-i", "inventory.yml", "--yes")),
    Case("file-is-a-folder", 2, "file-unreadable", {"folder/x": ""},
         argv=("apply", "folder", "-i", "inventory.yml", "--yes")),
    Case("file-empty", 2, "playbook-not-list", play("")),
    Case("file-not-a-list", 2, "playbook-not-list", play("hosts: all\ntasks: []\n")),
    Case("file-not-utf8", 2, "file-not-utf8",
         {"playbook.yml": "- hosts: all\n  name: 网点\n  tasks: []\n".encode("gbk")}),
    Case("yaml-tab", 2, "yaml-tab", play("- hosts: all\n\ttasks: []\n")),
    Case("yaml-duplicate-key", 2, "yaml-duplicate-key", tasks(MOTD + "- file:\n    path: /etc/motd\n    path: /etc/x\n")),
    Case("yaml-unclosed-quote", 2, "yaml-unclosed-quote", play("- hosts: 'all\n  tasks: []\n")),
    Case("yaml-windows-path", 2, "yaml-bad-escape", tasks('- file: {path: "C:\\Data\\x.ini", content: y}')),
    Case("yaml-template-without-quotes", 2, "yaml-unquoted-template", tasks("- file: {path: /etc/motd, content: {{ a }}}")),
    # Plays and tasks
    Case("play-without-hosts", 2, "play-no-hosts", play("- tasks: []\n")),
    Case("play-unknown-key", 2, "play-unknown-word", play("- hosts: all\n  task: []\n")),
    Case("task-unknown-key", 2, "task-unknown-word", tasks("- file: {path: /etc/motd, content: new}\n  wen: true")),
    Case("task-unknown-module", 2, "task-unknown-word", tasks("- fil: {path: /etc/motd}")),
    Case("task-two-modules", 2, "task-two-modules",
         tasks("- file: {path: /etc/motd, content: new}\n  directory: {path: /srv}")),
    Case("task-no-module", 2, "task-no-module", tasks("- name: nothing")),
    Case("field-unknown", 2, "field-unknown", tasks("- file: {path: /etc/motd, contents: new}")),
    Case("field-required", 2, "field-required", tasks("- file: {content: new}")),
    Case("field-choice", 2, "field-choice", tasks("- file: {path: /etc/motd, content: new, newline: unix}")),
    Case("field-mode-number", 2, "field-digits", tasks("- file: {path: /etc/motd, content: new, mode: 644}")),
    Case("field-mode-pattern", 2, "field-pattern", tasks("- file: {path: /etc/motd, content: new, mode: 'u+rw'}")),
    Case("field-relative-path", 2, "field-pattern", tasks("- file: {path: etc/motd, content: new}")),
    Case("field-type", 2, "field-type", tasks("- file: {path: /etc/motd, content: [new]}")),
    Case("file-two-contents", 2, "file-two-contents",
         {**tasks("- file: {path: /etc/motd, content: new, source: motd}"), "motd": "x"}),
    Case("notify-unknown-handler", 2, "handler-unknown",
         tasks(MOTD + "  notify: restart clint", "  handlers:\n    - {name: restart client, command: {argv: [/bin/true]}}\n")),
    Case("resource-conflict", 2, "resource-conflict", tasks(MOTD + "- file: {path: /etc/motd, content: other}")),
    Case("loop-not-a-list", 2, "loop-not-list", tasks("- file: {path: /etc/motd, content: new}\n  loop: 3")),
    # What Ansible has and guiwei has not
    Case("ansible-copy", 2, "module-instead", tasks("- copy: {dest: /etc/motd, content: new}")),
    Case("ansible-lineinfile", 2, "module-instead", tasks("- lineinfile: {path: /etc/motd, line: new}")),
    Case("ansible-builtin-template", 2, "module-instead",
         tasks("- ansible.builtin.template: {src: a.j2, dest: /etc/motd}")),
    Case("ansible-shell", 2, "module-instead", tasks("- shell: echo new > /etc/motd")),
    Case("ansible-free-form-command", 2, "command-free-form", tasks("- command: /bin/touch /etc/new")),
    Case("ansible-assert", 2, "instead-probe", tasks("- assert: {that: [1 == 1]}")),
    Case("ansible-register", 2, "instead-when-observed", tasks(MOTD + "  register: found")),
    Case("ansible-block", 2, "instead-flat-tasks", tasks("- block:\n    - file: {path: /etc/motd, content: new}")),
    Case("ansible-ignore-errors", 2, "instead-stop", tasks(MOTD + "  ignore_errors: true")),
    Case("ansible-with-items", 2, "instead-loop", tasks(MOTD + "  with_items: [a]")),
    Case("ansible-delegate-to", 2, "instead-host-pattern", tasks(MOTD + "  delegate_to: localhost")),
    Case("ansible-roles", 2, "instead-plays", play("- hosts: all\n  roles: [client]\n")),
    Case("ansible-include-tasks", 2, "instead-plays", tasks("- include_tasks: more.yml")),
    Case("ansible-import-playbook", 2, "instead-plays", play("- import_playbook: other.yml\n")),
    Case("ansible-become", 2, "instead-become-variable", play("- hosts: all\n  become: true\n  tasks: []\n")),
    Case("ansible-gather-facts", 2, "instead-facts", play("- hosts: all\n  gather_facts: false\n  tasks: []\n")),
    Case("ansible-serial", 2, "instead-rollout", play("- hosts: all\n  serial: 5\n  tasks: []\n")),
    Case("ansible-lookup", 2, "template-lookup", tasks("- file: {path: /etc/motd, content: \"{{ lookup('file', 'x') }}\"}")),
    # Templates
    Case("template-undefined-value", 2, "template-undefined",
         tasks("- file: {path: /etc/motd, content: 'Hello {{ citty }}'}", "  vars: {city: 杭州}\n")),
    Case("template-undefined-key", 2, "template-undefined", tasks("- file: {path: '/etc/{{ nme }}', content: x}")),
    Case("template-undefined-when", 2, "template-undefined", tasks(MOTD + "  when: branch == 1")),
    Case("template-undefined-loop", 2, "template-undefined", tasks(MOTD + "  loop: '{{ files }}'")),
    Case("template-syntax", 2, "template-syntax", tasks("- file: {path: /etc/motd, content: '{{ city | }}'}")),
    Case("template-unknown-filter", 2, "template-unknown-filter",
         tasks("- file: {path: /etc/motd, content: '{{ city | uper }}'}", "  vars: {city: a}\n")),
    Case("template-cycle", 2, "template-cycle",
         tasks("- file: {path: /etc/motd, content: '{{ a }}'}", "  vars: {a: '{{ b }}', b: '{{ a }}'}\n")),
    Case("template-file-undefined", 2, "template-undefined",
         {**tasks("- file: {path: /etc/motd, template: motd.j2}"), "motd.j2": "Hello\nto {{ citty }}\n"}),
    Case("template-file-missing", 2, "play-file-missing", tasks("- file: {path: /etc/motd, template: motd.j2}")),
    Case("source-file-missing", 2, "play-file-missing", tasks("- file: {path: /etc/motd, source: motd}")),
    Case("vars-file-missing", 2, "file-unreadable", tasks(MOTD, "  vars_files: [more.yml]\n")),
    Case("when-not-boolean", 2, "when-not-bool", tasks(MOTD + "  when: city", "  vars: {city: 杭州}\n")),
    Case("when-braces", 2, "when-braces", tasks(MOTD + "  when: '{{ true }}'")),
    # The domain's own words
    Case("product-unknown", 2, "product-unknown",
         play("- hosts: all\n  product: lantei\n  state: {software: {version: '3.1.0'}}\n")),
    Case("state-without-product", 2, "state-without-product",
         play("- hosts: all\n  state: {software: {version: '3.1.0'}}\n")),
    Case("state-unknown-word", 2, "state-unknown-word", wanted("sofware: {version: '3.1.0'}")),
    Case("state-unknown-path", 2, "state-unknown", wanted("parameters: {limitt: '99999.99'}")),
    Case("state-version-unknown", 2, "version-unknown", wanted("software: {version: '3.2.0'}")),
    Case("state-version-number", 2, "value-quote-version", wanted("software: {version: 3.1}")),
    Case("state-wrong-type", 2, "value-integer", wanted("parameters: {backup_cycle: weekly}")),
    Case("state-running-text", 2, "value-boolean", wanted("software: {running: 'on'}")),
    Case("state-limit-step", 2, "value-limit-step", wanted("parameters: {limit: '100000.00'}")),
    Case("state-kind-unknown", 2, "value-kind", wanted("parameters: {kinds: ['004', '027']}")),
    Case("state-disk-digits", 2, "value-quote-digits", wanted("disk: {number: 8800330101}")),
    Case("state-taxpayer-checksum", 2, "value-uscc-checksum", wanted("parameters: {taxpayer: 91996731333271677A}")),
    Case("state-address", 2, "value-url", wanted("parameters: {upload_address: fpsc.example.gov.cn}")),
    Case("verify-level", 2, "verify-level", play("- hosts: all\n  verify: {level: full}\n  tasks: []\n")),
    Case("word-of-a-later-version", 2, "word-later", play("- hosts: all\n  rollout: {waves: [1, 10]}\n  tasks: []\n")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_wrong_playbook(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "playbook", run, bench)
