"""What may be quoted, and what a quotation takes along."""

import pytest

from backends.local.quotation import is_quotable, with_context
from backends.local.splitting import split_sentences


def quoted(text: str, part: str) -> list[str]:
    """What is quoted for the sentence that holds `part`."""
    spans = split_sentences(text)
    index = next(i for i, (start, end) in enumerate(spans) if part in text[start:end])
    return [text[slice(*spans[i])] for i in with_context(text, spans, index)]


@pytest.mark.parametrize(
    "sentence",
    [
        "What is a timeout?",
        "“Why?”",
        "## Timeouts",
        "Common questions",
        "Q: How long does it wait",
        "Name\tType\tDefault",
        "name | type | meaning",
    ],
)
def test_questions_headings_and_field_names_may_not_be_quoted(sentence: str) -> None:
    text = f"{sentence}\n\nIt waits for 30 seconds."
    assert not is_quotable(text, (0, len(sentence)), ("Manual",))
    assert is_quotable(text, (len(sentence) + 2, len(text)), ("Manual",))


def test_running_title_may_not_be_quoted() -> None:
    assert not is_quotable("The Manual\nIt waits.", (0, 10), ("The Manual",))


def test_sentence_that_names_its_document_may_be_quoted() -> None:
    assert is_quotable("The Rhine flows through Cologne.", (0, 32), ("The Rhine flows through Cologne.",))


@pytest.mark.parametrize(
    "sentence",
    [
        "Height: 8,849 metres",
        "- Leonardo da Vinci",
        "The wait is 30 seconds",
        "timeout = 30",
        "retries\t3\t5",
        "Bees dance.",
    ],
)
def test_list_items_values_and_plain_sentences_may_be_quoted(sentence: str) -> None:
    text = f"Before.\n{sentence}\nBehind."
    assert is_quotable(text, (8, 8 + len(sentence)), ("Manual",))


def test_colon_takes_the_list_below_it_and_not_what_follows() -> None:
    text = "The modes are:\n- fast\n- safe\n\nChoose one of them."
    assert quoted(text, "modes") == ["The modes are:", "- fast", "- safe"]


def test_colon_takes_items_that_nothing_marks() -> None:
    text = "You need:\n\none sachet of acid\n\none litre of water\n\na jug\n\nPour the water in. Then wait for an hour."
    assert quoted(text, "You need") == ["You need:", "one sachet of acid", "one litre of water", "a jug"]


def test_colon_takes_one_sentence_where_no_list_follows() -> None:
    assert quoted("One thing matters:\nBack up first. Go on.", "matters") == ["One thing matters:\nBack up first."]


def test_pronoun_takes_the_sentence_before_and_that_ones_too() -> None:
    text = "Wegener was a meteorologist. He went to Greenland. There he died. He was fifty."
    assert quoted(text, "fifty") == ["There he died.", "He was fifty."]
    assert quoted(text, "went") == ["Wegener was a meteorologist.", "He went to Greenland."]


def test_pronoun_takes_nothing_from_another_paragraph() -> None:
    assert quoted("Bees dance.\n\nIt is warm.", "warm") == ["It is warm."]


def test_value_comes_with_its_key_and_a_text_without_its_heading() -> None:
    assert quoted("timeout:\nSeconds to wait. Ten.", "Seconds") == ["timeout:\nSeconds to wait."]
    assert quoted("Known limits\nTen files.", "Ten") == ["Ten files."]


def test_plain_sentence_stands_alone() -> None:
    assert quoted("Bees dance. Bees hum.", "hum") == ["Bees hum."]


def test_a_long_sentence_is_not_taken_along() -> None:
    assert quoted("Word " * 100 + "end. It is warm.", "warm") == ["It is warm."]


def test_heading_that_the_chunk_stands_under_is_no_answer() -> None:
    assert not is_quotable("Emergency exit procedures\nLeave.", (0, 25), ("Manual", "Emergency exit procedures"))


def test_short_answer_below_a_question_is_quoted_whole_and_the_question_is_not() -> None:
    text = "How do I reset the pump?\nHold the red key. Keep it for 5 seconds. Let go.\n\nCall us on Monday."
    assert quoted(text, "5 seconds") == ["Hold the red key.", "Keep it for 5 seconds.", "Let go."]
    assert quoted(text, "Monday") == ["Call us on Monday."]


def test_long_answer_below_a_question_is_not_quoted_whole() -> None:
    text = "How do I reset the pump?\n" + "Hold the red key for a while and wait. " * 9
    assert len(quoted(text, "Hold")) == 1


def test_question_within_a_paragraph_is_no_heading() -> None:
    assert quoted("Is it hot? Open the valve. Wait a day.", "valve") == ["Open the valve."]


def test_next_step_is_taken_along() -> None:
    text = "Hold the red key for 5 seconds. Then release it. The lamp is green."
    assert quoted(text, "red key") == ["Hold the red key for 5 seconds.", "Then release it."]


def test_sentence_below_a_heading_does_not_take_the_heading_along() -> None:
    assert quoted("1 Purpose\nThis policy sets out who pays.", "policy") == ["This policy sets out who pays."]
