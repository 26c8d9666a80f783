"""Whatever another application leaves out, every use case does its work or says plainly why it cannot."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import log

import pytest

from app.comparing.comparison import compare
from app.comparing.side_by_side import asked_as
from app.comparing.verdict import judge
from app.config import Settings
from app.explaining.diagnosing import diagnosis_text
from app.explaining.grounded import grounded_trace, grounding_text
from app.explaining.printed import explanation_text
from app.explaining.report import report_html
from app.explaining.sureness import sureness_rows
from app.explaining.words import explained_with
from app.kit.wording import asked_how, scores_note, shortfall, slowest
from app.runs.feedback import feedback_words, read_feedback
from app.services import Services
from app.traces.words import trace_text
from app.views.comparing.html import comparison_html, differences_html, overlap_html
from backends.fake import Script, ScriptedBackend
from explain.gold import Gold
from metrics.export import to_csv, to_jsonl
from metrics.queries import StoredTrace
from pipeline.errors import InputError, RaglassError
from pipeline.schema import trace_from_json, trace_to_json
from pipeline.types import AnswerScores, Chunk, Trace
from tests.factories import make_trace
from tests.foreign import Case, all_cases, make_foreign_chunks, make_foreign_trace

CASES = list(all_cases())
BAD = re.compile(r"\b(None|nan|NaN|undefined|null)\b")
"""What no reader should meet."""

Make = Callable[..., Services]


def said_in_words(services: Services, trace: Trace) -> Iterator[str]:
    """What every use case says of a trace. Anything raised but a plain refusal is a fault."""
    ours = make_trace(question=trace.question or "Why?")
    for first, second in ((trace, ours), (ours, trace), (trace, trace)):
        found = compare(first, second)
        judged = judge(first, second, None, found)
        yield from (judged.headline, *judged.reasons, judged.note)
        yield found.time_note
        yield str(overlap_html(found.matches))
        yield str(comparison_html(found.stages))
        yield str(differences_html(found.settings))
    yield from (asked_how(trace), scores_note(trace), shortfall(trace) or "", slowest(trace), trace_text(trace))
    yield from (f"{row.value} {row.meaning}" for row in sureness_rows(trace))
    for rating, note in ((1, ""), (-1, ""), (0, "Right: Wegener")):
        fed = read_feedback([StoredTrace(trace, rating, note, 1.0)])
        yield from (feedback_words(fed), *fed.problems)
    yield from explained_words(services, trace)


def explained_words(services: Services, trace: Trace) -> Iterator[str]:
    """What is said of why its answer came out so; a refusal is said as it stands."""
    try:
        shown = grounded_trace(trace)
        yield from (shown.headline, shown.citations or "", *(mark.words for mark in shown.sentences))
        for unit in ("chunks", "sentences"):
            *_, found = services.explanations.explain(trace, unit, stand_in="fake")
            yield from (explanation_text(found), re.sub(r"<style>.*?</style>", "", report_html(found), flags=re.DOTALL))
        *_, diagnosed = services.explanations.diagnose(found, Gold(("Wegener",)))
        yield diagnosis_text(diagnosed)
    except InputError as error:
        yield str(error)


@pytest.fixture
def services(make_services: Make) -> Services:
    return make_services(Script(chunks=make_foreign_chunks()))


@pytest.mark.slow
@pytest.mark.parametrize("place", range(0, len(CASES), 24))
def test_no_use_case_breaks_or_speaks_of_nothing_whatever_is_missing(services: Services, place: int) -> None:
    for case in CASES[place : place + 24]:
        for words in said_in_words(services, case.trace):
            assert not BAD.search(words), (case.name, words)


def test_what_is_missing_survives_being_stored_and_exported(services: Services) -> None:
    for case in CASES[:: len(CASES) // 40]:
        assert trace_from_json(trace_to_json(case.trace)) == case.trace, case.name
        services.store.put(case.trace)
        stored = services.store.get(case.trace.trace_id)
        assert stored is not None
        assert not BAD.search("".join(to_csv([stored]))), case.name
        assert "".join(to_jsonl([stored]))


def test_question_of_another_application_is_asked_here_as_it_was_there(services: Services) -> None:
    usual = services.asking.question("")
    for case in CASES:
        asked = asked_as(case.trace, usual)
        assert (asked.text, asked.backend, asked.rerank) == (case.trace.question, usual.backend, usual.rerank)
        assert asked.top_k == case.trace.settings.get("top_k", usual.top_k)


def case_of(*parts: str) -> Case:
    return next(case for case in CASES if all(part in case.name.split(", ") for part in parts))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (("question", "answer", "chunks without texts"), "did not send the texts of its chunks"),
        (("question", "answer", "no chunks"), "has no chunks"),
        (("question", "no answer"), "has no answer to explain"),
        (("question", "blank answer"), "has no answer to explain"),
        (("no question", "answer"), "does not say what was asked"),
    ],
)
def test_explanation_says_what_it_lacks(services: Services, parts: tuple[str, ...], says: str) -> None:
    trace = case_of(*parts).trace
    with pytest.raises(InputError, match=says):
        list(services.explanations.explain(trace, stand_in="fake"))


def test_without_a_stand_in_it_is_said_that_one_is_needed(services: Services) -> None:
    with pytest.raises(RaglassError, match=r"shop is another application, .* --stand-in"):
        list(services.explanations.explain(case_of("question", "answer", "chunks").trace))


def test_explanation_by_a_stand_in_says_so_everywhere_and_is_kept_under_its_name(services: Services) -> None:
    trace = case_of("question", "answer", "one text of two").trace
    *_, found = services.explanations.explain(trace, stand_in="fake")
    words = explanation_text(found).replace("\n", " ")
    assert "Explained with fake, not with the model that answered" in words
    assert "Left out: 1 chunk whose text was not sent." in words
    assert "Explained with fake" in report_html(found)
    assert (found.to_dict()["answered_by"], found.to_dict()["scored_by"]) == ("otlp/shop", "fake")
    assert set(services.store.explanations(trace.trace_id)) == {"lattice@fake", "distractors@fake"}
    assert services.explanations.stood_in(trace.trace_id) == ["fake"]


def test_what_a_stand_in_scored_is_not_taken_for_the_answering_backends_own(services: Services) -> None:
    own = services.asking.ask(services.asking.question("Who?")).trace
    theirs = replace(own, trace_id="f" * 32, backend="other")
    *_, _ = services.explanations.explain(theirs, stand_in="fake")
    *_, _ = services.explanations.explain(own, stand_in="fake")
    assert set(services.store.explanations(own.trace_id)) == {"lattice", "distractors"}
    assert set(services.store.explanations(theirs.trace_id)) == {"lattice@fake", "distractors@fake"}


def test_diagnosis_by_a_stand_in_says_who_was_asked_again_and_is_kept_under_its_name(services: Services) -> None:
    trace = case_of("question", "answer", "chunks").trace
    *_, found = services.explanations.explain(trace, stand_in="fake")
    *_, diagnosed = services.explanations.diagnose(found, Gold(("1915",)))
    assert "Asked again with fake, not with the model that answered" in diagnosed.caveat
    assert diagnosed.repairs == ()
    assert services.explanations.diagnosis_of(trace.trace_id, "fake") == diagnosed
    assert services.explanations.diagnosis_of(trace.trace_id) is None


class Quoting(ScriptedBackend):
    """A reader that has no such sentence in any chunk."""

    def score_answer(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        return AnswerScores((answer,), ((log(1e-6),),) * len(chunk_sets))


def test_stand_in_that_cannot_say_the_answer_is_no_witness_against_its_chunks(settings: Settings) -> None:
    services = Services(settings, open_backend=lambda name, config: Quoting(Script(chunks=make_foreign_chunks())))
    *_, found = services.explanations.explain(case_of("question", "answer", "chunks").trace, stand_in="fake")
    assert (
        found.sentence == "Not attributable: to fake, the answer is as probable without any chunk as with all of them."
    )
    assert "fake would never say this" in " ".join(explained_with(found))
    *_, right = services.explanations.diagnose(found, Gold(("1912",)))
    assert right.unknown == (
        "The answer is right. Whether it came from its chunks is not known: to fake it is as probable without any of them."
    )
    services.close()


def test_grounding_needs_no_backend(services: Services) -> None:
    shown = grounded_trace(case_of("question", "answer", "chunks").trace)
    assert shown.headline == "1 of 2 sentences are supported by a single chunk."
    assert shown.citations is not None


def test_how_an_answer_stands_on_its_chunks_is_told_in_a_terminal() -> None:
    lines = grounding_text(grounded_trace(make_foreign_trace())).splitlines()
    assert lines[:2] == ["Do the chunks say it?", "  1 of 2 sentences are supported by a single chunk."]
    assert [line[:4] for line in lines if line.startswith(("  + ", "  - "))] == ["  + ", "  - "]
    assert any(line.startswith("  Citations: recall ") for line in lines)
