"""Every combination of facts against the rules as they are written down, first match wins."""

from itertools import product

import pytest

from explain.diagnosis import WORDS, Facts, Failure, Way, diagnose, label, remedy_after

RULES = [
    (lambda f: f.unanswerable and not f.abstained, "unanswerable answered"),
    (lambda f: f.unanswerable and f.abstained, "correct"),
    (lambda f: f.abstained and f.gold_retrieved, "over-abstention"),
    (lambda f: f.abstained and not f.gold_retrieved, "retrieval miss"),
    (lambda f: f.correct and not f.relies_on_chunks, "parametric"),
    (lambda f: f.correct and not f.gold_retrieved, "lucky"),
    (lambda f: f.correct, "correct"),
    (lambda f: not f.gold_retrieved and f.correct_with_oracle, "retrieval miss"),
    (lambda f: not f.gold_retrieved and not f.correct_with_oracle, "compound"),
    (lambda f: f.gold_retrieved and not f.correct_with_oracle, "reader failure"),
    (lambda f: f.same_closed_book and not f.relies_on_chunks, "parametric override"),
    (lambda f: not f.top_chunk_is_gold, "distraction"),
    (lambda f: True, "context ignored"),
]
"""The failure labels in their order: U and A; A and R; C; R and O; then what the answer leant on."""

ALL = [Facts(*values) for values in product((False, True), repeat=8)]


def test_every_combination_has_the_label_of_the_first_rule_that_matches() -> None:
    for facts in ALL:
        assert label(facts) == next(name for rule, name in RULES if rule(facts)), facts


def test_every_label_is_reached_and_has_words() -> None:
    assert {label(facts) for facts in ALL} == set(Failure) == set(WORDS)


@pytest.mark.parametrize("failure", list(Failure))
def test_what_is_wrong_comes_with_something_to_try(failure: Failure) -> None:
    stage, meaning, remedy = WORDS[failure]
    assert meaning.endswith(".")
    assert (remedy == "") == (stage == "none") == (failure is Failure.CORRECT)


def test_a_distracted_answer_is_put_into_words() -> None:
    facts = Facts(False, False, False, True, True, True, False, False)
    assert diagnose(facts).meaning == "Another chunk drew the answer away from the right one."


def test_an_abstention_that_is_right_claims_no_answer() -> None:
    facts = Facts(True, True, False, False, False, True, False, False)
    assert diagnose(facts).meaning == "The corpus has no answer, and none was given."


@pytest.mark.parametrize(
    ("failure", "vain", "misread", "said"),
    [
        (Failure.RETRIEVAL_MISS, [], False, "Usual with this fault: retrieve more chunks, rerank, or search exactly."),
        (Failure.RETRIEVAL_MISS, [Way.COUNT], False, "Usual with this fault: rerank, or search exactly."),
        (Failure.RETRIEVAL_MISS, list(Way), False, "smaller chunks, or choose another embedder."),
        (Failure.RETRIEVAL_MISS, [Way.COUNT], True, "smaller chunks, or choose another generator."),
        (Failure.CONTEXT_IGNORED, [Way.FIRST], False, "Usual with this fault: read fewer chunks."),
        (Failure.DISTRACTION, list(Way), False, "smaller chunks, or choose another generator."),
        (Failure.COMPOUND, list(Way), False, "smaller chunks, or choose another generator."),
        (Failure.LUCKY, [], False, "Usual with this fault: look at the chunks: "),
    ],
)
def test_advice_leaves_out_what_was_tried_in_vain(failure: Failure, vain: list[Way], misread: bool, said: str) -> None:
    assert said in remedy_after(failure, WORDS[failure][2], vain, misread=misread)


def test_no_advice_names_a_threshold_which_nobody_can_set() -> None:
    assert not [failure for failure, (_, _, remedy) in WORDS.items() if "threshold" in remedy]
