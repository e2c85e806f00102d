from __future__ import annotations

import io

import pytest
from report_samples import rich_plan, rich_run, show

from guiwei.report.console import THEME, Line, ink, make_console
from guiwei.report.picture import svg
from guiwei.report.plan_view import plan_view
from guiwei.report.run_view import run_view
from guiwei.report.words import Words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(file: io.StringIO, environ: dict[str, str]) -> str:
    make_console(file, width=100, environ=environ).print(plan_view(rich_plan(), Words("zh")))
    return file.getvalue()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_terminal_gets_colours_and_a_file_gets_none() -> None:
    assert "\x1b[" in written(Terminal(), {})
    assert "\x1b" not in written(io.StringIO(), {})


def test_no_color_leaves_no_colour() -> None:
    coloured, plain = written(Terminal(), {}), written(Terminal(), {"NO_COLOR": "1"})
    assert "38;" in coloured
    assert "38;" not in plain


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "latin-1"])
def test_a_terminal_without_a_sign_gets_another_one(encoding: str) -> None:
    raw = io.BytesIO()
    console = make_console(io.TextIOWrapper(raw, encoding=encoding), width=100, environ={})
    console.print(run_view(rich_run(), Words("en")))
    console.file.flush()
    told = raw.getvalue().decode(encoding)
    assert ("√ client answers" if encoding == "gbk" else "+ client answers") in told


def test_no_line_is_wider_than_the_terminal() -> None:
    from rich.cells import cell_len

    for width in (60, 80, 100):
        for view in (plan_view(rich_plan(), Words("zh")), run_view(rich_run(), Words("zh"))):
            assert max(map(cell_len, show(view, width).splitlines())) <= width


def test_no_line_ends_in_blanks() -> None:
    for view in (plan_view(rich_plan(), Words("en")), run_view(rich_run(), Words("zh"))):
        assert [line for line in show(view).splitlines() if line != line.rstrip()] == []


def test_the_right_part_stands_at_the_margin_or_below() -> None:
    line = Line(ink("左" * 10, "gw.muted"), ink("right", "gw.place"), indent=2)
    assert show(line, 40) == "  " + "左" * 10 + " " * 13 + "right\n"
    assert show(line, 24).splitlines() == ["  " + "左" * 10, " " * 19 + "right"]


def _luminance(channels: tuple[int, int, int]) -> float:
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_can_be_read_on_white_and_on_dark() -> None:
    dark = _luminance((0x1F, 0x22, 0x27))
    for name, style in THEME.styles.items():
        if name.startswith("gw.") and style.color and style.color.triplet:
            shade = _luminance(style.color.triplet)
            assert 1.05 / (shade + 0.05) >= 3, name
            assert (shade + 0.05) / (dark + 0.05) >= 3, name


@pytest.mark.parametrize("ground", ["dark", "light"])
def test_a_picture_gives_chinese_two_columns_each(ground: str) -> None:
    from xml.etree import ElementTree

    picture = svg(Line(ink("ab 税号<&", "gw.add")), title="归位 <plan>", width=40, ground=ground)
    texts = {
        element.text: element for element in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    }
    assert set(texts) == {"归位 <plan>", "ab", "税号", "<&"}
    start, end = float(texts["税号"].attrib["x"]), float(texts["<&"].attrib["x"])
    assert end - start == pytest.approx(float(texts["税号"].attrib["textLength"]), abs=0.11)
    assert end - start == pytest.approx(2 * float(texts["ab"].attrib["textLength"]), abs=0.11)
