"""An answer explained by asking again without each chunk: which questions are asked, what counts, and how it is told."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from app.explaining.regenerated import PAUSE_S, Ask, Regenerated, plan_again, regenerate
from app.explaining.regenerated_words import (
    BY_RULE,
    CAVEAT,
    button_words,
    estimate_words,
    further_words,
    headline,
    regenerated_text,
    regenerated_to_dict,
    reply_rows,
)
from app.services import Services
from app.traces.playground import Playground
from backends.fake import Script
from pipeline.errors import BackendError, InputError, StageFailed, Throttled
from pipeline.prompts import DEFAULT, PromptTemplate, describe_prompt
from pipeline.types import Chunk, Trace
from tests.factories import make_chunk, make_generation, make_trace
from tests.unscored import Unscored

GIVEN = "Alfred Wegener in 1912."
OTHER = "Nobody ever did so."
THREE = tuple(make_chunk(chunk_id=f"c{n}", title=f"Title {n}", rank=n) for n in (1, 2, 3))
ALL, NONE = "c1 c2 c3", ""

Reaction = str | None | BackendError
"""An answer, an abstention, or what the backend raises."""


def traced(chunks: Sequence[Chunk] = THREE, answer: str | None = GIVEN, **given: object) -> Trace:
    said = make_generation(answer or "The documents do not say.", abstained=answer is None, used_chunk_ids=())
    return make_trace(**{"chunks": tuple(chunks), "generation": said, **given})


def reacting(reactions: Mapping[str, Reaction | list[Reaction]], usual: Reaction = GIVEN) -> tuple[Ask, list[str]]:
    """A model that answers by which chunks it is shown, and what it was shown. A list is used up, one a question."""
    shown: list[str] = []

    def ask(trace: Trace, chunks: Sequence[Chunk]) -> Trace:
        ids = " ".join(chunk.chunk_id for chunk in chunks)
        shown.append(ids)
        said = reactions.get(ids, usual)
        said = said.pop(0) if isinstance(said, list) else said
        if isinstance(said, BackendError):
            return replace(trace, generation=None, error=said.to_failure())
        return replace(traced(chunks, said), settings=trace.settings)

    return ask, shown


def asked(reactions: Mapping[str, Reaction | list[Reaction]], trace: Trace | None = None) -> Regenerated:
    ask, _ = reacting(reactions)
    *_, found = regenerate(trace or traced(), ask, sleep=lambda seconds: None)
    return found


def test_it_is_asked_once_unchanged_once_without_each_chunk_and_once_without_any() -> None:
    ask, shown = reacting({})
    steps = list(regenerate(traced(), ask))
    assert shown == [ALL, "c2 c3", "c1 c3", "c1 c2", NONE]
    assert [len(step.replies) for step in steps] == [1, 2, 3, 4, 5]
    assert [step.complete for step in steps] == [False] * 4 + [True]


def test_only_chunk_is_left_out_once() -> None:
    ask, shown = reacting({})
    *_, found = regenerate(traced(THREE[:1]), ask)
    assert shown == ["c1", NONE]
    assert headline(found) == "Without the chunk the model says the same."


def test_chunk_whose_absence_changes_the_answer_is_named() -> None:
    found = asked({"c1 c3": OTHER, NONE: OTHER})
    assert found.deciding == (1,)
    assert headline(found) == "Without chunk 2 the model answers otherwise; without any other it says the same."
    assert "Without any chunk it answers otherwise: together they matter." in further_words(found)


@pytest.mark.parametrize(
    ("reactions", "given", "words"),
    [
        ({"c2 c3": OTHER, "c1 c2": None}, GIVEN, "Without chunk 1 or 3 the model answers otherwise; without any other"),
        ({"c2 c3": None}, GIVEN, "Without chunk 1 the model gives no answer; without any other it says the same."),
        ({ALL: None, "c2 c3": OTHER, "c1 c3": None, "c1 c2": None}, None, "Without chunk 1 the model gives an answer;"),
        (
            {"c2 c3": OTHER, "c1 c3": OTHER, "c1 c2": OTHER},
            GIVEN,
            "Without chunk 1, 2 or 3 the model answers otherwise.",
        ),
        ({NONE: OTHER}, GIVEN, "Without any single chunk the model says the same."),
    ],
)
def test_headline_says_what_the_model_does_then(
    reactions: dict[str, Reaction | list[Reaction]], given: str | None, words: str
) -> None:
    assert headline(asked(reactions, traced(answer=given))).startswith(words)


def test_model_that_answers_otherwise_by_itself_blames_no_chunk() -> None:
    found = asked({ALL: OTHER, "c1 c3": OTHER, NONE: OTHER})
    assert found.deciding == ()
    assert "cannot be told from chance" in headline(found)
    assert not any("Without any chunk" in said for said in further_words(found))


def test_other_words_for_the_same_answer_are_not_another_answer() -> None:
    """Shared: wegener, in, 1912; of 4 and 3 tokens, so F1 is 6/7."""
    found = asked({"c1 c3": "Wegener, in 1912"})
    assert found.deciding == ()
    assert [row[1:3] for row in reply_rows(found)][1:3] == [
        ("the same words", "1.00"),
        ("the same in other words", "0.86"),
    ]


def test_question_that_fails_is_told_and_the_rest_is_asked() -> None:
    found = asked({"c2 c3": StageFailed("The model broke."), "c1 c2": OTHER})
    assert found.complete
    assert (found.unknown, found.deciding) == ((0,), (2,))
    assert headline(found) == "Without chunk 3 the model answers otherwise. Of chunk 1 it is not known."
    assert "1 question failed, whose tokens are not counted: The model broke." in further_words(found)
    assert reply_rows(found)[1] == ("1. Title 1", "failed", "—", "The model broke.")


def test_without_the_unchanged_answer_nothing_is_claimed() -> None:
    found = asked({ALL: StageFailed("The model broke."), "c1 c2": OTHER})
    assert found.deciding == ()
    assert headline(found).startswith("It is not known what the model says with nothing left out")


def test_backend_that_is_too_busy_is_asked_once_more_after_a_pause() -> None:
    ask, shown = reacting({"c1 c3": [Throttled("Slow down."), OTHER], "c1 c2": Throttled("Slow down.")})
    pauses: list[float] = []
    *_, found = regenerate(traced(), ask, sleep=pauses.append)
    assert shown == [ALL, "c2 c3", "c1 c3", "c1 c3", "c1 c2", "c1 c2", NONE]
    assert pauses == [PAUSE_S, PAUSE_S]
    assert (found.calls, found.deciding, found.unknown) == (7, (1,), (2,))


def test_backend_that_is_down_is_not_asked_to_the_end() -> None:
    ask, shown = reacting({}, StageFailed("The model broke."))
    chunks = [make_chunk(chunk_id=f"c{n}", rank=n) for n in range(1, 11)]
    *_, found = regenerate(traced(chunks), ask)
    assert len(shown) == 5
    assert found.problem == "5 questions in a row failed. The model broke."
    assert not found.complete


def test_no_question_is_asked_once_the_time_is_up() -> None:
    ask, shown = reacting({})
    now = iter([0.0, 1.0, 9.0, 10.0])
    *_, found = regenerate(traced(), ask, limit_s=10, clock=lambda: next(now))
    assert shown == [ALL, "c2 c3"]
    assert "The time was up" in found.problem
    assert (
        headline(found)
        == "Without any single chunk that was tried the model says the same. Of chunks 2 and 3 it is not known."
    )


def test_stopping_between_questions_asks_no_more() -> None:
    ask, shown = reacting({})
    steps = regenerate(traced(), ask)
    next(steps)
    steps.close()
    assert shown == [ALL]


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (traced([make_chunk(chunk_id=f"c{n}", rank=n) for n in range(1, 22)]), "21 chunks; at most 20"),
        (traced([]), "no chunks"),
        (make_trace(generation=None), "no answer to explain"),
        (traced(question=" "), "does not say what was asked"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_asked(trace: Trace, why: str) -> None:
    ask, shown = reacting({})
    with pytest.raises(InputError, match=why):
        regenerate(trace, ask)
    assert shown == []


def test_calls_and_tokens_are_counted_and_the_cost_is_said_before_and_after() -> None:
    """By list prices 5,000 tokens read and 500 written cost 5 × 0.00015 + 0.5 × 0.0006 = 0.00105 dollars."""
    said = make_generation(GIVEN, used_chunk_ids=(), prompt="p", prompt_tokens=1000, completion_tokens=100)
    trace = replace(traced(settings={"generator": "openai:gpt-4o-mini"}), generation=said)
    *_, found = regenerate(trace, lambda trace, chunks: trace)
    told = "5,000 tokens read and 500 written in 5 calls: about $0.00105 by list prices"
    assert any(line.startswith(f"Asked 5 times. {told}") for line in further_words(found))
    assert estimate_words(trace).startswith("5 questions, about 5 s, about $0.00105 by list prices")
    assert button_words(trace) == "Ask again without each chunk (5 questions)"


def test_another_generator_than_the_one_that_answered_is_named() -> None:
    trace = traced(settings={"generator": "old"})
    *_, found = regenerate(trace, lambda asked, chunks: replace(asked, settings={"generator": "new"}))
    assert "The answer was given by old; asked again was new." in further_words(found)


def test_text_and_json_say_the_same_and_that_it_is_coarse() -> None:
    found = asked({"c1 c3": "\x1b[31mNobody.", NONE: StageFailed("It broke.")})
    text, told = regenerated_text(found), json.loads(json.dumps(regenerated_to_dict(found)))
    assert "Without chunk 2 the model answers otherwise" in text
    assert "\x1b" not in text
    assert " ".join(CAVEAT.split()) in " ".join(text.split())
    assert (told["deciding"], told["steady"], told["calls"], told["complete"]) == (["c2"], True, 5, True)
    assert [each["without"] for each in told["replies"]] == [[], ["c1"], ["c2"], ["c3"], ["c1", "c2", "c3"]]
    assert (told["replies"][4]["token_f1"], told["replies"][4]["problem"]) == (None, "It broke.")


def test_question_is_asked_on_the_traces_backend_with_its_prompt_and_nothing_is_kept(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(Script(prompt=DEFAULT))
    short = PromptTemplate("short", "{context} Short: {question}")
    trace = replace(
        services.backends.open("fake").answer("Who?", top_k=3, deadline_s=9), settings=describe_prompt(short)
    )
    assert services.playground.why_not_as_recorded(trace) is None
    made = services.playground.ask_as_recorded(trace, trace.chunks[1:])
    assert made.generation is not None
    assert made.generation.prompt == short.write("Who?", trace.chunks[1:]).text
    *_, found = regenerate(trace, services.playground.ask_as_recorded)
    assert found.complete
    assert services.store.count() == 0


def test_who_cannot_be_asked_again_says_why(make_services: Callable[..., Services]) -> None:
    playground = make_services().playground
    foreign = playground.why_not_as_recorded(make_trace(origin="application", service="shop"))
    assert foreign is not None
    assert foreign.startswith("shop is another application")
    gone = playground.why_not_as_recorded(make_trace(backend="gone"))
    assert gone is not None
    assert "no backend" in gone


def test_answer_that_hangs_on_a_chunk_is_explained_by_asking_a_backend_that_scores_nothing() -> None:
    backend = Unscored()
    playground = Playground(lambda name: backend, lambda made: pytest.fail("kept"), 9.0)
    trace = backend.answer("What says the script?", top_k=3, deadline_s=9)
    *_, found = regenerate(trace, playground.ask_as_recorded)
    assert headline(found) == "Without chunk 1 the model answers otherwise; without any other it says the same."
    assert plan_again(trace).plan == ((), (0,), (1,), (2,), (0, 1, 2))


def test_backend_that_asks_nothing_without_chunks_says_nothing_of_its_model() -> None:
    """A reader abstains by itself where there is nothing to read: that is a rule, and no finding."""

    def ask(trace: Trace, chunks: Sequence[Chunk]) -> Trace:
        return traced(chunks, GIVEN if chunks else None)

    *_, found = regenerate(traced(), ask)
    assert (found.calls, found.without_any) == (4, None)
    assert BY_RULE in further_words(found)
    assert reply_rows(found)[-1] == ("all chunks", "the model was not asked", "—", "—")
    *_, single = regenerate(traced(THREE[:1]), ask)
    assert headline(single) == f"Of no chunk is it known what the model says without it. {BY_RULE}"


def test_model_that_was_asked_without_chunks_and_says_it_does_not_know_is_a_finding() -> None:
    said = replace(traced(answer=None), chunks=())
    assert said.generation is not None
    said = replace(said, generation=replace(said.generation, prompt="Who?"))
    *_, found = regenerate(traced(), lambda trace, chunks: trace if chunks else said)
    assert "Without any chunk it gives no answer: together they matter." in further_words(found)
