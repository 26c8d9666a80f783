"""docs/ingest.md shows lines that the examples have, and says of each sender what its recording holds."""

import re
from pathlib import Path

import pytest

from metrics.otlp.assembly import assemble
from tests.otlp.recordings import RECORDED, question_spans

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "ingest.md").read_text("utf-8")
SENDERS = re.findall(r"`docs/examples/(\w+)\.py`[^`]*```python\n(.*?)```", PAGE, re.DOTALL)
ROWS = {name: cells.split(" | ") for name, cells in re.findall(r"^\| `(\w+_rag)` \| (.*) \|$", PAGE, re.MULTILINE)}


@pytest.mark.parametrize(("name", "block"), SENDERS)
def test_lines_of_the_page_are_the_examples(name: str, block: str) -> None:
    example = (DOCS / "examples" / f"{name}.py").read_text("utf-8").splitlines()
    assert [line for line in block.splitlines() if not any(have.startswith(line) for have in example)] == []


def test_page_has_every_example() -> None:
    examples = sorted(path.stem for path in (DOCS / "examples").glob("*_rag.py"))
    assert sorted(name for name, _ in SENDERS) == sorted(ROWS) == examples


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".pb.gz") for path in RECORDED.glob("*.pb.gz")))
def test_page_says_what_arrives(name: str) -> None:
    trace = assemble(question_spans(name))
    assert trace.generation is not None
    found = (
        {chunk.chunk_id for chunk in trace.chunks} == {"refunds", "cards"},
        all(chunk.text for chunk in trace.chunks),
        all(chunk.score is not None for chunk in trace.chunks),
        all(chunk.title for chunk in trace.chunks),
        len(trace.retrieved) > 0,
        trace.generation.prompt is not None,
        trace.generation.prompt_tokens > 0,
        any(span.stage == "embed" for span in trace.spans),
        trace.session != "",
    )
    assert ROWS[name] == ["yes" if there else "–" for there in found]
