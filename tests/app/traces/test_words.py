"""Plain text for the shell."""

from dataclasses import replace

from app.documents.indexing import Added, JobState
from app.traces.words import index_text, printable, progress_text, trace_text
from backends.local.build import Progress
from pipeline.types import Span
from tests.factories import make_chunk, make_failed_trace, make_generation, make_spans, make_trace

ESCAPES = "\x1b[31mred\x07\x9b2J\u202ebackwards\r"


def test_trace_shows_answer_confidence_chunks_and_stages_that_add_up() -> None:
    text = trace_text(make_trace())
    assert text.startswith("Alfred Wegener proposed continental drift in 1912.\nHigh confidence, 91 %.")
    assert "  1. 0.870  Continental drift: Alfred Wegener" in text
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith("  ") and "ms" in line}
    assert lines["generate"] == ["25.0", "ms", "69", "%"]  # 25 of 36
    assert lines["unaccounted"] == ["1.00", "ms", "3", "%"]  # 36 − 8 − 2 − 25
    assert lines["total"] == ["36.0", "ms", "100", "%"]


def test_stages_inside_others_are_indented_and_own_times_add_up() -> None:
    inside = tuple(replace(span, parent="gateway") for span in make_spans())  # 8 + 2 + 25 ms
    network, gateway = Span("network", 0.0, 60.0), Span("gateway", 10.0, 40.0, parent="network")
    text = trace_text(make_trace(spans=(network, gateway, *inside), duration_ms=62.0))
    rows = [line for line in text.partition("\nStages\n")[2].splitlines() if " ms " in line]
    assert [row[:28].rstrip() for row in rows] == [
        "  network itself",
        "    gateway itself",
        "      embed",
        "      retrieve",
        "      generate",
        "  unaccounted",
        "  total",
    ]
    assert [float(row.split(" ms")[0].split()[-1]) for row in rows] == [20, 5, 8, 2, 25, 2, 62]


def test_failed_trace_shows_the_error_and_the_failed_stage() -> None:
    text = trace_text(make_failed_trace())
    assert text.startswith("Timeout in generate: The question's deadline passed.")
    assert "generate (failed)" in text


def test_no_text_of_a_document_acts_on_the_terminal() -> None:
    trace = make_trace(
        question=ESCAPES, chunks=(make_chunk(text=ESCAPES, title=ESCAPES),), generation=make_generation(ESCAPES)
    )
    text = trace_text(trace)
    assert all(char == "\n" or char.isprintable() for char in text)
    assert "red" in text


def test_file_name_does_not_act_on_the_terminal() -> None:
    assert "\x1b" not in progress_text(JobState(file=ESCAPES, files_total=1))


def test_ordinary_text_is_printed_as_it_is() -> None:
    text = "Ünïcode, 日本語, مرحبا, 😀\n\tindented"
    assert printable(text) == text


def test_long_chunk_is_one_line() -> None:
    text = trace_text(make_trace(chunks=(make_chunk(text="word " * 500),)))
    [line] = [line for line in text.splitlines() if "word" in line]
    assert len(line) == 100
    assert line.endswith(" …")


def test_text_without_spaces_is_cut_and_not_dropped() -> None:
    assert "大陸" in trace_text(make_trace(chunks=(make_chunk(text="大陸移動説" * 100),)))


def test_progress_tells_the_step_and_what_is_left() -> None:
    assert progress_text(JobState(file="a.txt", files_done=1, files_total=3)) == "Reading file 2 of 3: a.txt"
    state = JobState(phase="indexing", progress=Progress("embed", 1_000, 2_000, 65.0))
    assert progress_text(state) == "Chunks and sentences with a vector: 1,000 of 2,000, about 60 s left"
    assert progress_text(JobState(phase="indexing")) == "Indexing …"
    assert progress_text(JobState()) == "Reading …"


def test_outcome_counts_what_became_of_the_files() -> None:
    outcome = Added(added=2, replaced=1, unchanged=3, errors=[("x", "broken")])
    text = index_text(JobState(phase="stopped", files_total=7, outcome=outcome), passed_over=1)
    assert text.splitlines() == [
        "2 documents added, 1 replaced, 3 unchanged, 1 failed",
        "1 file passed over: hidden, or of a kind that is not read",
        "Stopped. The previous index is in place; run `raglass index` to go on from here.",
    ]
