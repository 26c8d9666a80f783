"""The use case of a repair: a trace's question asked again with the change that made its answer right, to set the two side by side.

A change of settings goes through the whole pipeline again; one of the chunks themselves is asked over those chunks. Refuses to format.
"""

from dataclasses import replace

from app.asking.questions import Asked, Asking
from app.comparing.side_by_side import asked_as
from app.traces.playground import Attempt, Draft, Playground
from explain.counterfactuals import Change, Trial
from pipeline.errors import InputError
from pipeline.prompts import DEFAULT, recorded_prompt
from pipeline.types import Trace


def can_repeat(trace: Trace, trial: Trial) -> bool:
    """Whether a trial can be asked again: its change is one of settings, or its chunks are those that the trace retrieved."""
    known = {chunk.chunk_id for chunk in trace.chunks}
    return trial.change != Change() or known.issuperset(trial.chunks)


def ask_again(asking: Asking, playground: Playground, trace: Trace, trial: Trial) -> Asked:
    """Ask a trace's question as a trial did; the new trace is kept.

    Raises InputError for a trial that cannot be repeated, and what asking raises.
    """
    if not can_repeat(trace, trial):
        raise InputError(f"The chunks of the trial “{trial.name}” are not those of this trace. Diagnose it again.")
    if trial.change == Change():
        chunks = {chunk.chunk_id: chunk for chunk in trace.chunks}
        drafts = [Draft(chunks[name].title, chunks[name].text, chunks[name]) for name in trial.chunks]
        prompt = recorded_prompt(trace.settings)
        made, not_stored = playground.ask(trace, Attempt(trace.backend, drafts, None if prompt == DEFAULT else prompt))
        return Asked(made, not_stored)
    question = asked_as(trace, asking.question(trace.question))
    change = trial.change
    return asking.ask(replace(question, top_k=change.top_k or question.top_k, rerank=question.rerank or change.rerank))
