"""Labelled questions: what each format means, and what is said of rows that cannot be used."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corpus
from evaluation.datasets import BUILTIN, MOST_PROBLEMS, Dataset, LabelledQuestion, _csv, load_dataset, problem_lines
from pipeline.checks import MAX_QUESTION_CHARS
from pipeline.errors import InputError
from tests.evaluation.labelled import make_question

Load = Callable[..., Dataset]

PARAGRAPH = {
    "context": "Alfred Wegener proposed drift.",
    "qas": [
        {
            "id": "a",
            "question": " Who proposed drift? ",
            "is_impossible": False,
            "answers": [{"text": "Wegener"}, {"text": "Wegener"}, {"text": "Alfred Wegener"}],
        },
        {
            "id": "b",
            "question": "Who denied it?",
            "is_impossible": True,
            "answers": [],
            "plausible_answers": [{"text": "he"}],
        },
        {"id": "c", "question": "  ", "answers": []},
    ],
}
SQUAD = {"version": "v2.0", "data": [{"title": "Continental_drift", "paragraphs": [PARAGRAPH]}]}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a dataset from a file with this content."""

    def load_(content: str | bytes, name: str = "questions.csv") -> Dataset:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_dataset(str(path))

    return load_


@pytest.fixture
def load_lines(load: Load) -> Load:
    """Load a dataset of JSON lines from its rows."""
    return lambda *rows: load("\n".join(map(json.dumps, rows)), "questions.jsonl")


def only(dataset: Dataset) -> LabelledQuestion:
    assert dataset.problems == ()
    [question] = dataset.questions
    return question


def test_built_in_questions_are_those_of_the_corpus() -> None:
    found = load_dataset(BUILTIN)
    assert len(found.questions) == len(corpus.questions())
    assert (found.documents, found.problems) == ((), ())
    drift = next(each for each in found.questions if each.question_id == "earth-001")
    assert drift.answers[0] == "Alfred Wegener"
    assert (drift.article, drift.cluster, drift.type) == ("earth/continental-drift",) * 2 + ("PERSON",)
    unanswerable = next(each for each in found.questions if not each.answers)
    assert unanswerable.gold.unanswerable
    assert unanswerable.cluster == unanswerable.question_id


def test_squad_has_answers_once_each_and_none_for_the_impossible(load: Load) -> None:
    found = load(json.dumps(SQUAD), "dev.json")
    assert [(q.question_id, q.text, q.answers, q.article) for q in found.questions] == [
        ("a", "Who proposed drift?", ("Wegener", "Alfred Wegener"), "Continental drift"),
        ("b", "Who denied it?", (), "Continental drift"),
    ]
    [document] = found.documents
    assert (document.title, document.text) == ("Continental drift", "Alfred Wegener proposed drift.")
    assert len(found.problems) == 1
    assert found.problems[0].startswith("question c: The question is blank")


def test_squad_paragraphs_stay_whether_asked_about_or_not_and_under_one_title(load: Load) -> None:
    article = {"title": "", "paragraphs": [PARAGRAPH]}
    other = {"title": "", "paragraphs": [{"context": "Something else.", "qas": []}]}
    found = load(json.dumps({"data": [article, other]}), "dev.json")
    assert [document.text for document in found.documents] == ["Alfred Wegener proposed drift.", "Something else."]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "",
        "[]",
        "{}",
        '{"data": 3}',
        '{"data": [{"title": "A"}]}',
        '{"data": [{"title": "A", "paragraphs": [{"context": "B", "qas": [{"id": 1}]}]}]}',
        '{"data": [{"title": "A", "paragraphs": [{"context": "B", "qas": [{"id": 1, "question": "C", "answers": {}}]}]}]}'.replace(
            "{}", '{"text": []}'
        ),
        "[" * 100_000,
    ],
)
def test_what_is_no_squad_is_said(load: Load, content: str) -> None:
    with pytest.raises(InputError, match=r"This is no SQuAD v2 JSON .* paragraphs"):
        load(content, "dev.json")


def test_squad_without_questions_holds_nothing(load: Load) -> None:
    with pytest.raises(InputError, match=r"dev\.json holds no question that can be asked"):
        load('{"data": []}', "dev.json")


def test_columns_count_in_any_case_and_order_with_others_beside_them(load: Load) -> None:
    found = load("ANSWER,Notes, Question ,Type,ID\nWegener|Alfred Wegener|Wegener,mine,Who?,person,w\n")
    assert only(found) == LabelledQuestion("w", "Who?", ("Wegener", "Alfred Wegener"), "", "PERSON")


def test_table_of_one_row_from_a_spreadsheet_with_a_mark_in_front(load: Load) -> None:
    question = only(load("\ufeffquestion,answer\r\nWer schrieb „Süß“?,Jud Süß\r\n"))
    assert (question.question_id, question.text, question.answers) == ("row-2", "Wer schrieb „Süß“?", ("Jud Süß",))


@pytest.mark.parametrize("answer", ["", " ", "|", " | "])
def test_empty_answer_means_that_there_is_none(load: Load, answer: str) -> None:
    assert only(load(f"question,answer\nWho?,{answer}\n")).answers == ()


def test_context_is_a_document_and_its_own_article(load: Load) -> None:
    text = "Alfred Wegener proposed in 1912 that the continents were once joined and have since drifted apart.\n\nMore."
    rows = [("Who proposed it?", "Wegener", text), ("When was it proposed?", "1912", text), ("Where?", "", "")]
    found = load(table(["question", "answer", "context"], rows))
    [document] = found.documents
    assert document.text == text
    assert {question.article for question in found.questions[:2]} == {document.document_id}
    assert found.questions[2].article == ""
    assert text.startswith(document.title)


def test_context_is_read_as_a_plain_text_is(load_lines: Load) -> None:
    context = (
        "Alfred Wegener, a German meteorologist, proposed in 1912\nthat continents drift\x1b[2J.\r\n\r\n\ud83e New."
    )
    found = load_lines({"question": "Who?", "answer": "Wegener", "context": context, "article": "\ud83e" * 300})
    [document] = found.documents
    assert document.text == (
        "Alfred Wegener, a German meteorologist, proposed in 1912 that continents drift[2J.\n\n\ufffd New."
    )
    assert document.title == "\ufffd" * 200
    assert len(found.documents_fingerprint) == 16


def test_contexts_of_a_named_article_belong_together(load: Load) -> None:
    rows = [("Who?", "Wegener", "Wegener did.", "Drift"), ("When?", "1912", "In 1912.", "Drift")]
    found = load(table(["question", "answer", "context", "article"], rows))
    assert {question.cluster for question in found.questions} == {"Drift"}
    assert [document.title for document in found.documents] == ["Drift", "Drift"]
    assert len({document.document_id for document in found.documents}) == 2


def test_rows_are_numbered_as_a_spreadsheet_shows_them(load: Load) -> None:
    found = load('question,answer\n"Who\nwas\nit?",Wegener\n\n,Nobody\n  ,\nWhen?,1912\nWhat, then?,This\nWhy?\n')
    assert [question.question_id for question in found.questions] == ["row-2", "row-6"]
    assert found.questions[0].text == "Who\nwas\nit?"
    assert [problem.partition(":")[0] for problem in found.problems] == ["row 4", "row 7", "row 8"]
    assert "blank" in found.problems[0]
    assert "more cells than there are columns" in found.problems[1]
    assert "it has no answer" in found.problems[2]


@given(st.lists(st.tuples(st.text("ab\n\r\"', |é", max_size=6), st.text("ab \n", max_size=4)), min_size=1, max_size=8))
@pytest.mark.slow
def test_every_row_of_a_table_is_a_question_or_a_problem_with_its_number(rows: list[tuple[str, str]]) -> None:
    found = list(_csv(table(["question", "answer"], rows)))
    told = [each.partition(":")[0] if isinstance(each, str) else each.question_id.replace("-", " ") for each in found]
    assert told == [f"row {number}" for number, row in enumerate(rows, start=2) if any(cell.strip() for cell in row)]
    for each in found:
        if not isinstance(each, str):
            assert each.text == rows[int(each.question_id[4:]) - 2][0].strip()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The columns are missing"),
        ("question;answer\nWho?;I\n", "The columns are question;answer; .*by commas"),
        ("question,type\nWho?,PERSON\n", "The columns are question, type; `question` and `answer` are needed"),
        ("question,answer\n", "holds no question that can be asked"),
        ("question,answer\n ,Wegener\n", "holds no question that can be asked. row 2: The question is blank"),
        ('question,answer\nWho?,"Wegener\nWhen?,1912\n', "Line 3 is no CSV"),
        ("question,answer\nWo ist Köln?,am Rhein\n".encode("latin-1"), "not UTF-8: byte 24 .*CSV UTF-8"),
        ("question,answer\nWho?,I\n".encode("utf-16"), "not UTF-8: byte 0 "),
    ],
)
def test_table_that_cannot_be_read_says_why(load: Load, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(content)


def test_lines_of_json_have_answers_as_text_as_list_as_number_or_none(load_lines: Load) -> None:
    found = load_lines(
        {"question": "Who?", "answer": ["Wegener", " ", "Wegener"], "id": 7},
        {"question": "When?", "answers": "1912|in 1912"},
        {"question": "How many?", "answer": 0},
        {"question": "Who denied it?", "answer": None},
        {"question": "Why?", "answers": {"text": ["heat"], "answer_start": [3]}},
    )
    assert found.problems == ()
    assert [question.answers for question in found.questions] == [
        ("Wegener",),
        ("1912", "in 1912"),
        ("0",),
        (),
        ("heat",),
    ]
    assert [question.question_id for question in found.questions] == ["7", "line-2", "line-3", "line-4", "line-5"]


@pytest.mark.parametrize(
    ("written", "answers"),
    [
        ("['3.2 litres', '3.2 l']", ("3.2 litres", "3.2 l")),
        ('["3.2 litres", "3.2 l"]', ("3.2 litres", "3.2 l")),
        ("['3.2 litres' '3.2 l']", ("3.2 litres", "3.2 l")),
        ("['Anna\\'s', nan]", ("['Anna\\'s', nan]",)),
        ("['heat', None]", ("heat",)),
        ("{'text': ['heat'], 'answer_start': [3]}", ("heat",)),
        ("[sic] heat", ("[sic] heat",)),
        ("[3]", ("3",)),
        ("[]", ()),
        ("heat|warmth", ("heat", "warmth")),
    ],
)
def test_a_list_written_in_a_cell_is_several_answers(load: Load, written: str, answers: tuple[str, ...]) -> None:
    found = load(table(["question", "answer"], [("How much?", written)]))
    assert only(found).answers == answers


def test_what_programs_write_for_a_missing_value_is_no_answer_and_is_told_by_its_row(load: Load) -> None:
    lines = [
        '{"question": "Who?", "answer": NaN}',
        '{"question": "When?", "answer": "N/A"}',
        '{"question": "Why?", "answer": ""}',
    ]
    found = load("\n".join(lines), "questions.jsonl")
    assert [question.answers for question in found.questions] == [(), (), ()]
    told = "which is none, and it counts as one that the documents do not answer; write the answer, or leave it empty"
    assert found.problems == (f"line 1: its answer is nan, {told}", f"line 2: its answer is N/A, {told}")


def test_a_missing_value_among_answers_is_passed_over(load: Load) -> None:
    rows = [("Who?", "None|Wegener"), ("When?", "none"), ("How?", "['null', 'NaN']")]
    found = load(table(["question", "answer"], rows))
    assert [question.answers for question in found.questions] == [("Wegener",), (), ()]
    assert [problem.partition(",")[0] for problem in found.problems] == [
        "row 3: its answer is none",
        "row 4: its answer is null",
    ]


def test_lines_that_cannot_be_used_are_told_by_their_number(load: Load) -> None:
    lines = [
        '{"question": "Who\u2028was it?", "answer": "Wegener"}',
        "",
        "{nonsense",
        "3",
        '{"question": "Who?"}',
        '{"answer": "Wegener"}',
        '{"question": "Who?", "answer": {"start": 3}}',
        '{"question": "Who?", "answer": "The"}',
        json.dumps({"question": "x" * (MAX_QUESTION_CHARS + 1), "answer": "x"}),
        "[" * 100_000,
    ]
    found = load("\n".join(lines), "questions.jsonl")
    assert [question.text for question in found.questions] == ["Who\u2028was it?"]
    assert [problem.partition(": ")[::2] for problem in found.problems] == [
        ("line 3", "it is no JSON"),
        ("line 4", "it is no object"),
        ("line 5", "it has no answer; leave it empty if the documents have none"),
        ("line 6", "The question is blank. Type a question."),
        ("line 7", "its answer is no text; give a text, or a list of texts"),
        ("line 8", "its answer has no word that an answer could be compared with"),
        ("line 9", found.problems[6].partition(": ")[2]),
        ("line 10", "it is no JSON"),
    ]
    assert "2,001 characters" in found.problems[6]


def test_what_comes_twice_is_reported_and_the_first_is_kept(load: Load) -> None:
    found = load("id,question,answer\na,Who?,Wegener\na,When?,1912\nb,Who?,Wegener\nc,Who?,Somebody else\n")
    assert [(question.question_id, question.answers) for question in found.questions] == [
        ("a", ("Wegener",)),
        ("c", ("Somebody else",)),
    ]
    assert found.problems == (
        "question a: its id was used before; the first one is kept",
        "question b: it is the same as question a, which is kept",
    )


def test_problems_are_listed_up_to_a_number_and_the_rest_counted(load: Load) -> None:
    bad = MOST_PROBLEMS + 3
    found = load("question,answer\nWho?,I\n" + ",x\n" * bad)
    lines = problem_lines(found)
    assert len(found.problems) == bad
    assert lines[:MOST_PROBLEMS] == list(found.problems[:MOST_PROBLEMS])
    assert lines[MOST_PROBLEMS:] == ["and 3 more"]
    assert problem_lines(load("question,answer\nWho?,I\n,x\n")) == ["row 3: The question is blank. Type a question."]


@pytest.mark.parametrize(("name", "message"), [("questions.xlsx", "is no dataset"), ("builtins", "the word builtin")])
def test_unknown_kind_of_file_is_refused_before_it_is_read(load: Load, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(b"PK\x03\x04\xff", name)


def test_missing_file_and_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"cannot be read .*No such file.* or the word builtin"):
        load_dataset(str(tmp_path / "gone.csv"))
    with pytest.raises(InputError, match=r"cannot be read .*Is a directory"):
        load_dataset(str(tmp_path / "folder.csv"))


@given(st.integers(1, 40), st.integers(0, 50), st.integers(0, 3))
def test_questions_are_drawn_the_same_for_a_seed_and_in_the_order_of_the_file(size: int, limit: int, seed: int) -> None:
    whole = Dataset("x.csv", tuple(make_question(number) for number in range(size)))
    if limit == 0:
        with pytest.raises(InputError, match="at least 1"):
            whole.draw(limit, seed)
        return
    drawn = whole.draw(limit, seed)
    assert len(drawn.questions) == len(set(drawn.questions)) == min(limit, size)
    assert [question for question in whole.questions if question in drawn.questions] == list(drawn.questions)
    assert whole.draw(limit, seed) == drawn


def test_another_seed_draws_other_questions_and_no_limit_draws_all() -> None:
    whole = load_dataset(BUILTIN)
    assert whole.draw(50, 0).questions != whole.draw(50, 1).questions
    assert whole.draw(None) is whole


@pytest.mark.parametrize(
    "change",
    [
        {"question_id": "other"},
        {"text": "Another?"},
        {"answers": ()},
        {"answers": ("Alfred", "Wegener")},
        {"article": "b"},
        {"type": ""},
    ],
)
def test_fingerprint_changes_with_any_label(change: dict[str, Any]) -> None:
    dataset = Dataset("x.csv", (make_question(1), make_question(2)))
    changed = replace(dataset, questions=(make_question(1), replace(make_question(2), **change)))
    assert len(dataset.fingerprint) == 16
    assert changed.fingerprint != dataset.fingerprint
    assert replace(dataset, name="y.csv", problems=("row 3: …",)).fingerprint == dataset.fingerprint


def test_fingerprint_of_documents_changes_with_their_text(load: Load) -> None:
    one, other = (load(table(["question", "answer", "context"], [("Who?", "I", text)])) for text in ("I do.", "I did."))
    assert one.documents_fingerprint != other.documents_fingerprint
    assert one.documents_fingerprint == replace(one, questions=()).documents_fingerprint


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_less_than_two_kilobytes_each(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("question,answer\n" + "".join(f"How much is {number}?,{number}\n" for number in range(100_000)))
    code = (
        "import resource, sys\nfrom evaluation.datasets import load_dataset\n"
        "peak_kb = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, found = peak_kb(), load_dataset(sys.argv[1])\nprint(len(found.questions), peak_kb() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    questions, grown_kb = map(int, done.stdout.split())
    assert questions == 100_000
    assert grown_kb < 200_000


def table(columns: list[str], rows: list[tuple[str, ...]]) -> str:
    """A table as a spreadsheet saves it."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([columns, *rows])
    return text.getvalue()
