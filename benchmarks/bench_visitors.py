"""Plain questions as visitors type them, put to the built-in corpus through the embedded profile as it ships.

    python -m benchmarks.bench_visitors [--questions FILE] [--failures] [--json]

FILE: JSON lines of `question`, `answerable` and `any_of`, of which an answer must hold one, letter case aside. Without it, the visitors'
questions of the built-in corpus. An answerable question is handled rightly if the answer holds one, an unanswerable one if it abstains.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import corpus
from backends.registry import BackendConfig, open_backend
from pipeline.types import Trace

TOP_K = 5
DEADLINE_S = 60.0
SURE = 0.6
"""Confidence from which on a wrong answer is counted as a bad one."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A question and what is right."""

    question: str
    any_of: tuple[str, ...]
    """Empty where the corpus says nothing."""


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, help="a JSON lines file; the built-in ones by default")
    parser.add_argument("--failures", action="store_true", help="print what was not handled rightly")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    visits = read_visits(options.questions) if options.questions else builtin_visits()
    with tempfile.TemporaryDirectory() as folder:
        backend = open_backend("local/embedded", BackendConfig(Path(folder)))
        backend.corpus.build()  # type: ignore[attr-defined]
        traces = [backend.answer(visit.question, top_k=TOP_K, deadline_s=DEADLINE_S) for visit in visits]
        backend.close()
    figures = measure(visits, traces)
    if options.failures:
        for visit, trace in zip(visits, traces, strict=True):
            if not handled(visit, trace):
                print(f"{confidence(trace):.2f}  {visit.question}  →  {answer(trace)}")
    print(json.dumps(figures) if options.json else "\n".join(f"{name:34} {value}" for name, value in figures.items()))


def read_visits(path: Path) -> list[Visit]:
    """The questions of a file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Visit(row["question"], tuple(row["any_of"]) if row["answerable"] else ()) for row in rows]


def builtin_visits() -> list[Visit]:
    """Those of the built-in corpus; the file `visitors` holds them."""
    return [Visit(q.question, q.answers) for q in corpus.questions() if q.question_id.startswith("visitors-")]


def measure(visits: Sequence[Visit], traces: Sequence[Trace]) -> dict[str, float | int]:
    """The figures."""
    right = [handled(visit, trace) for visit, trace in zip(visits, traces, strict=True)]
    shown = [trace.generation is not None and not trace.generation.abstained for trace in traces]
    sure_and_wrong = sum(
        is_shown and not is_right and confidence(trace) >= SURE
        for is_shown, is_right, trace in zip(shown, right, traces, strict=True)
    )
    return {
        "questions": len(visits),
        "handled rightly": round(sum(right) / len(visits), 3),
        "answered": sum(shown),
        f"wrong answers at {SURE:.0%} or more": sure_and_wrong,
    }


def handled(visit: Visit, trace: Trace) -> bool:
    """Whether the answer holds what it must, or is withheld where there is none."""
    generation = trace.generation
    if generation is None or generation.abstained:
        return generation is not None and not visit.any_of
    return any(text.casefold() in generation.answer.casefold() for text in visit.any_of)


def answer(trace: Trace) -> str:
    """What was shown."""
    return "failed" if trace.generation is None else trace.generation.answer


def confidence(trace: Trace) -> float:
    """Of what was shown; 0 where none is given."""
    found = None if trace.generation is None else trace.generation.confidence
    return 0.0 if found is None else found.value


if __name__ == "__main__":
    main()
