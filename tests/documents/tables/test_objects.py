"""JSON and JSON lines to documents, records and paragraphs."""

import json
from typing import Any

import pytest

from backends.local.documents import Document, Place, read_documents
from pipeline.errors import InputError
from tests.documents.one import read_document

LONG = "The river rises in the hills and reaches the sea after a hundred miles of meadows."
"""Longer than MIN_TITLED_CHARS."""


def read(value: Any, name: str = "a.json") -> list[Document]:
    text = value if isinstance(value, str) else json.dumps(value)
    return read_documents(name, text.encode(), max_bytes=10_000_000)


def lines(value: Any, name: str = "a.json") -> list[str]:
    (document,) = read(value, name)
    return document.text.replace("\n\n", "\n").split("\n")


def test_objects_in_a_list_are_records_with_numbers_as_they_were_written() -> None:
    text = '[{"plant": "Ostrava", "at": {"city": "Ostrava", "zip": 70030}, "price": 1.50, "lines": ["A", "B"], "closed": null}]'
    (document,) = read(text)
    assert document.text == "plant: Ostrava; at.city: Ostrava; at.zip: 70030; price: 1.50; lines: A, B"
    assert [(part.kind, part.place) for part in document.parts] == [("record", Place("row", 1))]


def test_a_question_stands_above_its_answer() -> None:
    said = ["How?", "So. Then so.", "owner: HR"]
    record = {"question": "How?", "answer": "So. Then so.", "owner": "HR"}
    assert lines([record]) == said
    assert lines(json.dumps(record) + "\n", "a.jsonl") == said


def test_an_object_is_told_by_its_names_and_what_is_long_stands_below_them() -> None:
    parts = [{"id": 7, "name": "valve"}, {"id": 8, "name": "key"}]
    (document,) = read({"name": "pump", "made": {"by": "Heron", "in": 1990}, "parts": parts})
    assert document.text == "name: pump; made.by: Heron; made.in: 1990\n\nparts\nid: 7; name: valve\n\nid: 8; name: key"
    assert document.parts[-1].section == ("parts",)


def test_articles_of_squad_are_documents_without_their_questions() -> None:
    paragraphs = [
        {"context": "Wegener did.", "qas": [{"id": "a", "question": "Who?", "answers": []}]},
        {"context": "In 1912."},
    ]
    found = read(
        {
            "version": "v2.0",
            "data": [{"title": "Continental_drift", "paragraphs": paragraphs}, {"title": "B", "paragraphs": []}],
        }
    )
    assert [(document.title, document.text, document.source) for document in found] == [
        ("Continental drift", "Wegener did.\n\nIn 1912.", "a.json!/Continental drift")
    ]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_objects_with_a_long_text_are_documents(name: str) -> None:
    values = [{"title": "Rivers", "text": LONG, "author": "Ann"}, {"title": "Rivers", "text": f"{LONG}\n\nAgain."}]
    found = read(values if name == "a.json" else "\n".join(map(json.dumps, values)), name)
    assert [(document.title, document.text, document.source) for document in found] == [
        ("Rivers", f"{LONG}\n\nauthor: Ann", f"{name}!/Rivers"),
        ("Rivers", f"{LONG}\n\nAgain.", f"{name}!/Rivers (2)"),
    ]
    assert read({"title": "Rivers", "text": LONG})[0].source == "a.json"
    assert len(read([{"id": 1, "text": "Short."}, {"id": 2, "text": "Too."}])) == 1


def test_a_list_of_lists_is_a_table_and_a_list_of_texts_a_list() -> None:
    assert lines([["a", "b"], [1, 2]]) == ["a: 1; b: 2"]
    assert lines(["one", "two"]) == ["one", "two"]
    assert lines('"one\\n\\ntwo"') == ["one", "two"]


def test_broken_lines_are_counted_and_the_others_read() -> None:
    (document,) = read('{"a": 1}\n{broken\n\n{"a": NaN, "b": 2,}\n', "a.jsonl")
    assert document.text == "a: 1\n\nb: 2"
    assert [part.place for part in document.parts] == [Place("line", 1), Place("line", 4)]
    assert document.doubts == ("1 of 3 lines are no JSON and were left out: mend line 2.",)


def test_lines_under_the_wrong_suffix_are_read_and_spare_commas_passed_over_and_told() -> None:
    assert lines('{"a": 1}\n{"a": 2}\n') == ["a: 1", "a: 2"]
    document = read_document("a.json", b'{"a": "x,]", "b": [1, 2, ], }')
    assert document.text == "a: x,]; b: 1, 2"
    assert "commas in front of closing brackets" in document.doubts[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": ', "is broken: it cannot be read as JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("null", "has no text"),
        ("{}", "has no text"),
    ],
)
def test_what_cannot_be_read_says_so(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(text)


def test_deep_values_are_shown_as_they_are() -> None:
    (document,) = read('{"a": ' * 300 + '"core"' + "}" * 300)
    assert '{"a": "core"}' in document.text
