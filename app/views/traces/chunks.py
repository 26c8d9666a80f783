"""The chunks that an answer stood on, on the page."""

from app.kit.wording import is_retrieved_elsewhere, order_note, scores_note, shortfall
from app.views.kit.html import note_html, show
from app.views.traces.html import chunks_html
from pipeline.types import Trace


def show_chunks(trace: Trace) -> None:
    """The chunks, with the quoted sentences marked."""
    foreign = is_retrieved_elsewhere(trace)
    if not trace.chunks:
        show(note_html("No documents were sent." if foreign else "No chunks were retrieved."))
        return
    evidence = trace.generation.evidence if trace.generation is not None else ()
    quoted = " Marked: what the answer quotes." if evidence else ""
    show(note_html(f"{order_note(trace)}{quoted}", more=scores_note(trace)))
    missing = shortfall(trace)
    if missing is not None:
        show(note_html(missing))
    show(chunks_html(trace.chunks, evidence, foreign=foreign))
