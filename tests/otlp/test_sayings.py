"""The question and the answer are found in what applications of many shapes are given and return."""

import json

import pytest

from metrics.otlp.sayings import answer_in, answer_of_fields, question_in


@pytest.mark.parametrize(
    "given",
    [
        "Why?",
        "  Why?\n",
        {"question": "Why?", "top_k": 4},
        {"query": "Why?", "question": ""},
        {"inputs": "Why?", "tags": [], "metadata": {}},
        {"inputs": {"question": "Why?"}, "kwargs": {"name": "chain"}},
        {"input": {"question": "Why?", "chat_history": []}},
        {"data": {"retriever": {"query": "Why?"}, "prompt": {"question": "Why?"}}},
        {"query_bundle": {"query_str": "Why?", "image_path": None}},
        {
            "messages": [
                {"role": "user", "content": "How?"},
                {"role": "assistant", "content": "So."},
                {"role": "user", "content": "Why?"},
            ]
        },
        {"messages": [[{"lc": 1, "kwargs": {"type": "human", "content": "Why?"}}]]},
        [{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}],
        {"args": ["x"], "kwargs": {"question": "Why?"}},
        {"request": '{"question": "Why?"}'},
        {"anything": "Why?"},
    ],
)
def test_question_is_found(given: object) -> None:
    assert question_in(given if isinstance(given, str) else json.dumps(given)) == "Why?"


@pytest.mark.parametrize(
    "returned",
    [
        "So.",
        {"answer": "So.", "context": [{"page_content": "T."}]},
        {"reasoning": "It says.", "answer": "So."},
        {"response": "So.", "source_nodes": ["…"]},
        {"model": {"replies": ["So."], "meta": [{"model": "m"}]}},
        {"answer_builder": {"answers": [{"data": "So.", "query": "Why?"}]}},
        {"outputs": "So.", "kwargs": {"tags": ["seq:step:4"]}},
        {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "So."}}], "id": "1"},
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
        {"generations": [[{"text": "So.", "message": {"kwargs": {"content": "So.", "type": "ai"}}}]]},
        {"content": "So.", "type": "ai", "response_metadata": {"model": "m"}},
        ["So."],
    ],
)
def test_answer_is_found(returned: object) -> None:
    assert answer_in(returned if isinstance(returned, str) else json.dumps(returned)) == "So."


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        "[]",
        "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[])",
        "<NodeWithScore(node=TextNode(id_=cards), score=3.0)>",
        "<shop.Engine object at 0x7f28>",
        json.dumps({"replies": ["ChatMessage(_role='a')"], "meta": 1}),
        json.dumps({"size": 4, "unit": "m"}),
    ],
)
def test_what_nobody_said_is_neither(value: str) -> None:
    assert question_in(value) == ""
    assert answer_in(value) == ""


def test_sentence_that_begins_like_a_call_is_a_question() -> None:
    assert question_in("print(x) does what?") == "print(x) does what?"


@pytest.mark.slow
def test_huge_objects_are_searched_in_bounded_time() -> None:
    assert question_in(json.dumps({f"field{i}": {"a": [i]} for i in range(50_000)})) == ""


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (
            "[[ ## reasoning ## ]]\nSo.\n\n[[ ## answer ## ]]\nTen days.\nOr less.\n\n[[ ## completed ## ]]",
            "Ten days.\nOr less.",
        ),
        ("[[ ## response ## ]]\nTen days.", "Ten days."),
        ("[[ ## summary ## ]]\nTen days.", "[[ ## summary ## ]]\nTen days."),
        ("See [[ ## answer ## ]] below.", "See [[ ## answer ## ]] below."),
        ("[[ ## answer ## ]]\n\n[[ ## completed ## ]]", "[[ ## answer ## ]]\n\n[[ ## completed ## ]]"),
        ("", ""),
    ],
)
def test_answer_is_the_field_that_is_called_so_among_marked_ones(said: str, answer: str) -> None:
    assert answer_of_fields(said) == answer
