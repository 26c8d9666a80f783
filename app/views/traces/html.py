"""HTML of a trace: the question, the answer and how far to trust it, the chunks; and of one span what it was given and returned."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from app.kit.difference import Difference
from app.kit.markup import MARK_AGAINST, MARK_FOR, html, joined, marked
from app.kit.numbers import MISSING, fixed, milliseconds, minus, unbroken
from app.kit.wording import Trust, when, whereabouts
from app.traces.spans import Placed
from app.traces.tree import Row
from app.views.kit.html import dot_html, note_html
from app.views.kit.style import LEVEL_COLOURS, span_colour
from backends.local.documents.types import BUILT_IN
from metrics.otlp.messages import Message
from metrics.queries import TraceRow
from pipeline.spans import Attribute, Span, SpanEvent
from pipeline.types import Chunk, Evidence

ANSWERS = Markup("<b>")
"""Around the words of a quotation that answer."""


def question_html(question: str, *, title: bool = False) -> Markup:
    """The question as it was asked. title: on a page that has no other."""
    if title:
        return html('<h1 class="rg-question" data-testid="question" dir="auto">{}</h1>', question or NO_QUESTION)
    return html('<p class="rg-question" data-testid="question" dir="auto">{}</p>', question or NO_QUESTION)


NO_QUESTION, NO_ANSWER, NO_SCORE, NO_TEXT, NO_TITLE = (
    "No question was sent.",
    "There is no answer.",
    "no score was sent",
    "No text was sent.",
    "untitled",
)
"""What stands in place of what another application did not send."""

MAX_CHARS, FOLDED_CHARS = 20_000, 400
"""Characters of a text that are shown at most, the whole being in the download; a longer one than the second begins folded."""

SHORT, MIDDLING = 80, 220
"""Characters of an answer in display type, and in one a size down; so neither takes more than three lines; on a phone
the second is set as a text is."""


def answer_html(
    answer: str, *, quiet: bool = False, words: Sequence[tuple[int, int]] = (), opening: Markup = ANSWERS
) -> Markup:
    """The answer, the largest thing on the page; the longer, the smaller.

    quiet: for an abstention, a partial answer or a guess. words: character ranges that answer, in bold, or as `opening` has them.
    """
    return html(
        '<p class="rg-answer{}{}" data-testid="answer" dir="auto">{}</p>',
        answer_size(answer),
        " rg-quiet" if quiet else "",
        marked(answer, words, opening),
    )


def answers_html(before: str, now: str, difference: Difference) -> Markup:
    """Two answers one above the other, the words marked that the other does not have."""
    parts = (("Before", before, difference.first, MARK_AGAINST), ("Now", now, difference.second, MARK_FOR))
    return joined(
        html(
            '<div class="rg-message" data-testid="{}"><p class="rg-note">{}</p><div class="rg-text" dir="auto">{}</div></div>',
            name.lower(),
            name,
            marked(answer, spans, mark) if answer else NO_ANSWER,
        )
        for name, answer, spans, mark in parts
    )


def answer_size(answer: str) -> str:
    """The class of a text as long as this, after that of an answer."""
    return "" if len(answer) <= SHORT else " rg-middling" if len(answer) <= MIDDLING else " rg-long"


def trust_html(trust: Trust) -> Markup:
    """Confidence in words and as a number, with what it means."""
    return html(
        '<div class="rg-trust" data-testid="trust"><b>{} {}</b> <span class="rg-meaning">{}</span></div>',
        dot_html(LEVEL_COLOURS[trust.level]),
        unbroken(trust.headline),
        unbroken(trust.meaning),
    )


def scores(chunk: Chunk) -> str:
    """What ranked a chunk: its cosine and signals."""
    signals = [f"{name} {fixed(value)}" for name, value in chunk.signals.items() if name != "fused"]
    told = [] if chunk.score is None else [f"cosine {fixed(chunk.score, 3)}"]
    return " · ".join(told + signals) or NO_SCORE


def foreign_scores(chunk: Chunk) -> str:
    """What another application says of a chunk: its score, in whatever unit, and its reranker's."""
    return " · ".join(
        [score_of(chunk.score), *(f"{name} {minus(f'{value:.4g}')}" for name, value in chunk.signals.items())]
    )


def chunk_html(
    chunk: Chunk, evidence: Sequence[Evidence], *, is_open: bool, figures: str | None = None, against: bool = False
) -> Markup:
    """A chunk that can be folded: rank, title, figures (its scores, if none are given), and its text with the evidence marked.

    against: whether what is marked made the answer less probable.
    """
    spans = [(piece.start, piece.end) for piece in evidence if piece.chunk_id == chunk.chunk_id]
    where = whereabouts(chunk.place, chunk.section)
    return html(
        '<details class="rg-chunk" data-testid="chunk"{}><summary><span class="rg-score">{}</span>'
        '<span class="rg-title" dir="auto">{}{}</span><span class="rg-score">{}</span></summary>'
        '<div class="rg-text" dir="auto">{}</div>{}</details>',
        " open" if is_open else "",
        chunk.rank,
        chunk.title or chunk.document_id or NO_TITLE,
        html(' <span class="rg-where">{}</span>', where) if where else "",
        scores(chunk) if figures is None else figures,
        marked(chunk.text or NO_TEXT, spans, MARK_AGAINST if against else MARK_FOR),
        html('<p class="rg-where" dir="auto">{}</p>', chunk.source) if chunk.source not in ("", BUILT_IN) else "",
    )


def chunks_html(chunks: Sequence[Chunk], evidence: Sequence[Evidence], *, foreign: bool = False) -> Markup:
    """Chunks in order; those quoted are open, and the first where none is. foreign: whether scores are another application's."""
    quoted = {piece.chunk_id for piece in evidence}
    return joined(
        chunk_html(
            chunk,
            evidence,
            is_open=chunk.chunk_id in quoted or (not quoted and number == 0),
            figures=foreign_scores(chunk) if foreign else None,
        )
        for number, chunk in enumerate(chunks)
    )


def score_of(score: float | None) -> str:
    """Another application's score, in whatever unit."""
    return NO_SCORE if score is None else f"score {minus(f'{score:.4g}')}"


def span_html(span: Span, row: Row, inside: Sequence[str]) -> Markup:
    """What a span is, above its content. row: its row in the tree. inside: names of the spans around it, from the top."""
    told = [
        "" if span.kind == "unknown" else span.kind,
        f"stage {span.stage}" if span.stage and span.stage != span.name else "",
        span.service,
        f"from {milliseconds(span.start_ms)}",
        f"took {milliseconds(span.duration_ms)}",
        f"own {milliseconds(row.own_ms)}" if row.folded is not None else "",
        "on the critical path" if row.critical else "",
    ]
    return html(
        '<p class="rg-span" data-testid="span">{} <b dir="auto">{}</b> <span class="rg-meaning">{}</span></p>{}',
        dot_html(span_colour(span.stage, span.kind)),
        span.name,
        " · ".join(filter(None, told)),
        note_html(f"Inside {' › '.join(inside)}") if inside else Markup(""),
    )


def text_html(title: str, text: str, *, is_open: bool | None = None) -> Markup:
    """A text under its title; a long one begins folded, unless told otherwise."""
    unfolded = len(text) <= FOLDED_CHARS if is_open is None else is_open
    return html(
        '<details class="rg-chunk" data-testid="text"{}><summary><span class="rg-title" dir="auto">{}</span>'
        '<span class="rg-score">{:,} characters</span></summary><div class="rg-text" dir="auto">{}</div>{}</details>',
        " open" if unfolded else "",
        title,
        len(text),
        text[:MAX_CHARS],
        cut_html(text),
    )


def cut_html(text: str) -> Markup:
    """What is said below a text that is too long to be shown; nothing below another."""
    if len(text) <= MAX_CHARS:
        return Markup("")
    return note_html(f"The first {MAX_CHARS:,} of {len(text):,} characters. The download has all.")


def message_html(message: Message) -> Markup:
    """One message, with who says it and the tools that it asks for."""
    calls = joined(
        html('<p class="rg-where" dir="auto">calls {}({})</p>', call.name, call.arguments[:MAX_CHARS])
        for call in message.tool_calls
    )
    return html(
        '<div class="rg-message" data-testid="message"><p class="rg-score">{}</p><div class="rg-text" dir="auto">{}</div>{}{}</div>',
        message.role or "role not sent",
        message.content[:MAX_CHARS],
        cut_html(message.content),
        calls,
    )


def placed_html(placed: Placed, *, is_open: bool) -> Markup:
    """A document of a span: its rank and how it moved, its title, its score and its text."""
    document = placed.document
    moved = html(
        '<span class="rg-move" title="{}">{}</span>',
        "" if placed.before is None else f"was {placed.before}",
        placed.move,
    )
    return html(
        '<details class="rg-chunk" data-testid="document"{}><summary><span class="rg-score">{}</span>{}'
        '<span class="rg-title" dir="auto">{}</span><span class="rg-score">{}</span></summary>'
        '<div class="rg-text" dir="auto">{}</div>{}{}</details>',
        " open" if is_open else "",
        MISSING if placed.rank is None else placed.rank,
        moved if placed.move else Markup(""),
        document.title or document.document_id or NO_TITLE,
        score_of(document.score),
        (document.text or NO_TEXT)[:MAX_CHARS],
        cut_html(document.text or ""),
        values_html(_told_of(placed)),
    )


def _told_of(placed: Placed) -> Mapping[str, Attribute]:
    document = placed.document
    source = {"source": document.source} if document.source else {}
    said = {str(name): str(value) for name, value in document.metadata.items()}
    return {"id": document.document_id or "no id was sent", **source, **said}


def placed_documents_html(documents: Sequence[Placed]) -> Markup:
    """Documents of a span in their order, the first open."""
    return joined(placed_html(placed, is_open=number == 0) for number, placed in enumerate(documents))


def values_html(values: Mapping[str, Attribute]) -> Markup:
    """Attributes by name; a long value is folded behind its beginning."""
    rows = joined(
        html('<tr><th scope="row" dir="auto">{}</th><td dir="auto">{}</td></tr>', name, value_html(value))
        for name, value in values.items()
    )
    return html('<table class="rg-pairs rg-values" data-testid="values"><tbody>{}</tbody></table>', rows)


def value_html(value: Attribute) -> Markup:
    """One value; a long one folded."""
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if len(text) <= FOLDED_CHARS:
        return html("{}", text)
    return html(
        '<details><summary>{} … <span class="rg-score">{:,} characters</span></summary><div class="rg-text">{}</div>{}</details>',
        text[:80],
        len(text),
        text[:MAX_CHARS],
        cut_html(text),
    )


def turn_html(row: TraceRow) -> Markup:
    """A question of a conversation with its answer, and what came of it."""
    rated = {1: "rated up", -1: "rated down"}.get(row.rating, "")
    told = (when(row.asked_at), milliseconds(row.duration_ms), row.outcome, f"user {row.user}" if row.user else "")
    return html(
        '<div class="rg-message" data-testid="turn"><p class="rg-question" dir="auto">{}</p><p class="rg-turn" dir="auto">{}</p>'
        '<p class="rg-note">{}</p></div>',
        row.question or NO_QUESTION,
        row.answer or NO_ANSWER,
        " · ".join(filter(None, (*told, rated, row.note))),
    )


def event_html(event: SpanEvent) -> Markup:
    """Something that happened within a span."""
    return html(
        '<div class="rg-message" data-testid="event"><p><b dir="auto">{}</b> <span class="rg-score">at {}</span></p>{}</div>',
        event.name,
        milliseconds(event.at_ms),
        values_html(event.attributes) if event.attributes else Markup(""),
    )
