"""Diagnoses of planted failures: each label with the counterfactual that shows it and the repair that was seen to work."""

from dataclasses import replace

import pytest

from explain.counterfactuals import CLOSED_BOOK, ORACLE, diagnose_trace, main_chunk
from explain.diagnosis import Failure
from explain.explanation import explain_trace
from explain.gold import Gold
from pipeline.errors import InputError, StageFailed, Unavailable
from pipeline.types import Generation
from tests.explain.test_explanation import Planted, chunk, last, single, trace_of

GOLD = replace(chunk(20), text="Ada lives in Oslo.", title="Ada")


class Backend:
    """Answers by a rule over the ids of the chunks; retrieves from a list of its own."""

    def __init__(self, rule, *, ranking=(), reranked=(), exact=None, fails=()):
        self.rule, self.ranking, self.reranked, self.fails = rule, list(ranking), list(reranked), fails
        self.exact = list(ranking) if exact is None else list(exact)
        self.asked = []

    def retrieve(self, question, *, top_k, deadline_s, rerank=False, exact=False):
        if "retrieve" in self.fails:
            raise Unavailable("The index is gone. Run `raglass index`.")
        if rerank and not self.reranked:
            raise InputError("There is no reranker.")
        return (self.reranked if rerank else self.exact if exact else self.ranking)[:top_k]

    def answer_from(self, question, chunks, *, deadline_s):
        self.asked.append([each.chunk_id for each in chunks])
        if "generate" in self.fails:
            raise StageFailed("The generator broke. Ask again.", stage="generate")
        said = self.rule({each.chunk_id for each in chunks})
        return Generation(said or "No answer.", (), 0, "stop", abstained=said is None)


def explained(chunks=3, answer="In Rome.", rule=single, texts=None, **changes):
    trace = trace_of(chunks=chunks, answer=answer, **changes)
    if texts:
        trace = replace(trace, chunks=tuple(replace(c, text=texts.get(c.chunk_id, c.text)) for c in trace.chunks))
    return last(explain_trace(replace(trace, settings={"top_k": chunks}), Planted(rule)))


def diagnosed(found, gold, backend):
    return last(diagnose_trace(found, gold, backend))


def test_a_retrieval_miss_is_shown_by_the_oracle_and_mended_by_looking_deeper():
    others = [chunk(i) for i in range(12)]
    ranking = [*others[:8], GOLD, *others[8:]]
    backend = Backend(lambda ids: "Oslo" if "c20" in ids else "Rome", ranking=ranking)
    found = diagnosed(explained(), Gold(("Oslo",)), backend)
    assert found.diagnosis.label is Failure.RETRIEVAL_MISS
    assert found.found_at == 9
    assert [(trial.name, trial.correct) for trial in found.counterfactuals] == [(ORACLE, True), (CLOSED_BOOK, False)]
    deeper, reranked, exact = found.repairs
    assert (deeper.name, deeper.correct) == ("with 9 chunks", True)
    assert reranked.problem == "There is no reranker."
    assert (exact.correct, exact.problem) == (False, "")
    assert found.sentence.startswith("Not found: no chunk with the right answer was retrieved")
    assert "Verified repair: with 9 chunks, it answers “Oslo”, which is right." in found.sentence


def test_a_miss_that_only_an_exact_search_mends_is_said_to_be_one():
    others = [chunk(i) for i in range(3)]
    backend = Backend(
        lambda ids: "Oslo" if ids == {"c20", "c0", "c1"} or ids == {"c20"} else "Rome",
        ranking=[*others, GOLD],
        reranked=others,
        exact=[GOLD, *others],
    )
    found = diagnosed(explained(), Gold(("Oslo",)), backend)
    assert [trial.correct for trial in found.repairs] == [False, False, True]
    assert "Verified repair: searching exactly" in found.sentence


def test_what_was_tried_in_vain_is_not_advised_and_reading_is_named_as_a_second_fault():
    others = [chunk(i) for i in range(3)]
    backend = Backend(lambda ids: "Oslo" if ids == {"c20"} else "Rome", ranking=[*others, GOLD], reranked=others)
    found = diagnosed(explained(), Gold(("Oslo",)), backend)
    assert found.sentence == (
        "Not found: no chunk with the right answer was retrieved. With one alone the answer is right. Asked with 4 chunks it "
        "read one among others and was not right: reading is a second fault. None of the 3 changes that were tried made it right."
    )
    assert found.remedy == (
        "Nothing that was tried here helped. Left to try: cut the documents into smaller chunks, or choose another generator."
    )


def test_what_could_not_be_tried_is_still_advised():
    ranking = [*(chunk(i) for i in range(25)), GOLD]
    found = diagnosed(
        explained(),
        Gold(("Oslo",)),
        Backend(lambda ids: "Oslo" if "c20" in ids else "Rome", ranking=[*ranking[:20], GOLD]),
    )
    assert found.remedy == "Nothing that was tried here helped. Usual with this fault: rerank."
    assert "second fault" not in found.sentence


def test_reranking_is_not_advised_of_what_was_reranked_already():
    asked = explained()
    asked = replace(asked, trace=replace(asked.trace, settings={"top_k": 3, "rerank": True}))
    others = [chunk(i) for i in range(20)]
    backend = Backend(lambda ids: "Oslo" if "c20" in ids else "Rome", ranking=[*others, GOLD], reranked=others)
    found = diagnosed(asked, Gold(("Oslo",)), backend)
    assert [trial.name for trial in found.repairs] == ["with 20 chunks", "searching exactly"]
    assert found.remedy.endswith("Left to try: cut the documents into smaller chunks, or choose another embedder.")


def test_a_right_chunk_that_alone_is_left_unanswered_is_a_second_fault():
    silent = explained(answer="No answer.", abstained=True)
    backend = Backend(lambda ids: None, ranking=[*(chunk(i) for i in range(3)), GOLD])
    found = diagnosed(silent, Gold(("Oslo",)), backend)
    assert "With one alone the answer is not right either: reading is a second fault." in found.sentence


def test_where_neither_retrieval_nor_the_reader_would_do_both_are_blamed():
    backend = Backend(lambda ids: "Rome", ranking=[*(chunk(i) for i in range(3)), GOLD])
    found = diagnosed(explained(), Gold(("Oslo",)), backend)
    assert found.diagnosis.label is Failure.COMPOUND
    assert "None of the" in found.sentence


def test_an_answer_that_no_document_holds_says_so():
    found = diagnosed(explained(), Gold(("Oslo",)), Backend(lambda ids: "Rome", ranking=[chunk(1)]))
    assert found.found_at is None
    assert "No chunk with the right answer is among the first 1" in found.counterfactuals[0].problem
    assert found.diagnosis is None
    assert "none was found to try" in found.sentence
    other = diagnosed(explained(), Gold(("Oslo",), "Bergen"), Backend(lambda ids: "Rome", ranking=[chunk(1)]))
    assert "No chunk of “Bergen” is among the first 1. Check the title" in other.sentence


def test_a_chunk_of_the_gold_article_that_does_not_hold_the_answer_is_not_gold():
    backend = Backend(lambda ids: "Oslo" if "c20" in ids else "Rome", ranking=[*(chunk(i) for i in range(3)), GOLD])
    texts = {"c0": "Ada is a name."}
    trace = explained(texts=texts)
    chunks = (replace(trace.chunks[0], title="Ada"), *trace.chunks[1:])
    found = diagnosed(replace(trace, chunks=chunks), Gold(("Oslo",), "Ada"), backend)
    assert (found.gold_ranks, found.found_at) == ((), 4)
    assert found.diagnosis.label is Failure.RETRIEVAL_MISS
    assert found.remedy == "Ask with 4 chunks."


def test_a_distraction_is_mended_by_leaving_the_distracting_chunk_out():
    texts = {"c0": "Ada lives in Oslo."}
    backend = Backend(lambda ids: "Rome" if "c1" in ids else "Oslo", reranked=[chunk(1)])
    found = diagnosed(explained(texts=texts), Gold(("Oslo",)), backend)
    assert found.diagnosis.label is Failure.DISTRACTION
    assert found.gold_ranks == (1,)
    assert [trial.name for trial in found.counterfactuals] == [ORACLE, CLOSED_BOOK, "without chunk 2"]
    assert found.counterfactuals[2].correct
    assert "Verified repair: without chunk 2" in found.sentence
    assert found.repairs[0].chunks[0] == "c0"


def test_a_reader_that_fails_on_the_gold_chunk_alone_is_to_blame_and_nothing_is_tried():
    found = diagnosed(explained(texts={"c0": "Ada lives in Oslo."}), Gold(("Oslo",)), Backend(lambda ids: "Rome"))
    assert found.diagnosis.label is Failure.READER_FAILURE
    assert found.repairs == ()


def test_context_that_is_ignored_is_put_first():
    backend = Backend(lambda ids: "Oslo" if ids == {"c1"} or len(ids) == 2 else "Rome", reranked=[chunk(1)])
    found = diagnosed(explained(texts={"c1": "Ada lives in Oslo."}), Gold(("Oslo",)), backend)
    assert found.diagnosis.label is Failure.CONTEXT_IGNORED
    first, fewer, _ = found.repairs
    assert first.chunks == ("c1", "c0", "c2")
    assert (fewer.name, fewer.correct) == ("with 2 chunks", True)


def test_memory_against_the_chunks_is_an_override():
    level = explained(texts={"c0": "Ada lives in Oslo."}, rule=lambda subset: -0.5)
    backend = Backend(lambda ids: "Oslo" if ids == {"c0"} else "In Rome.")
    assert diagnosed(level, Gold(("Oslo",)), backend).diagnosis.label is Failure.PARAMETRIC_OVERRIDE


def test_a_right_answer_is_told_from_a_lucky_and_a_remembered_one():
    backend = Backend(lambda ids: "Rome", ranking=[chunk(0)])
    texts = {"c1": "Ada lives in Rome."}
    assert diagnosed(explained(texts=texts), Gold(("Rome",)), backend).diagnosis.label is Failure.CORRECT
    assert diagnosed(explained(), Gold(("Rome",)), backend).diagnosis.label is Failure.LUCKY
    level = explained(texts=texts, rule=lambda subset: -0.5)
    assert diagnosed(level, Gold(("Rome",)), backend).diagnosis.label is Failure.PARAMETRIC


def test_abstentions_are_right_only_where_there_is_no_answer():
    silent = explained(answer="No answer.", abstained=True, texts={"c0": "Ada lives in Oslo."})
    backend = Backend(lambda ids: "Oslo" if ids == {"c0"} else None, reranked=[chunk(0)])
    over = diagnosed(silent, Gold(("Oslo",)), backend)
    assert over.diagnosis.label is Failure.OVER_ABSTENTION
    assert "Verified repair: with 1 chunk" in over.sentence
    assert diagnosed(silent, Gold(()), backend).diagnosis.label is Failure.CORRECT
    assert diagnosed(explained(), Gold(()), backend).diagnosis.label is Failure.UNANSWERABLE_ANSWERED


def test_a_backend_that_cannot_be_asked_over_chosen_chunks_says_what_would():
    wrong = diagnosed(explained(), Gold(("Oslo",)), object())
    assert wrong.diagnosis is None
    assert "local/embedded" in wrong.sentence
    right = diagnosed(explained(texts={"c1": "Ada lives in Rome."}), Gold(("Rome",)), object())
    assert right.diagnosis.label is Failure.CORRECT


def test_trials_that_fail_say_why_and_do_not_raise():
    found = diagnosed(explained(), Gold(("Oslo",)), Backend(lambda ids: "Rome", fails=("retrieve", "generate")))
    assert found.diagnosis is None
    assert found.sentence.startswith("No chunk with the right answer was read, and none was found to try")
    assert {trial.problem for trial in found.repairs} == {"The index is gone. Run `raglass index`."}
    assert "Verified" not in found.sentence


def test_a_label_alone_tries_no_repair():
    backend = Backend(lambda ids: "Rome", ranking=[GOLD])
    [*_, found] = diagnose_trace(explained(), Gold(("Oslo",)), backend, with_repairs=False)
    assert found.diagnosis.label is Failure.COMPOUND
    assert found.repairs == ()
    assert len(backend.asked) == 2


def test_an_explanation_that_is_not_complete_is_not_diagnosed():
    half = next(explain_trace(trace_of(), Planted(single, at_once=2)))
    with pytest.raises(InputError, match="Score the rest"):
        last(diagnose_trace(half, Gold(("Oslo",)), object()))


@pytest.mark.parametrize(
    ("typed", "article", "unanswerable", "gold"),
    [
        ("Oslo", "", False, Gold(("Oslo",))),
        (" Oslo | Christiania |", " Ada ", False, Gold(("Oslo", "Christiania"), "Ada")),
        ("", "", True, Gold(())),
        ("", "Ada", True, Gold((), "Ada")),
        ("", " Ada ", False, Gold((), "Ada", document_only=True)),
    ],
)
def test_gold_is_read_from_what_was_typed(typed, article, unanswerable, gold):
    assert Gold.parse(typed, article, unanswerable=unanswerable) == gold


@pytest.mark.parametrize(("typed", "unanswerable"), [("", False), (" the | ", False), ("Oslo", True)])
def test_gold_that_says_nothing_or_two_things_is_refused(typed, unanswerable):
    with pytest.raises(InputError, match="Type the right answer"):
        Gold.parse(typed, unanswerable=unanswerable)


def test_a_document_alone_says_whether_it_was_read_and_where_a_deeper_search_finds_it():
    read = diagnosed(explained(), Gold.parse("", "Title 1"), Backend(lambda ids: "Rome"))
    assert (read.diagnosis, read.gold_ranks) == (None, (2,))
    assert "was read (chunk 2)" in read.sentence
    others = [chunk(i) for i in range(3)]
    missed = diagnosed(explained(), Gold.parse("", "Ada"), Backend(lambda ids: "Rome", ranking=[*others, GOLD]))
    assert missed.found_at == 4
    assert missed.sentence.startswith("Not found, if “Ada” holds the answer")
    assert "rank 4" in missed.sentence
    gone = diagnosed(explained(), Gold.parse("", "Ada"), Backend(lambda ids: "Rome", ranking=others))
    assert "No chunk of “Ada” is among the first 3. Check the title" in gone.sentence
    assert "none of its chunks was read" in diagnosed(explained(), Gold.parse("", "Ada"), object()).sentence


def test_gold_chunks_hold_the_answer_and_are_of_the_article():
    chunks = [replace(chunk(0), text="Oslo is cold."), GOLD, replace(chunk(2), title="Ada")]
    assert Gold(("Oslo",)).places(chunks) == [0, 1]
    assert Gold(("Oslo",), "ada").places(chunks) == [1]
    assert Gold(("Bergen",), "Ada").places(chunks) == []
    assert Gold((), "Ada", document_only=True).places(chunks) == [1, 2]
    assert Gold(("Oslo",), "d0").places(chunks) == [0]


def test_the_main_chunk_is_the_one_that_moved_the_answer():
    assert main_chunk(explained()) == 1
