"""Case of `xml`: settings files of many hands, with comments, CDATA, both quotes, and references."""

from __future__ import annotations

from typing import Any, NamedTuple
from xml.etree import ElementTree

import hypothesis.strategies as st
from case_files import _but_folder_time, same_owner_and_mode
from law_bench import BOTH, Bench, Case, Situation, Snapshot, assert_same
from law_texts import Coding, codings, modes, names, owners, words

from guiwei.modules.xml import XmlValue
from guiwei.target.contract import Resource
from guiwei.target.secret import Secret, reveal
from guiwei.target.xml_path import parse_path
from guiwei.target.xml_text import new_xml, parse_xml

_elements = st.sampled_from(["上传", "item", "Item", "ns:url", "a.b-c"])
_attributes = st.sampled_from(["name", "地址", "x:y"])
_texts = st.one_of(words, st.sampled_from(["<&>\"'", "]]>", "a\nb", " \t x", "é😀", "", "\r\n"]))
#: What a tree that is written by hand may say: the encodings have it all, or it is a reference.
_plain = st.one_of(words, st.sampled_from(["<&>\"'", "a\nb", ""]))
_DECLARED = {"gbk": "GBK", "gb18030": "gb18030", "utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


class Tree(NamedTuple):
    """An element: its text counts if it has no children."""

    name: str
    attributes: dict[str, str]
    text: str
    children: list[Any]


_trees: st.SearchStrategy[Tree] = st.recursive(
    st.builds(Tree, _elements, st.dictionaries(_attributes, _plain, max_size=2), _plain, st.just([])),
    lambda inner: st.builds(
        Tree, _elements, st.dictionaries(_attributes, _plain, max_size=2), st.just(""), st.lists(inner, max_size=4)
    ),
    max_leaves=8,
)


class _Hand:
    """One way to write XML."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.newline = draw(st.sampled_from(["\n", "\r\n"]))
        self.indent = draw(st.sampled_from([None, "  ", "\t"]))
        self.remarks = draw(st.booleans())
        self.remark = 0

    def document(self, tree: Tree, declared: str | None) -> str:
        declaration = "" if declared is None else f'<?xml version="1.0" encoding="{declared}"?>' + self.newline
        return declaration + self.note() + self.element(tree) + self.draw(st.sampled_from(["", self.newline]))

    def element(self, tree: Tree, margin: str = "") -> str:
        tag = f"<{tree.name}" + "".join(self._attribute(name, text) for name, text in tree.attributes.items())
        tag += self.draw(st.sampled_from(["", " "]))
        if tree.children:
            glue = "" if self.indent is None else self.newline + margin
            inner = margin + (self.indent or "")
            parts = [glue + (self.indent or "") + self.element(one, inner) + self.note() for one in tree.children]
            return f"{tag}>{self.note()}{''.join(parts)}{glue}</{tree.name}>"
        if not tree.text and self.draw(st.booleans()):
            return tag + "/>"
        return f"{tag}>{self._text(tree.text)}{self.note()}</{tree.name}>"

    def note(self) -> str:
        if not self.remarks or self.draw(st.integers(0, 3)):
            return ""
        self.remark += 1
        return f"<!-- {self.remark}: <a x='1'> ]]> 税 -->"

    def _attribute(self, name: str, text: str) -> str:
        quote = self.draw(st.sampled_from("\"'"))
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(quote, "&#x22;" if quote == '"' else "&apos;")
        blank = self.draw(st.sampled_from([" ", "  ", self.newline + "   "]))
        return blank + name + "=" + quote + text.replace("\n", "&#10;") + quote

    def _text(self, text: str) -> str:
        if self.draw(st.booleans()):
            return "<![CDATA[" + text.replace("\n", self.newline) + "]]>"
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", self.newline)


def _read(text: str) -> Tree:
    """Read by other means."""
    parser = ElementTree.XMLParser(encoding="utf-8")
    # The reader binds prefixes, which settings files seldom declare: here they are part of the name.
    parser.feed(text.replace("ns:", "ns_").replace("x:y", "x_y").encode("utf-8"))
    return _taken(parser.close())


def _taken(element: ElementTree.Element) -> Tree:
    children = [_taken(one) for one in element]
    text = "" if children else element.text or ""
    attributes = {name.replace("x_y", "x:y"): text for name, text in element.attrib.items()}
    return Tree(element.tag.replace("ns_", "ns:"), attributes, text, children)


def _paths(tree: Tree, above: str = "") -> list[str]:
    here = above + "/" + tree.name
    found = [here, *(f"{here}/@{name}" for name in tree.attributes)]
    for number, child in enumerate(tree.children):
        alike = [one for one in tree.children if one.name == child.name]
        which = "" if len(alike) == 1 else f"[{[one is child for one in alike].index(True) + 1}]"
        for path in _paths(child, here):
            start = len(here) + 1 + len(child.name)
            found.append(path[:start] + which + path[start:])
        assert number < len(tree.children)
    return found


def _patched(tree: Tree | None, path: str, value: str | None) -> Tree | None:
    """Return what the document must be, by the path's own words."""
    wanted = parse_path(path)
    name = wanted.steps[0].name
    start = tree if tree is not None else None if value is None else Tree(name, {}, "", [])
    return None if start is None else _within(start, wanted.steps[1:], wanted.attribute, value)


def _within(tree: Tree, steps: Any, attribute: str | None, value: str | None) -> Tree:
    if not steps:
        if attribute is None:
            return tree if value is None else tree._replace(text=value)
        others = {name: text for name, text in tree.attributes.items() if name != attribute}
        return tree._replace(attributes=others if value is None else {**others, attribute: value})
    step = steps[0]
    said = {one.name: one.value for one in step.conditions}
    fitting = [
        number
        for number, one in enumerate(tree.children)
        if one.name == step.name and all(one.attributes.get(name) == text for name, text in said.items())
    ]
    at = fitting[(step.position or 1) - 1] if len(fitting) >= (step.position or 1) else None
    children = list(tree.children)
    if at is None:
        if value is not None:
            children.append(_within(Tree(step.name, said, "", []), steps[1:], attribute, value))
    elif value is None and len(steps) == 1 and attribute is None:
        del children[at]
    else:
        children[at] = _within(children[at], steps[1:], attribute, value)
    return tree._replace(children=children)


def _same(one: Tree, other: Tree, text: bool = True) -> bool:
    """Blanks around elements say nothing, nor those that are left where the last one was taken away."""
    if one.name != other.name or one.attributes != other.attributes or len(one.children) != len(other.children):
        return False
    if not one.children and one.text != other.text and (one.text.strip() or other.text.strip()):
        return False
    return all(_same(a, b) for a, b in zip(one.children, other.children, strict=True))


@st.composite
def xml_situations(draw: st.DrawFn) -> Situation:
    path = "/Program Files (x86)/开票/" + draw(names)
    inside = path.lstrip("/")
    coding: Coding = draw(codings)
    hand = _Hand(draw)
    tree = draw(_trees)
    # Without a declaration and a mark `auto` takes it for what XML says: UTF-8.
    needed = coding.option == "auto" and not coding.bom and coding.codec != "utf-8"
    declared = _DECLARED[coding.codec] if needed or draw(st.booleans()) else None
    text = hand.document(tree, declared) if draw(st.integers(0, 5)) else None
    there = _paths(tree) if text is not None else []
    root = "/" + (tree.name if draw(st.integers(0, 9)) else "other")
    new = draw(
        st.sampled_from(
            [
                root + "/new",
                root + "/new/deep/@地址",
                root + "/@fresh",
                root + "/item[@name='限额']",
                root + "/item[@name='a b']/@地址",
                root + "/item[1]/x",
            ]
        )
    )
    xpath = draw(st.sampled_from(there)) if there and draw(st.integers(0, 2)) else new
    mode, owner = draw(modes), draw(owners)
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        value = draw(_texts)
        state = {"value": Secret(value) if draw(st.booleans()) else value}
    data = None if text is None else coding.bom + text.encode(coding.codec)

    def make(bench: Bench) -> Resource:
        bench.put("/Program Files (x86)/开票/other.xml", b"<item/>")
        if data is not None:
            bench.put(path, data, mode, owner)
        return XmlValue(path, xpath, encoding=coding.option, newline="crlf")

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {inside})
        same_owner_and_mode(before, after, inside)
        if inside not in after:
            assert state is None
            return
        left = after[inside].data
        start = new_xml(coding.option, "\r\n", path).file() if data is None else parse_xml(
            data, coding.option, "\r\n", path).file()  # fmt: skip
        assert left.startswith(start.bom), "the BOM is gone"
        old, now = "".join(start.lines), left[len(start.bom) :].decode(start.encoding)
        value = None if state is None else reveal(state["value"])
        wanted = _patched(None if data is None else _read(old), xpath, value)
        assert wanted is not None
        assert _same(_read(now), wanted)
        if data is None:
            assert now.startswith(old)
            assert now.endswith(">\r\n")
        else:
            _assert_near(old, now, xpath, state)

    return Situation(make, state, _but_folder_time(frame))


def _assert_near(old: str, now: str, xpath: str, state: dict[str, Any] | None) -> None:
    """What is replaced stays within its own text; adding only adds characters, and taking away only takes some."""
    wanted = parse_path(xpath)
    element = parse_xml(old.encode(), "utf-8", "\n", "").found(wanted)
    attribute = None if element is None or wanted.attribute is None else element.attribute(wanted.attribute)
    if state is None:
        assert _is_within(now, old)
    elif element is None or (wanted.attribute is not None and attribute is None):
        _assert_added(old, now)
    elif attribute is not None:
        assert now.startswith(old[: attribute.value_start])
        assert now.endswith(old[attribute.value_end :])
    else:
        opened = element.opened if element.closing != element.opened else element.start + 1 + len(element.name)
        assert now.startswith(old[:opened].removesuffix("/>").rstrip())
        assert now.endswith(old[element.closing :])
        for note in [part.partition("-->")[0] for part in old.split("<!--")[1:]]:
            assert note in now


def _assert_added(old: str, now: str) -> None:
    """`<a />` opens as `<a>`: there alone something goes."""
    start = next((at for at, (a, b) in enumerate(zip(old, now, strict=False)) if a != b), len(old))
    if not _is_within(old, now):
        assert old[start:].lstrip().startswith("/>"), old[start:]
        assert _is_within(old[start:].lstrip()[2:], now[start:])


def _is_within(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


CASES = [
    Case(
        "xml",
        xml_situations(),
        systems=BOTH,
        refusals=frozenset(
            {
                "text-ambiguous",
                "text-encoding",
                "xml-root",
                "xml-root-absent",
                "xml-children",
                "xml-no-place",
                "xml-position",
                "xml-several",
            }
        ),
    )
]
