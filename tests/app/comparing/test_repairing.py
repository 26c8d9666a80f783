"""A repair, asked again: by its settings through the whole pipeline, or over the chunks that the trace retrieved."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.comparing.repairing import ask_again, can_repeat
from app.config import Settings
from app.services import Services
from app.traces.playground import PLAYGROUND_OF
from backends.fake import Script, ScriptedBackend
from explain.counterfactuals import Change, Trial
from pipeline.errors import InputError


@pytest.fixture
def services(tmp_path: Path):
    """Services over a scripted backend."""
    settings = replace(Settings(), data_dir=tmp_path, backend="fake")
    current = Services(settings, open_backend=lambda name, config: ScriptedBackend(Script(), name=name))
    yield current
    current.close()


@pytest.fixture
def trace(services: Services):
    """A stored trace over two chunks."""
    return services.asking.ask(replace(services.asking.question("Who?"), top_k=2)).trace


def test_a_change_of_settings_is_asked_through_the_whole_pipeline_and_kept(services, trace) -> None:
    made = ask_again(services.asking, services.playground, trace, Trial("with 4 chunks", change=Change(top_k=4))).trace
    assert (len(made.chunks), made.settings["top_k"], made.settings["rerank"]) == (4, 4, False)
    assert services.store.get(made.trace_id) is not None
    made = ask_again(services.asking, services.playground, trace, Trial("reranked", change=Change(rerank=True))).trace
    assert (made.settings["top_k"], made.settings["rerank"]) == (2, True)


def test_chosen_chunks_are_read_in_the_trials_order(services, trace) -> None:
    ids = tuple(chunk.chunk_id for chunk in reversed(trace.chunks))
    made = ask_again(services.asking, services.playground, trace, Trial("with the right chunk first", ids)).trace
    assert tuple(chunk.chunk_id for chunk in made.chunks) == ids
    assert made.settings[PLAYGROUND_OF] == trace.trace_id


def test_a_trial_over_chunks_that_the_trace_does_not_hold_cannot_be_repeated(services, trace) -> None:
    trial = Trial("searching exactly", ("elsewhere",))
    assert not can_repeat(trace, trial)
    with pytest.raises(InputError, match="Diagnose it again"):
        ask_again(services.asking, services.playground, trace, trial)
