"""Perturbed questions: small changes, the same every time, and none to what must stay."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corpus
from evaluation.perturbations import KINDS, SEEDS, SYNONYMS_FILE, perturb, perturb_all
from pipeline.errors import InputError

QUESTION = 'How many kilometres did Amelia\'s huge ship, the "Great Eastern", travel in 1860?'
BUILTIN = st.sampled_from([question.question for question in corpus.questions()])
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def edits(first: str, second: str) -> int:
    """Distance of Damerau and Levenshtein with adjacent swaps, by its recurrence."""
    table = {(i, 0): i for i in range(len(first) + 1)} | {(0, j): j for j in range(len(second) + 1)}
    for i in range(1, len(first) + 1):
        for j in range(1, len(second) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (first[i - 1] != second[j - 1])
            )
            if i > 1 and j > 1 and first[i - 2 : i] == second[j - 2 : j][::-1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(first), len(second)]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@given(ANY_TEXT | BUILTIN, st.sampled_from(KINDS), st.integers(0, 50))
@pytest.mark.slow
def test_variant_is_another_text_or_there_is_a_reason(question: str, kind: str, seed: int) -> None:
    found = perturb(question, kind, seed)
    assert found == perturb(question, kind, seed)
    assert (found.text is None) == bool(found.why_not)
    assert found.text is None or (found.text != question and found.text.strip())


@pytest.mark.slow
@given(BUILTIN, st.integers(0, 50))
def test_typo_is_one_edit(question: str, seed: int) -> None:
    typo = perturb(question, "typo", seed).text
    assert typo is None or edits(question, typo) == 1


@given(BUILTIN, st.integers(0, 50))
def test_case_punctuation_and_order_keep_every_word(question: str, seed: int) -> None:
    case, marks, order = (
        perturb(question, kind, seed).text or question for kind in ("case", "punctuation", "word order")
    )
    assert case.lower() == question.lower()
    assert words(marks) == words(question)
    assert sorted(words(order)) == sorted(words(question))


@given(BUILTIN, st.integers(0, 50))
def test_synonym_changes_neither_numbers_nor_names(question: str, seed: int) -> None:
    kept = [word for word in words(question)[1:] if word != word.lower() or word.isdigit()]
    changed = words(perturb(question, "synonym", seed).text or question)
    assert [word for word in changed[1:] if word != word.lower() or word.isdigit()] == kept


def test_synonym_changes_one_word_that_is_not_quoted() -> None:
    variants = {found.text for found in perturb_all(QUESTION, ["synonym"], range(20))}
    assert QUESTION.replace("ship", "vessel") in variants
    assert all(variant and "Great Eastern" in variant and "1860" in variant for variant in variants)
    assert perturb('What is meant by "huge"?', "synonym", 0).text is None


def test_table_of_synonyms_has_no_numbers_and_no_names() -> None:
    table = json.loads(SYNONYMS_FILE.read_text(encoding="utf-8"))
    number = re.compile(
        r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|(hundr|thous|milli)\w+|half|first|second|third)\b"
    )
    assert len(table) > 300
    for word, others in table.items():
        assert all(each == each.lower() and not number.search(each) for each in (word, *others))
        assert others
        assert word not in others


def test_function_words_are_left_out() -> None:
    variants = {found.text for found in perturb_all("Where does the Danube begin?", ["stop words"], SEEDS)}
    assert variants == {"Danube begin?", "Where Danube begin?", "does Danube begin?", "the Danube begin?"}


@pytest.mark.parametrize(
    ("question", "paraphrase"),
    [
        ("Why is Mars red?", "For what reason is Mars red?"),
        ("In what year did it happen?", "In which year did it happen?"),
        ("Who proposed it?", "Which person proposed it?"),
        ("What is meant by transpiration?", "What does transpiration mean?"),
        ("What does the word quixotic mean?", "What is meant by quixotic?"),
        ("How do clouds form?", "In what way do clouds form?"),
        ("How many eggs are there?", "What number of eggs are there?"),
    ],
)
def test_paraphrase_asks_with_other_words(question: str, paraphrase: str) -> None:
    assert paraphrase in {found.text for found in perturb_all(question, ["paraphrase"], range(20))}


def test_seeds_give_different_variants_and_none_twice() -> None:
    variants = [found.text for found in perturb_all(QUESTION, KINDS, SEEDS)]
    assert len(set(variants)) == len(variants)
    assert sum(found.kind == "typo" for found in perturb_all(QUESTION, KINDS, SEEDS)) == len(SEEDS)


@pytest.mark.parametrize(
    ("question", "kind", "why"),
    [
        ("Why is it so?", "typo", "misspell"),
        ("1912?", "case", "case"),
        ("Who are you?", "stop words", "function words"),
        ("Wegener?", "word order", "two different words"),
        ("Who was Wegener?", "synonym", "synonyms"),
    ],
)
def test_question_that_cannot_be_changed_says_why(question: str, kind: str, why: str) -> None:
    (found,) = perturb_all(question, [kind], SEEDS)
    assert found.text is None
    assert why in found.why_not


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="typo, case"):
        perturb(QUESTION, "telepathy", 0)
