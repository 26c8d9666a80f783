"""HTML of a trace: the question, the answer and how far to trust it, the chunks."""

from collections.abc import Sequence

from markupsafe import Markup

from app.kit.markup import MARK_AGAINST, MARK_FOR, html, joined, marked
from app.kit.wording import Trust, whereabouts
from app.views.kit.html import dot_html
from app.views.kit.style import LEVEL_COLOURS
from backends.local.documents.types import BUILT_IN
from pipeline.types import Chunk, Evidence

ANSWERS = Markup("<b>")
"""Around the words of a quotation that answer."""


def question_html(question: str) -> Markup:
    """The question as it was asked."""
    return html('<p class="rg-question" data-testid="question" dir="auto">{}</p>', question)


SHORT, MIDDLING = 80, 220
"""Characters of an answer in display type, and in one a size down; so neither takes more than three lines at 1,280 px."""


def answer_html(answer: str, *, quiet: bool = False, words: Sequence[tuple[int, int]] = ()) -> Markup:
    """The answer, the largest thing on the page; the longer, the smaller.

    quiet: for an abstention, a partial answer or a guess. words: character ranges that answer, in bold.
    """
    return html(
        '<p class="rg-answer{}{}" data-testid="answer" dir="auto">{}</p>',
        answer_size(answer),
        " rg-quiet" if quiet else "",
        marked(answer, words, ANSWERS),
    )


def answer_size(answer: str) -> str:
    """The class of a text as long as this, after that of an answer."""
    return "" if len(answer) <= SHORT else " rg-middling" if len(answer) <= MIDDLING else " rg-long"


def trust_html(trust: Trust) -> Markup:
    """Confidence in words and as a number, with what it means."""
    return html(
        '<div class="rg-trust" data-testid="trust"><b>{} {}</b> <span class="rg-meaning">{}</span></div>',
        dot_html(LEVEL_COLOURS[trust.level]),
        trust.headline,
        trust.meaning,
    )


def scores(chunk: Chunk) -> str:
    """What ranked a chunk: its cosine and signals."""
    signals = "".join(f" · {name} {value:.2f}" for name, value in chunk.signals.items() if name != "fused")
    return signals.removeprefix(" · ") if chunk.score is None else f"cosine {chunk.score:.3f}{signals}"


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
        chunk.title,
        html(' <span class="rg-where">{}</span>', where) if where else "",
        scores(chunk) if figures is None else figures,
        marked(chunk.text, spans, MARK_AGAINST if against else MARK_FOR),
        html('<p class="rg-where" dir="auto">{}</p>', chunk.source) if chunk.source not in ("", BUILT_IN) else "",
    )


def chunks_html(chunks: Sequence[Chunk], evidence: Sequence[Evidence]) -> Markup:
    """Chunks in order; those quoted are open, and the first where none is."""
    quoted = {piece.chunk_id for piece in evidence}
    return joined(
        chunk_html(chunk, evidence, is_open=chunk.chunk_id in quoted or (not quoted and number == 0))
        for number, chunk in enumerate(chunks)
    )
