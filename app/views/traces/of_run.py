"""What a run's dataset says of the answer that a trace holds."""

from app.explaining.diagnosing import known_words
from app.views.kit import state
from app.views.kit.html import note_html, show
from pipeline.types import Trace


def show_of_run(trace: Trace) -> None:
    """Whether the answer was right, beside what is; nothing for a trace that no run made."""
    if trace.origin != "run":
        return
    known = state.services().explanations.gold_of(trace.trace_id)
    generation = trace.generation
    if known is not None and not known.document_only and generation is not None:
        show(note_html(known_words(generation.answer, generation.abstained, known)))
