"""docs/ingest.md shows lines that the examples have, and says of each sender what its recording holds."""

import re
from pathlib import Path

import pytest

from metrics.otlp.assembly import assemble
from tests.otlp.recordings import RECORDED, question_spans, told_of_senders, what_arrived

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "ingest.md").read_text("utf-8")
SENDERS = re.findall(r"`docs/examples/(\w+)\.py`[^`]*```python\n(.*?)```", PAGE, re.DOTALL)
ROWS = told_of_senders()


@pytest.mark.parametrize(("name", "block"), SENDERS)
def test_lines_of_the_page_are_the_examples(name: str, block: str) -> None:
    example = (DOCS / "examples" / f"{name}.py").read_text("utf-8").splitlines()
    assert [line for line in block.splitlines() if not any(have.startswith(line) for have in example)] == []


def test_page_has_every_example() -> None:
    examples = sorted(path.stem for path in (DOCS / "examples").glob("*_rag.py"))
    assert sorted(name for name, _ in SENDERS) == sorted(ROWS) == examples


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".pb.gz") for path in RECORDED.glob("*.pb.gz")))
def test_page_says_what_arrives(name: str) -> None:
    assert ROWS[name] == what_arrived(assemble(question_spans(name)))
