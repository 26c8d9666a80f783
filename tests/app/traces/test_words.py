"""Plain text for the shell."""

from dataclasses import replace

from app.traces.words import told_pairs, trace_text
from pipeline.types import Span
from tests.factories import make_chunk, make_failed_trace, make_generation, make_spans, make_trace
from tests.trees import make_foreign_trace, make_large_tree

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
    inside = tuple(replace(span, parent_id="gateway") for span in make_spans())  # 8 + 2 + 25 ms
    network, gateway = Span("network", 0.0, 60.0), Span("gateway", 10.0, 40.0, parent_id="network")
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


def test_long_chunk_is_one_line() -> None:
    text = trace_text(make_trace(chunks=(make_chunk(text="word " * 500),)))
    [line] = [line for line in text.splitlines() if "word" in line]
    assert len(line) == 100
    assert line.endswith(" …")


def test_the_line_of_a_chunk_ends_with_its_file_unless_it_is_built_in() -> None:
    chunks = (
        make_chunk(text="word " * 500, source="/t/notes/pump.md"),
        make_chunk(text="short", source="a.zip!/b.md", rank=2),
        make_chunk(text="within", source="built-in", rank=3),
    )
    found = trace_text(make_trace(chunks=chunks)).partition("Chunks (cosine; ordered by all scores)\n")[2].splitlines()
    assert len(found[0]) == 100
    assert found[0].endswith(" …  [pump.md]")
    assert found[1].endswith(": short  [b.md]")
    assert found[2].endswith(": within")


def test_text_without_spaces_is_cut_and_not_dropped() -> None:
    assert "大陸" in trace_text(make_trace(chunks=(make_chunk(text="大陸移動説" * 100),)))


def test_a_large_tree_of_another_application_is_printed_in_few_lines() -> None:
    text = trace_text(make_foreign_trace(spans=make_large_tree(10_000), duration_ms=10_000.0))
    spans = text.partition("\nSpans\n")[2].splitlines()
    assert len(spans) < 60
    assert any(line.startswith("    retrieve ×4,999 +") for line in spans)
    assert "unaccounted" not in text


def test_what_another_application_did_not_send_is_said() -> None:
    text = trace_text(make_foreign_trace(question=ESCAPES, user=ESCAPES, service=ESCAPES))
    assert "Documents (their application's scores)" in text
    assert "2.   —    Shipping: no text was sent" in text
    assert "ChatOpenAI (failed)" in text
    assert "RetrievalQA itself (error inside)" in text
    assert all(char == "\n" or char.isprintable() for char in text)


def test_metadata_that_holds_others_is_told_path_by_path() -> None:
    told = told_pairs({"top_k": 4, "seed": None, "resources": {"shop": {"host.name": "a", "pids": [1, 2]}}, "list": []})
    assert told == {
        "top_k": "4",
        "seed": "—",
        "resources, shop, host.name": "a",
        "resources, shop, pids": "1, 2",
        "list": "—",
    }
