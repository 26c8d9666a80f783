"""A trace's question asked again: over which chunks, with what, and what is kept of it."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from app.services import Services
from app.traces.playground import PLAYGROUND_OF, Attempt, Draft, Playground, Scores, drafts_of
from backends.fake import CHUNKS, Script
from pipeline.errors import ConfigError, InputError, Throttled
from pipeline.prompts import DEFAULT, PromptTemplate, recorded_prompt
from pipeline.types import Trace
from tests.factories import make_chunk, make_trace

Make = Callable[..., Services]
SHORT = PromptTemplate("short", "{context} {question}")


def asked(services: Services) -> Trace:
    return services.asking.ask(replace(services.asking.question("Who?"), top_k=3)).trace


def test_drafts_are_the_chunks_and_an_unchanged_one_is_the_chunk_itself() -> None:
    trace = make_trace(chunks=tuple(make_chunk(chunk_id=f"c{n}", rank=n) for n in (1, 2, 3)))
    drafts = drafts_of(trace)
    assert Attempt("fake", drafts).chunks == trace.chunks
    swapped = Attempt("fake", [drafts[2], replace(drafts[0], used=False), drafts[1]]).chunks
    assert [(chunk.chunk_id, chunk.rank) for chunk in swapped] == [("c3", 1), ("c2", 2)]


def test_edited_and_written_chunks_are_chunks_of_their_own_without_a_score() -> None:
    chunk = make_chunk(section=("Wegener",), source="a.md")
    edited, written = Draft(chunk.title, "Nobody did.", chunk), Draft("Mine", "Wegener was wrong.")
    found = Attempt("fake", [edited, written, written, Draft("Empty", " ")]).chunks
    assert [(each.text, each.score, each.signals) for each in found] == [
        ("Nobody did.", None, {}),
        ("Wegener was wrong.", None, {}),
    ]
    assert found[0].section == ("Wegener",)
    assert len({chunk.chunk_id, *(each.chunk_id for each in found)}) == 3


def test_chunk_whose_text_was_not_sent_is_left_out_until_it_has_one() -> None:
    [draft] = drafts_of(make_trace(origin="application", chunks=(make_chunk(text="", score=None),)))
    assert Attempt("fake", [draft]).chunks == ()
    assert len(Attempt("fake", [replace(draft, text="Here it is.", used=True)]).chunks) == 1


def test_attempt_is_a_trace_of_its_own_that_says_of_what(make_services: Make) -> None:
    services = make_services(Script(prompt=DEFAULT))
    trace = asked(services)
    made, not_stored = services.playground.ask(trace, Attempt("fake", drafts_of(trace)[1:], SHORT))
    assert not_stored is None
    stored = services.store.get(made.trace_id)
    assert stored is not None
    assert stored.trace == made
    assert made.chunks == tuple(replace(chunk, rank=rank) for rank, chunk in enumerate(CHUNKS[1:3], start=1))
    assert made.settings[PLAYGROUND_OF] == trace.trace_id
    assert recorded_prompt(made.settings) == SHORT
    assert made.generation is not None
    assert made.generation.prompt == SHORT.write("Who?", made.chunks).text
    assert [span.stage for span in made.spans] == ["generate"]
    *_, explained = services.explanations.explain(made)
    assert explained.complete


def test_generator_that_fails_leaves_a_trace_that_says_so(make_services: Make) -> None:
    services = make_services(Script(failures={"generate": Throttled("Slow down.")}))
    made, _ = services.playground.ask(make_trace(), Attempt("fake", drafts_of(make_trace())))
    assert made.error is not None
    assert (made.error.kind, made.error.stage, made.generation) == ("Throttled", "generate", None)
    assert made.spans[0].error == made.error
    assert services.playground.score(make_trace(), made) is None


def test_what_cannot_be_asked_is_refused_and_leaves_nothing(make_services: Make) -> None:
    services = make_services()
    trace = make_trace()
    with pytest.raises(InputError, match="No question was sent"):
        services.playground.ask(replace(trace, question=" "), Attempt("fake", ()))
    with pytest.raises(InputError, match="reads no prompt"):
        services.playground.ask(trace, Attempt("fake", (), SHORT))
    with pytest.raises(ConfigError, match="no backend"):
        services.playground.ask(trace, Attempt("other", ()))
    remote: Any = SimpleNamespace(name="remote", answer=None)
    with pytest.raises(InputError, match="only from what it retrieves itself"):
        Playground(lambda name: remote, lambda made: None, 9.0).ask(trace, Attempt("remote", ()))
    assert services.store.count() == 0


def test_both_answers_are_scored_over_what_either_trace_read(make_services: Make) -> None:
    """The script scores a word at −0.1 with its best chunk and at −3 without; the answers have 5 words each."""
    services = make_services(Script(prompt=DEFAULT))
    trace = asked(services)
    made, _ = services.playground.ask(trace, Attempt("fake", drafts_of(trace)[1:], SHORT))
    found = services.playground.score(trace, made)
    assert isinstance(found, Scores)
    assert (found.before_then, found.before_now) == (pytest.approx(-0.5), pytest.approx(-15))
    assert (found.now_then, found.now_now) == (pytest.approx(-0.5), pytest.approx(-15))


def test_trace_of_another_application_is_asked_again_on_a_backend_of_choice(make_services: Make) -> None:
    services = make_services(Script(prompt=DEFAULT))
    foreign = make_trace(backend="shop", origin="application", chunks=(make_chunk(score=None),), settings={})
    made, _ = services.playground.ask(foreign, Attempt("fake", drafts_of(foreign)))
    assert made.backend == "fake"
    assert services.playground.score(foreign, made) is not None
