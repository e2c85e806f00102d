"""A playbook that guiwei writes reads back as what was meant, whatever the texts are."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from guiwei.language.source import Unsafe, loads
from guiwei.report.playbook_text import PlayText, Template, playbook_text, yaml_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
#: Texts of several lines, with what ends and indents them.
BLOCKS = st.lists(
    st.sampled_from(["", " ", "a", "  b: c", "# d", "\t", "税号: '1'", "{{ x }}", "{% x", "- e", "...", "---", "f "])
    | TEXTS,
    max_size=6,
).map("\n".join)  # fmt: skip


@given(TEXTS | st.booleans() | st.none() | st.lists(TEXTS, max_size=3))
@example("yes")
@example("0010")
@example('\ufeff\x85\u2028\U0001f600\\"')
def test_a_value_reads_back_as_it_is(value: Any) -> None:
    source = loads(f"a: {yaml_text(value)}\n", "x.yml")
    assert source.data == {"a": value}
    # Nothing in it may be read otherwise by Ansible, or be taken for a template.
    assert source.differences == ()
    if isinstance(value, str) and any(sign in value for sign in ("{{", "{%", "{#")):
        assert isinstance(source.data["a"], Unsafe)


def test_a_template_stays_one() -> None:
    data = loads(f"a: {yaml_text(Template('{{ x }}'))}\n", "x.yml").data
    assert data == {"a": "{{ x }}"}
    assert not isinstance(data["a"], Unsafe)


#: Paths of a profile: none is another one's beginning (`product check` sees to that).
PATHS = st.from_regex(r"[a-z]{1,4}\.[a-z]{1,7}|[a-z]{5,6}", fullmatch=True)


@given(BLOCKS, TEXTS, st.dictionaries(PATHS, TEXTS, max_size=3))
def test_a_play_reads_back_as_it_is(content: str, host: str, state: dict[str, str]) -> None:
    play = PlayText(host, "lantai")
    play.state = state
    play.differing = {"a.0": {"parameters.name": content}}
    play.left_out = ["a comment"]
    play.tasks = [("file", {"path": "/x", "content": content}), "another one"]
    [read] = loads(playbook_text([play], ["head"]), "x.yml").data
    assert read["hosts"] == host
    assert read["product"] == "lantai"
    assert read["tasks"] == [{"file": {"path": "/x", "content": content}}]
    assert read["vars"] == {"captured": {"a.0": {"parameters.name": content}}}
    for path, value in state.items():
        found: Any = read["state"]
        for part in path.split("."):
            found = found[part]
        assert found == value


def test_a_text_of_several_lines_is_written_as_one_reads_it() -> None:
    play = PlayText("pc", None)
    play.tasks = [("file", {"path": "/x", "content": "第一行\n  second: line\n"})]
    assert "content: |\n          第一行\n            second: line\n" in playbook_text([play], [])
