"""A document says the same as Markdown and as a page, and nothing that stands in it is taken for markup."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.report.document import Document, Grid, Heading, Items, Para, StepBlock, to_html, to_markdown
from guiwei.report.words import Words

EVIL = '<script>alert("1")</script> & {{ 7 * 7 }} | **bold** [x](http://x) `'


class Page(HTMLParser):
    """Collects text and tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def document(text: str) -> Document:
    return Document(
        text,
        text,
        (
            Heading(text),
            Para(text, "warn"),
            Items((text, text), check=True),
            Items((text,)),
            Grid((text, "b"), ((text, ""), ("", text))),
            StepBlock(1, text, text, (text,), Grid(("a",), ((text,),)), text, text),
        ),
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_stands_alone(lang: str) -> None:
    page = Page(to_html(document("a"), Words(lang)))
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "a"} == set()
    assert ("html", {"lang": "zh-CN" if lang == "zh" else "en"}) in page.tags
    assert not re.search(r"url\(|@import|https?:", to_html(document("a"), Words(lang)))


def test_what_values_hold_is_text() -> None:
    page = Page(to_html(document(EVIL), Words("en")))
    plain = Page(to_html(document("a"), Words("en")))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert page.text.count(EVIL) >= 15
    told = to_markdown(document(EVIL), Words("en"))
    assert "<script>" not in told
    assert "**bold**" not in told
    assert "[x](" not in told


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_any_text_stays_one_cell(text: str) -> None:
    told = to_markdown(Document("t", "", (Grid(("a", "b"), ((text, "x"),)),)), Words("en")).splitlines()
    assert len(told) == 5
    assert len(re.findall(r"(?<!\\)\|", told[-1])) == 3
    page = to_html(Document("t", "", (Para(text),)), Words("en"))
    assert Page(page).open == []
    body = page.split("<p>")[1].split("</p>")[0]
    assert html.unescape(re.sub("</?code>", "`", body)).replace("`", "") == _shown(text).replace("`", "")


def _shown(text: str) -> str:
    from guiwei.report._text import clean

    return clean(text)


def test_code_is_set_as_code() -> None:
    assert "run <code>setup.exe</code> once" in to_html(Document("t", "", (Para("run `setup.exe` once"),)), Words("en"))
    assert "run `setup.exe` once" in to_markdown(Document("t", "", (Para("run `setup.exe` once"),)), Words("en"))


def test_an_empty_cell_is_room_to_write_in() -> None:
    page = Page(to_html(Document("t", "", (Grid(("a",), (("",), ("x",), ("a long text",))),)), Words("en")))
    assert [attributes for tag, attributes in page.tags if tag == "td"] == [{"class": "blank"}, {"class": "short"}, {}]
