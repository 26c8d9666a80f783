"""Templates write what they say, tell whose words are whose, and are found again from what a trace records of them."""

from pathlib import Path

import pytest

from backends.fake import CHUNKS, Script, ScriptedBackend
from pipeline.errors import InputError
from pipeline.prompts import (
    DEFAULT,
    PromptTemplate,
    asking_as_recorded,
    asking_with,
    describe_prompt,
    prompt_of,
    read_prompt,
    recorded_prompt,
)
from pipeline.types import Chunk

SHORT = PromptTemplate("short", "{context}\n\nQ: {question}\nA:")
MARS = Chunk("m", "d", "Mars", "It is red.", 0.9, 1, section=("Colour",))
MOON = Chunk("n", "d", "Moon", "", 0.8, 2)


def test_usual_prompt_is_the_one_that_flan_t5_was_tuned_with() -> None:
    """Word for word: the SQuAD 2 prompt of the Flan Collection, chunks numbered, then the question."""
    assert DEFAULT.write("What is it?", [MARS, MOON]).text == (
        'Read this and answer the question. If the question is unanswerable, say "unanswerable".\n\n'
        "[1] Mars › Colour\nIt is red.\n\n[2] Moon\n\n\nWhat is it?"
    )
    assert DEFAULT.write("What is it?", []).text == (
        'Read this and answer the question. If the question is unanswerable, say "unanswerable".\n\nWhat is it?'
    )


@pytest.mark.parametrize(
    ("text", "told", "alone"),
    [
        ("{question}", "q", "q"),
        ("{context}\n\n{question}", "[1] Mars › Colour\nIt is red.\n\nq", "q"),
        ("{question}\n\n{context}", "q\n\n[1] Mars › Colour\nIt is red.", "q"),
        ("Use {context} for {question}.", "Use [1] Mars › Colour\nIt is red. for q.", "Use  for q."),
        ('{"q": "{question}"} {x} {{', '{"q": "q"} {x} {{', '{"q": "q"} {x} {{'),
    ],
)
def test_template_writes_what_it_says_with_and_without_chunks(text: str, told: str, alone: str) -> None:
    prompt = PromptTemplate("p", text)
    assert prompt.write("q", [MARS]).text == told
    assert prompt.write("q", []).text == alone


def test_question_and_chunks_are_never_read_as_places() -> None:
    nasty = Chunk("x", "d", "{question}", "{context} {question}", 0.5, 1)
    assert SHORT.write("{context}", [nasty]).text == "[1] {question}\n{context} {question}\n\nQ: {context}\nA:"


@pytest.mark.parametrize("prompt", [DEFAULT, SHORT, PromptTemplate("last", "{question} {context}")])
def test_spans_are_each_chunks_heading_and_text(prompt: PromptTemplate) -> None:
    chunks = [MARS, MOON, MARS, *[Chunk(f"c{n}", "d", "[1] x", "[2]\n\n", 0.1, n) for n in range(4, 14)]]
    written = prompt.write("[1] Mars", chunks)
    assert [written.text[start:end] for start, end in written.spans] == [f"{c.heading}\n{c.text}" for c in chunks]


def test_chunks_that_a_template_leaves_out_stand_nowhere() -> None:
    assert PromptTemplate("bare", "{question}").write("q", [MARS, MOON]).spans == ((0, 0), (0, 0))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p", "{context}", r"lacks \{question\}"),
        ("p", "", r"lacks \{question\}"),
        ("p", "{question} {question}", r"holds \{question\} 2 times"),
        ("p", "{question} {context}{context}", r"holds \{context\} 2 times"),
        ("p", "{question}" + "x" * 20_000, "20,010 characters"),
        ("p", "{question}\0", "NUL"),
        ("p", "{question}\ud800", "half a character"),
        ("a b", "{question}", "cannot be called 'a b'"),
        ("a@b", "{question}", "cannot be called"),
        ("", "{question}", "cannot be called"),
        ("x" * 61, "{question}", "cannot be called"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        PromptTemplate(name, text)


def test_version_follows_name_and_text() -> None:
    """The hash is SHA-256's first eight digits, here of `{question}`, by sha256sum."""
    assert PromptTemplate("p", "{question}").version == "p@bf085a6e"
    assert (
        len(
            {PromptTemplate(*each).version for each in (("p", "{question}"), ("q", "{question}"), ("p", "{question}!"))}
        )
        == 3
    )


def test_file_is_a_template_called_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "very short (2).txt"
    path.write_bytes(b"{context}\r\n\r\n{question}\r\n")
    assert read_prompt(path) == PromptTemplate("very-short-2", "{context}\n\n{question}")
    path.write_bytes(b"\xff{question}")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_prompt(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_prompt(tmp_path / "gone.txt")


@pytest.mark.parametrize("prompt", [DEFAULT, SHORT, PromptTemplate("default", "{question}")])
def test_template_is_found_again_from_what_is_recorded(prompt: PromptTemplate) -> None:
    assert recorded_prompt(describe_prompt(prompt)) == prompt


def test_record_that_does_not_fit_its_text_is_refused() -> None:
    assert recorded_prompt({}) is None
    with pytest.raises(InputError, match="is another one"):
        recorded_prompt({**describe_prompt(SHORT), "prompt_text": "{question}"})
    with pytest.raises(InputError, match=r"lacks \{question\}"):
        recorded_prompt({"prompt": "default@00000000"})


def test_backend_asks_with_a_template_and_is_itself_as_it_was() -> None:
    backend = ScriptedBackend(Script(prompt=DEFAULT))
    other = asking_with(backend, SHORT)
    trace = other.answer("q", top_k=1, deadline_s=9)
    assert trace.generation is not None
    assert trace.generation.prompt == SHORT.write("q", CHUNKS[:1]).text
    assert recorded_prompt(trace.settings) == SHORT
    assert prompt_of(backend) == DEFAULT
    assert asking_with(backend, None) is asking_with(backend, DEFAULT) is backend


def test_trace_is_asked_about_with_its_own_template() -> None:
    backend = ScriptedBackend(Script(prompt=SHORT))
    assert prompt_of(asking_as_recorded(backend, describe_prompt(DEFAULT))) == DEFAULT
    assert prompt_of(asking_as_recorded(backend, describe_prompt(SHORT))) == SHORT
    # A trace of before templates were recorded.
    assert prompt_of(asking_as_recorded(backend, {"top_k": 3})) == DEFAULT
    silent = ScriptedBackend()
    assert asking_as_recorded(silent, {}) is silent


def test_generator_that_reads_no_prompt_refuses_one() -> None:
    with pytest.raises(InputError, match="reads no prompt"):
        asking_with(ScriptedBackend(), SHORT)
