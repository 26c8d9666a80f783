"""`raglass explain` of an answer that no backend here scores."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from click.testing import Result

from app.config import Settings
from app.services import Services
from backends.fake import CHUNKS
from pipeline.errors import StageFailed
from pipeline.types import Generation
from tests.foreign import make_foreign_trace
from tests.unscored import OTHERWISE, Unscored

Run = Callable[..., Result]


def test_an_applications_answer_is_held_against_its_chunks_and_a_stand_in_is_asked_for(
    run: Run, services: Services
) -> None:
    trace = make_foreign_trace()
    services.store.put(trace)
    done = run("explain", trace.trace_id, services=services)
    assert done.exit_code != 0
    assert "1 of 2 sentences are supported by a single chunk" in done.stdout
    assert "--stand-in" in done.stderr
    told = json.loads(run("explain", trace.trace_id, "--json", services=services).stdout)
    assert [each["supported"] for each in told["grounding"]["sentences"]] == [True, False]


def test_an_explanation_by_a_stand_in_tells_of_the_chunks_too(run: Run, services: Services) -> None:
    trace = make_foreign_trace()
    services.store.put(trace)
    done = run("explain", trace.trace_id, "--stand-in", "fake", services=services)
    assert done.exit_code == 0, done.stderr
    assert "Explained with fake" in done.stdout
    assert "1 of 2 sentences are supported by a single chunk" in done.stdout


def test_of_texts_that_were_not_sent_only_the_refusal_is_told(run: Run, services: Services) -> None:
    trace = make_foreign_trace(generation=None)
    services.store.put(trace)
    done = run("explain", trace.trace_id, services=services)
    assert done.exit_code != 0
    assert done.stdout == ""


@pytest.fixture
def unscored(settings: Settings) -> Iterator[Services]:
    """Services whose backend scores nothing and hangs on its best chunk."""
    current = Services(settings, open_backend=lambda name, config: Unscored())
    yield current
    current.close()


def test_an_answer_that_cannot_be_scored_is_explained_by_asking_again(run: Run, unscored: Services) -> None:
    trace = unscored.asking.ask(replace(unscored.asking.question("What says the script?"), top_k=3)).trace
    refused = run("explain", trace.trace_id, services=unscored)
    assert refused.exit_code == 1
    assert f"raglass explain {trace.trace_id} --by-asking-again" in refused.stderr
    done = run("explain", trace.trace_id, "--by-asking-again", services=unscored)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("5 questions, about 5 s, if each takes")
    assert done.stdout.startswith("Without chunk 1 the model answers otherwise; without any other it says the same.")
    assert OTHERWISE in done.stdout
    told = json.loads(run("explain", trace.trace_id, "--by-asking-again", "--json", services=unscored).stdout)
    assert told["deciding"] == [CHUNKS[0].chunk_id]
    assert unscored.store.count() == 1, "nothing is kept as a trace"


def test_asking_again_fails_where_the_model_does_and_stops_when_told(
    run: Run, unscored: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = unscored.asking.ask(replace(unscored.asking.question("What says the script?"), top_k=3)).trace
    asked: list[int] = []

    def interrupt(*_: object, **__: object) -> Generation:
        asked.append(1)
        if len(asked) > 1:
            raise KeyboardInterrupt
        assert trace.generation is not None
        return trace.generation

    monkeypatch.setattr(Unscored, "answer_from", interrupt)
    stopped = run("explain", trace.trace_id, "--by-asking-again", services=unscored)
    assert stopped.exit_code == 130
    assert stopped.stdout.startswith("Of no chunk is it known what the model says without it.")

    def fail(*_: object, **__: object) -> Generation:
        raise StageFailed("The model broke.")

    monkeypatch.setattr(Unscored, "answer_from", fail)
    failed = run("explain", trace.trace_id, "--by-asking-again", services=unscored)
    assert failed.exit_code == 1
    assert "The model broke." in failed.stdout


def test_asking_again_is_refused_beside_other_options_and_for_an_applications_answer(
    run: Run, services: Services
) -> None:
    trace = make_foreign_trace()
    services.store.put(trace)
    beside = run("explain", trace.trace_id, "--by-asking-again", "--sentences", services=services)
    assert beside.exit_code == 2
    assert "only --json goes with it" in beside.stderr
    foreign = run("explain", trace.trace_id, "--by-asking-again", services=services)
    assert foreign.exit_code == 2
    assert "shop is another application" in foreign.stderr
