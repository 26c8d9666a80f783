"""No markup survives: what comes from outside is text on the page, and the evidence is marked where it stands."""

import ast
import inspect
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.comparing.comparison import ChunkMatch, StageDifference
from app.explaining.grounded import SentenceMark
from app.explaining.sureness import Row
from app.explaining.words import ChunkMark, TokenMark
from app.kit.wording import Trust
from app.live.rows import Part
from app.views.kit import html as text
from app.views.kit.style import STAGE_COLOURS
from backends.local.index import DocumentRow
from metrics.alarms import Alarm, State
from pipeline.types import Chunk, Evidence, PartReadiness

ROOT = Path(__file__).resolve().parents[3]

NASTY = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "</p></details><h1>out",
    '" onmouseover="alert(1)',
    "&lt;b&gt; &amp;",
    "a\u202eright-to-left\u202c",
    "🙂 naïve",
    "\x00\x1b[31m",
]

ALLOWED = {"p", "div", "span", "b", "details", "summary", "mark", "table", "thead", "tbody", "tr", "th", "td", "a"}


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.marked: list[str] = []
        self._in_mark = False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "mark":
            self._in_mark = True
            self.marked.append("")

    def handle_endtag(self, tag):
        if tag == "mark":
            self._in_mark = False

    def handle_data(self, data):
        self.text += data
        if self._in_mark:
            self.marked[-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def chunk(body: str, title: str = "Title") -> Chunk:
    return Chunk("c1", "d1", title, body, 0.9, 1, {"bm25": 3.0})


def alarm(value: str, state: State) -> Alarm:
    return Alarm(value, state, value, 1.0, value)


DRAWN = [
    lambda value: text.answer_html(value),
    lambda value: text.question_html(value),
    lambda value: text.note_html(value),
    lambda value: text.chunk_html(chunk(value, value), [], is_open=True),
    lambda value: text.plain_chunk_html(1, value, value),
    lambda value: text.pairs_html({value: value}),
    lambda value: text.parts_html([PartReadiness(value, False, value)]),
    lambda value: text.trust_html(Trust("low", value, value)),
    lambda value: text.documents_html([DocumentRow(value, value, value, 1, 1)]),
    lambda value: text.overlap_html([ChunkMatch(chunk(value, value), 1, None)]),
    lambda value: text.comparison_html([StageDifference(value, 1.0, None)]),
    lambda value: text.differences_html([(value, value, value)]),
    lambda value: text.side_html(value, value),
    lambda value: text.chunks_html([chunk(value, value)], []),
    lambda value: text.tokens_html([TokenMark(value, 1.0, value, 0), TokenMark(value, -0.5, value, None)]),
    lambda value: text.attributed_html([ChunkMark(chunk(value, value), 0, value, 1.0)], []),
    lambda value: text.attributed_html(
        [ChunkMark(chunk(value, value), 0, value, 1.0)], [Evidence("c1", 0, 3)], against=True
    ),
    lambda value: text.grounded_html(
        [SentenceMark(value, (), True, value), SentenceMark(value, ((0, 1),), False, value)]
    ),
    lambda value: text.figures_html([Row(value, value, value)]),
    lambda value: text.table_html((value, value), [(value, value)], value),
    lambda value: text.stack_html([Part(value, value, 1.0, None, 0.0, None, None)]),
    lambda value: text.alarms_html([alarm(value, "OK"), alarm(value, "ALARM"), alarm(value, "INSUFFICIENT_DATA")]),
]


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("draw", DRAWN)
def test_text_from_outside_stays_text(draw, nasty):
    plain, dressed = read(draw("harmless")), read(draw(nasty))
    assert dressed.tags == plain.tags
    assert dressed.attributes == plain.attributes
    assert set(dressed.tags) <= ALLOWED
    assert nasty.replace("\x00", "") in dressed.text.replace("\x00", "").replace("\ufffd", "")


def test_nothing_that_makes_html_is_left_out_above():
    makers = {name for name, made in vars(text).items() if name.endswith("_html") and inspect.isfunction(made)}
    tried = {name for draw in DRAWN for name in draw.__code__.co_names if name.endswith("_html")}
    assert tried == makers


def test_whatever_writes_a_tag_is_called_html_and_so_tried_above():
    """But for the rules of links, which are made of numbers alone."""
    writers = {
        name
        for name, made in vars(text).items()
        if inspect.isfunction(made)
        and made.__module__ == text.__name__
        and re.search(r"[\"']<[a-z]", inspect.getsource(made))
    }
    assert {name for name in writers if not name.endswith("_html")} == {"link_rules"}


def test_html_reaches_the_page_in_two_places_alone():
    """What `text` made, each maker of which is tried above; and the style sheet, a constant."""
    found = {
        (path.name, line.strip())
        for folder in ("app", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"st\.html\(|unsafe_allow_html|components\.(v1|html)", line)
    }
    assert found == {("text.py", "st.html(html)"), ("style.py", "st.html(STYLE)")}


def test_pages_show_only_what_these_makers_made():
    """HTML is composed in `text`, where it is tried above, and nowhere else; but for the rules of links, made of numbers alone."""
    shown = {
        (path.name, ast.unparse(getattr(call.args[0], "func", call.args[0])))
        for folder in ("app", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "text.show"
    }
    assert len(shown) > 10
    assert {each for each in shown if not re.fullmatch(r"text\.\w+_html", each[1])} == {
        ("explanation.py", "text.link_rules")
    }


@given(body=st.text(max_size=80), spans=st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=4))
def test_marking_changes_no_character(body, spans):
    body = "".join(char for char in body if char.isprintable())
    assert read(text.marked(body, spans)).text == body


def test_the_evidence_is_marked_where_it_stands():
    body = "First sentence. The <answer> is here. Last."
    start = body.index("The")
    html = text.chunk_html(chunk(body), [Evidence("c1", start, start + 21), Evidence("other", 0, 5)], is_open=True)
    assert read(html).marked == ["The <answer> is here."]


def test_quoted_chunks_are_open_and_the_first_where_none_is():
    chunks = [Chunk(f"c{n}", "d", "t", "text", 0.9, n) for n in (1, 2)]
    assert text.chunks_html(chunks, [Evidence("c2", 0, 4)]).count(" open>") == 1
    assert " open>" in text.chunks_html(chunks, [Evidence("c2", 0, 4)]).split("</details>")[1]
    assert " open>" in text.chunks_html(chunks, []).split("</details>")[0]


@pytest.mark.parametrize(
    "value", ["**b**", "[a](b)", "`c`", ":smile:", "$x$", "<b>", "# h", "a\nb", ":red[x]", "1. x", "~~s~~"]
)
def test_literal_leaves_no_markdown_to_be_read(value):
    escaped = text.literal(value)
    assert "\n" not in escaped
    unescaped = [
        char for before, char in zip(" " + escaped, escaped, strict=False) if char in "*[]`:$<#~" and before != "\\"
    ]
    assert unescaped == []


def test_every_stage_has_a_colour_of_its_own():
    assert len(set(STAGE_COLOURS.values())) == len(STAGE_COLOURS)


def test_a_token_and_its_chunk_point_at_each_other():
    token = text.tokens_html([TokenMark("Rome", 1.0, "+5 nats", 3), TokenMark(".", 0.0, "0 nats", None)])
    assert token.count("rg-from-") == 1
    assert 'class="rg-token rg-from-3"' in token
    assert 'class="rg-did-3"' in text.attributed_html([ChunkMark(chunk("body"), 3, "+5", 1.0)], [])
    rules = text.link_rules(4)
    assert ":has(.rg-from-3:hover) .rg-did-3" in rules
    assert ":has(.rg-did-3:hover) .rg-from-3" in rules
    assert "rg-did-4" not in rules
