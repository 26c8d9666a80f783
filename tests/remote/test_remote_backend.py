"""The embedded profile with a generator on another server: what it offers is what the server can."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.explaining.regenerated import regenerate
from app.explaining.regenerated_words import BY_RULE, further_words, headline
from app.traces.playground import Playground
from backends.local.documents import Document
from backends.local.profiles import open_embedded
from backends.local.remote import client
from backends.registry import BackendConfig
from pipeline.protocols import AnswerScorer
from pipeline.types import Event, TokenMade
from tests.factories import make_chunk
from tests.remote.standin import MODEL, Plan, serving

QUESTION = "Who proposed that continents drift?"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "POLICY", client.Policy(attempts=3, base_s=0.001, cap_s=0.001))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(has_logprobs=False)


@pytest.fixture(scope="module")
def backend(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    # Out of order while the backend is opened.
    plan.statuses = [(503, {}, {})] * 3
    with pytest.MonkeyPatch.context() as patch, serving(plan) as url:
        patch.setattr(client, "POLICY", client.Policy(attempts=3, base_s=0.001, cap_s=0.001))
        folder: Path = tmp_path_factory.mktemp("data")
        word = f"openai:{MODEL}@{url}"
        made = open_embedded(BackendConfig(folder, builtin_corpus=False, threads=1, generator=word))
        made.corpus.library.add(Document("w", "Drift", "Alfred Wegener proposed that continents drift.", "w.txt"))
        made.corpus.build()
        yield made
        made.close()


def test_scoring_is_offered_once_the_server_has_said_that_it_can(backend: Any, plan: Plan) -> None:
    assert not isinstance(backend, AnswerScorer)
    assert "HTTP 503" in backend.why_no_scores
    plan.scores = True
    [generator] = [part for part in backend.check_ready().parts if part.name == "generator"]
    assert generator.ready
    assert "prompt_logprobs" in generator.detail
    assert isinstance(backend, AnswerScorer)


def test_pieces_without_probabilities_stream_and_the_trace_counts_the_servers_tokens(backend: Any) -> None:
    events: list[Event] = []
    trace = backend.answer(QUESTION, top_k=1, deadline_s=30, on_event=events.append)
    assert [event.token.text for event in events if isinstance(event, TokenMade)] == ["Alfred", " Wegener"]
    assert trace.generation.tokens == ()
    assert [span.attributes["tokens"] for span in trace.spans if span.stage == "generate"] == [2]
    assert trace.settings["generator"] == backend.generator.name


def test_answer_that_breaks_off_is_kept_as_far_as_it_came(backend: Any, plan: Plan) -> None:
    plan.break_after = 1
    trace = backend.answer(QUESTION, top_k=1, deadline_s=30)
    plan.break_after = None
    assert trace.error.kind == "StageFailed"
    assert (trace.generation.answer, trace.generation.tokens) == ("Alfred", ())
    assert trace.generation.finish_reason == "failed"


def test_server_is_asked_again_without_each_chunk_and_nothing_without_any(backend: Any, plan: Plan) -> None:
    trace = backend.answer(QUESTION, top_k=1, deadline_s=30)
    second = make_chunk(chunk_id="second", text="A second text.", rank=2)
    said = replace(trace.generation, used_chunk_ids=())
    trace = replace(trace, chunks=(*trace.chunks, second), generation=said)
    playground = Playground(lambda name: backend, lambda made: pytest.fail("kept as a trace"), 30.0)
    plan.requests.clear()
    *_, found = regenerate(trace, playground.ask_as_recorded)
    prompts = [body["messages"][0]["content"] for body in plan.bodies("/chat/completions")]
    assert [[chunk.text in prompt for chunk in trace.chunks] for prompt in prompts] == [
        [True, True],
        [False, True],
        [True, False],
    ]
    assert headline(found) == "Without any single chunk the model says the same."
    assert BY_RULE in further_words(found)
    assert (found.calls, [use.calls for use in found.uses], found.without_any) == (3, [3], None)
