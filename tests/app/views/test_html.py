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
from app.comparing.verdict import Verdict
from app.explaining.belief import Belief
from app.explaining.grounded import SentenceMark
from app.explaining.sureness import Row
from app.explaining.words import ChunkMark, TokenMark
from app.kit import markup
from app.kit.difference import differ
from app.kit.wording import Trust
from app.live.log_lines import ReadLine
from app.live.rows import Part
from app.live.totals import Gauge
from app.overview.words import Tile
from app.traces.spans import Placed
from app.traces.tree import row_of
from app.views.comparing import html as comparing
from app.views.documents import html as documents
from app.views.explaining import html as explaining
from app.views.kit import html as kit
from app.views.kit.markdown import literal
from app.views.kit.style import STAGE_COLOURS
from app.views.live import html as live
from app.views.overview import html as overview
from app.views.status import html as status
from app.views.traces import html as traces
from metrics.alarms import Alarm, State
from metrics.otlp.documents import Document
from metrics.otlp.messages import Message, ToolCall
from metrics.queries import TraceRow
from metrics.spreadsheet import csv_text
from pipeline.span_tree import SpanTree
from pipeline.spans import SpanEvent
from pipeline.types import Chunk, Evidence, PartReadiness, Span
from tests.factories import make_chunk

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

ALLOWED = {
    "nav",
    "ul",
    "li",
    "p",
    "div",
    "span",
    "b",
    "details",
    "summary",
    "mark",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
}


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
    reader.feed(str(html))  # what is cut out of Markup is Markup, and escapes what it is added to
    reader.close()
    return reader


def chunk(body: str, title: str = "Title") -> Chunk:
    return Chunk("c1", "d1", title, body, 0.9, 1, {"bm25": 3.0})


def span(value: str) -> Span:
    return Span(value, 0, 1, {value: value}, name=value, service=value)


def document(value: str) -> Document:
    return Document(value, value, 0.5, value, value, {value: value})


def turn(value: str) -> TraceRow:
    fields = {"question": value, "answer": value, "error_kind": value, "user": value, "note": value, "service": value}
    told = {"backend": value, "asked_at": 0.0, "duration_ms": 1.0, "error_stage": None, "top_score": None}
    return TraceRow("a" * 32, confidence=None, abstained=False, rating=1, **fields, **told)


ROW = row_of(SpanTree([Span("embed", 0, 1)]), Span("embed", 0, 1), 1.0)


def alarm(value: str, state: State) -> Alarm:
    return Alarm(value, state, value, 1.0, value)


DRAWN = [
    lambda value: traces.answer_html(value),
    lambda value: traces.question_html(value),
    lambda value: traces.answers_html(value, value + " b", differ(value, value + " b")),
    lambda value: kit.note_html(value),
    lambda value: kit.note_html(value, value),
    lambda value: kit.outline_html({value: value}),
    lambda value: kit.chart_title_html(value),
    lambda value: kit.dot_html(value),
    lambda value: traces.chunk_html(chunk(value, value), [], is_open=True),
    lambda value: documents.plain_chunk_html(1, value, value),
    lambda value: kit.pairs_html({value: value}),
    lambda value: status.parts_html([PartReadiness(value, False, value)]),
    lambda value: traces.trust_html(Trust("low", value, value)),
    lambda value: documents.standing_html(value, value, value, [value]),
    lambda value: documents.standing_html(value, value, value, [value], value),
    lambda value: comparing.overlap_html([ChunkMatch(chunk(value, value), 1, None)]),
    lambda value: comparing.comparison_html([StageDifference(value, 1.0, None)]),
    lambda value: comparing.differences_html([(value, value, value)]),
    lambda value: comparing.side_html(value, value),
    lambda value: traces.chunks_html([chunk(value, value)], []),
    lambda value: traces.span_html(span(value), ROW, [value]),
    lambda value: traces.text_html(value, value),
    lambda value: traces.text_html("Prompt", value * 9_000) + traces.cut_html(value * 9_000),
    lambda value: traces.message_html(Message(value, value, (ToolCall(value, value),))),
    lambda value: traces.placed_html(Placed(document(value), 1, 3, value), is_open=True),
    lambda value: traces.placed_documents_html([Placed(document(value), None)]),
    lambda value: traces.values_html({value: value, value + "2": (value, 1)}),
    lambda value: traces.value_html(value * 99),
    lambda value: traces.event_html(SpanEvent(value, 1.0, {value: value})),
    lambda value: traces.turn_html(turn(value)),
    lambda value: explaining.tokens_html([TokenMark(value, 1.0, value, 0), TokenMark(value, -0.5, value, None)]),
    lambda value: explaining.attributed_html([ChunkMark(chunk(value, value), 0, value, value, 1.0)], []),
    lambda value: explaining.attributed_html(
        [ChunkMark(chunk(value, value), 0, value, value, 1.0)], [Evidence("c1", 0, 3)], against=True
    ),
    lambda value: explaining.grounded_html(
        [SentenceMark(value, (), True, value), SentenceMark(value, ((0, 1),), False, value)]
    ),
    lambda value: explaining.figures_html([Row(value, value, value)]),
    lambda value: explaining.belief_html(Belief("partly", value, (value,))),
    lambda value: comparing.verdict_html(Verdict(value, None, (value,), ((), ()), value)),
    lambda value: kit.table_html((value, value), [(value, value)], value),
    lambda value: live.gauges_html([Gauge(value, value, value, "bad", value)]),
    lambda value: live.stack_html([Part(value, value, 1.0, None, 0.0, None, None)]),
    lambda value: kit.leave_html({value: [value]}),
    lambda value: overview.tile_html(Tile("ready", "Ready", value, value, "good", "status")),
    lambda value: overview.shares_html({value: 0.5}),
    lambda value: overview.step_html(1, value, value),
    lambda value: live.alert_html(value, "open", value, value),
    lambda value: live.watched_html("high", value, value, value, value),
    lambda value: live.alarm_html(alarm(value, "OK")),
    lambda value: live.alarm_html(alarm(value, "ALARM")),
    lambda value: live.log_html([(value, ReadLine(1.0, value, "error", value, value))]),
]


HOMES = (comparing, documents, explaining, kit, live, overview, status, traces)
MODULES = sorted(path for folder in ("app", "pages") for path in (ROOT / folder).rglob("*.py"))

SAID_NOWHERE = {"dot_html", "leave_html"}
"""Makers whose value is no text: it stands in an attribute alone."""

OF_NUMBERS = {"link_rules_html"}
"""Makers that are given no text at all."""


def calls(path, *names):
    """Calls by these names in a file."""
    return [
        call
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in names
    ]


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("draw", DRAWN)
def test_text_from_outside_stays_text(draw, nasty):
    plain, dressed = read(draw("harmless")), read(draw(nasty))
    assert dressed.tags == plain.tags
    assert dressed.attributes == plain.attributes
    assert set(dressed.tags) <= ALLOWED
    if not SAID_NOWHERE & set(draw.__code__.co_names):
        assert nasty.replace("\x00", "") in dressed.text.replace("\x00", "").replace("\ufffd", "")


def test_nothing_that_makes_html_is_left_out_above():
    homes = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in MODULES
        if path.name == "html.py"
    }
    assert homes == {home.__name__ for home in HOMES}
    makers = {
        name
        for home in HOMES
        for name, made in vars(home).items()
        if name.endswith("_html") and inspect.isfunction(made) and made.__module__ == home.__name__
    }
    tried = {name for draw in DRAWN for name in draw.__code__.co_names if name.endswith("_html")}
    assert tried == makers - OF_NUMBERS


def test_whatever_writes_a_tag_is_called_html_and_so_tried_above():
    writers = {
        name
        for home in HOMES
        for name, made in vars(home).items()
        if inspect.isfunction(made)
        and made.__module__ == home.__name__
        and re.search(r"[\"']<[a-z]", inspect.getsource(made))
    }
    assert writers
    assert {name for name in writers if not name.endswith("_html")} == set()


@pytest.mark.slow
def test_a_template_is_written_by_a_programmer_and_nobodys_text_becomes_markup():
    """`html` takes a constant, `Markup` is made of constants and inside the kit; what is put in is escaped there."""
    templates = [call for path in MODULES for call in calls(path, "html") if path.name != "markup.py"]
    assert len(templates) > 30
    assert [ast.unparse(call) for call in templates if not isinstance(call.args[0], ast.Constant)] == []
    made = [(path.name, call) for path in MODULES for call in calls(path, "Markup")]
    assert {(name, ast.unparse(call)) for name, call in made if not isinstance(call.args[0], ast.Constant)} == {
        ("markup.py", "Markup(template)")
    }


@pytest.mark.parametrize("nasty", NASTY)
def test_a_value_is_escaped_in_text_and_in_an_attribute_unless_it_is_markup(nasty):
    made = markup.html('<p title="{}">{}</p>{}', nasty, nasty, markup.html("<b>{}</b>", nasty))
    assert read(made).tags == ["p", "b"]
    assert read(made).attributes == ["title"]
    assert read(markup.joined([made, nasty])).tags == ["p", "b"]


def test_what_no_maker_made_is_not_shown():
    with pytest.raises(TypeError, match="only what a maker made"):
        kit.show("<b>bold</b>")


def test_html_reaches_the_page_in_these_places_alone():
    """What a maker made, each of which is tried above; and style sheets, made of constants."""
    found = {
        (path.relative_to(ROOT).as_posix(), line.strip())
        for path in MODULES
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"\w\.html\(|unsafe_allow_html|components\.(v1|html)", line)
    }
    assert found == {
        ("app/views/kit/html.py", "st.html(made)"),
        ("app/views/kit/html.py", "place.html(made)"),
        ("app/views/kit/style.py", "st.html(_sheet())"),
        ("app/views/kit/presenting.py", "st.html(STYLE)"),
    }


@pytest.mark.slow
def test_pages_show_only_what_these_makers_made():
    shown = {
        (path.name, ast.unparse(getattr(call.args[0], "func", call.args[0])))
        for path in MODULES
        for call in calls(path, "show")
        if call.args
    }
    assert len(shown) > 10
    assert {each for each in shown if not re.fullmatch(r"\w+_html", each[1])} == set()


@given(body=st.text(max_size=80), spans=st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=4))
@pytest.mark.slow
def test_marking_changes_no_character(body, spans):
    body = "".join(char for char in body if char.isprintable())
    assert read(markup.marked(body, spans)).text == body


def test_the_evidence_is_marked_where_it_stands():
    body = "First sentence. The <answer> is here. Last."
    start = body.index("The")
    html = traces.chunk_html(chunk(body), [Evidence("c1", start, start + 21), Evidence("other", 0, 5)], is_open=True)
    assert read(html).marked == ["The <answer> is here."]


def test_what_was_not_sent_is_said_and_never_none():
    bare = traces.placed_html(Placed(Document(), 1), is_open=True)
    for said in ("untitled", "no score was sent", "No text was sent.", "no id was sent"):
        assert said in bare
    unscored = traces.chunk_html(Chunk("", "", "", "", None, 1), [], is_open=True)
    for said in ("untitled", "no score was sent", "No text was sent."):
        assert said in unscored
    assert "No question was sent." in traces.question_html("")
    for made in (bare, unscored):
        assert "None" not in made
        assert "undefined" not in made


def test_a_score_of_another_application_is_no_cosine():
    assert "cosine" in traces.chunks_html([chunk("body")], [])
    assert "score 0.9" in traces.chunks_html([chunk("body")], [], foreign=True)
    assert "cosine" not in traces.chunks_html([chunk("body")], [], foreign=True)


def test_a_score_below_nothing_has_a_real_minus():
    chunk = make_chunk(score=-0.25, signals={"rerank": -0.14, "fused": 1.0})
    assert traces.scores(chunk) == "cosine −0.250 · rerank −0.14"
    assert traces.foreign_scores(make_chunk(score=-12.5, signals={"rerank": -3.0})) == "score −12.5 · rerank −3"


def test_a_long_text_is_folded_and_a_very_long_one_cut():
    assert " open>" in traces.text_html("Prompt", "short")
    assert " open>" not in traces.text_html("Prompt", "x" * 500)
    cut = traces.text_html("Prompt", "x" * 1_000_000)
    assert len(cut) < 25_000
    assert "The first 20,000 of 1,000,000 characters." in cut
    assert len(traces.values_html({"a": "x" * 1_000_000})) < 25_000


def test_quoted_chunks_are_open_and_the_first_where_none_is():
    chunks = [Chunk(f"c{n}", "d", "t", "text", 0.9, n) for n in (1, 2)]
    assert traces.chunks_html(chunks, [Evidence("c2", 0, 4)]).count(" open>") == 1
    assert " open>" in traces.chunks_html(chunks, [Evidence("c2", 0, 4)]).split("</details>")[1]
    assert " open>" in traces.chunks_html(chunks, []).split("</details>")[0]


@pytest.mark.parametrize(
    "value", ["**b**", "[a](b)", "`c`", ":smile:", "$x$", "<b>", "# h", "a\nb", ":red[x]", "1. x", "~~s~~"]
)
def test_literal_leaves_no_markdown_to_be_read(value):
    escaped = literal(value)
    assert "\n" not in escaped
    unescaped = [
        char for before, char in zip(" " + escaped, escaped, strict=False) if char in "*[]`:$<#~" and before != "\\"
    ]
    assert unescaped == []


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/a?b=c#d",
        "http://x.example:81",
        "www.evil.example",
        "a.b@evil.example",
        "HTTPS://E.example",
    ],
)
@pytest.mark.parametrize("around", ["{}", "see {}, or not", "({}).", "a\n{}\nb", "`{}`", "{}`x`"])
def test_literal_makes_no_link_of_an_address(address, around):
    shown = literal(around.format(address))
    # Streamlit looks for addresses wherever no code is, backslashes taken away.
    outside = [part.replace("\\", "") for part in re.sub(r"\\`", "", shown).split("`")[::2]]
    assert not [part for part in outside if re.search(r"(?i)https?://|www\.|\w@\w", part)]
    assert address in shown


def test_every_stage_has_a_colour_of_its_own():
    assert len(set(STAGE_COLOURS.values())) == len(STAGE_COLOURS)


def test_a_token_and_its_chunk_point_at_each_other():
    token = explaining.tokens_html([TokenMark("Rome", 1.0, "+5 nats", 3), TokenMark(".", 0.0, "0 nats", None)])
    assert token.count("rg-from-") == 1
    assert 'class="rg-token rg-from-3"' in token
    assert 'class="rg-did-3"' in explaining.attributed_html(
        [ChunkMark(chunk("body"), 3, "spoke for it", "+5", 1.0)], []
    )
    rules = explaining.link_rules_html(4)
    assert ":has(.rg-from-3:hover) .rg-did-3" in rules
    assert ":has(.rg-did-3:hover) .rg-from-3" in rules
    assert "rg-did-4" not in rules


@pytest.mark.parametrize(("length", "size"), [(80, ""), (81, " rg-middling"), (220, " rg-middling"), (221, " rg-long")])
def test_longer_answer_is_set_smaller(length: int, size: str) -> None:
    assert f'class="rg-answer{size}"' in traces.answer_html("x" * length)


def test_words_that_answer_are_bold_and_everything_is_escaped() -> None:
    html = traces.answer_html("<i>Leonardo</i> painted it.", words=[(3, 11)])
    assert "&lt;i&gt;<b>Leonardo</b>&lt;/i&gt; painted it." in html


def test_figures_of_our_words_keep_their_units_on_their_line():
    made = [
        kit.note_html("95 of 100 took 5.7 s.", "Within 1 %."),
        kit.chart_title_html("p95 peaked at 5.7 s"),
        overview.tile_html(Tile("p95", "p95 time", "5.7 s", "4 % slower", "good", "live")),
        live.gauges_html([Gauge("p95", "5.7", "+12 %, was 5.1 s", "good", "Red above 2.00 s.")]),
        traces.trust_html(Trust("high", "High confidence, 98 %", "Of 100 answers")),
        literal("Generate takes 96 % of 5.06 s"),
    ]
    assert [each for each in made if re.search(r"\d (%|s\b)", str(each))] == []
    assert csv_text(("time",), [("5.7 s",)]).endswith("5.7 s\r\n")
