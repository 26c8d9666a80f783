"""Questions written from the built-in corpus: how many are kept and rejected and why, whether the check tells wrong ones, and how often the
pipeline finds the gold answer.

python -m benchmarks.bench_synthetic [--count N] [--seed N] [--show N]
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.config import Settings
from app.runs.synthesis import SynthesisPlan, SynthesisStep
from app.services import Services
from evaluation.curated import DatasetRow
from evaluation.datasets import load_dataset
from evaluation.synthesis.checking import check_draft, open_reader
from evaluation.synthesis.drafts import Draft
from explain.gold import Gold
from pipeline.types import Chunk

BACKEND = "local/embedded"


def main() -> None:
    """Write, check wrong questions as a control, then ask them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="questions to keep")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument("--show", type=int, default=30, help="questions to print, drawn at random, to be looked at")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        services = Services(replace(Settings(), data_dir=Path(folder), backend=BACKEND))
        try:
            started = time.monotonic()
            plan = SynthesisPlan("synthetic", BACKEND, "builtin", arguments.count, arguments.seed)
            *_, last = services.synthesis.write(plan)
            print_written(last, time.monotonic() - started)
            rows = services.evaluations.datasets.rows("synthetic")
            print_controls(services, rows, arguments.seed)
            print_asked(services)
            print_drawn(rows, arguments.show, arguments.seed)
        finally:
            services.close()


def print_written(step: SynthesisStep, seconds: float) -> None:
    """Kept, rejected and why, spread."""
    tally = step.tally
    rows = [each.row for each in tally.kept if each.row is not None]
    documents = Counter(row.article for row in rows)
    print(f"{len(rows):,} of {tally.wanted:,} kept, {sum(tally.rejected.values()):,} rejected, {seconds:.0f} s")
    for reason, number in tally.rejected.most_common():
        print(f"  {number:>4} rejected: {reason}")
    print(
        f"  by type: {', '.join(f'{kind} {number}' for kind, number in Counter(row.type for row in rows).most_common())}"
    )
    print(
        f"  {len(documents)} documents, at most {max(documents.values())} questions of one; {sum(row.hard for row in rows)} marked hard"
    )


def print_controls(services: Services, rows: Sequence[DatasetRow], seed: int) -> None:
    """What the check says of kept questions over another document's chunk, and with another question's answer as gold."""
    reader, draw = open_reader(), random.Random(seed)
    corpus = services.backends.corpus(BACKEND)
    assert corpus is not None
    chunks: dict[str, list[Chunk]] = {}
    for each in corpus.index.chunks_at(range(corpus.index.opened().vectors.size)):
        chunks.setdefault(each.document_id, []).append(each.unranked(1))
    rejected: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for row in draw.sample(list(rows), min(60, len(rows))):
        other = draw.choice([each for each in rows if each.article != row.article])
        draft = Draft(row.question, row.answers, "FACT", "")
        wrong = {
            "over another document's chunk": (draft, draw.choice(chunks[other.article])),
            "with another question's gold answer": (
                replace(draft, answers=other.answers),
                draw.choice(chunks[row.article]),
            ),
        }
        for name, (control, chunk) in wrong.items():
            tried[name] += 1
            rejected[name] += bool(check_draft(control, chunk, reader, lambda question, top_k: []).problem)
    for name, number in tried.items():
        print(f"  control, {name}: {rejected[name]} of {number} rejected")


def print_asked(services: Services) -> None:
    """How often the pipeline's answer holds the gold answer, in all and by type."""
    dataset = load_dataset(services.evaluations.datasets.resolve("synthetic"))
    backend = services.backends.open(BACKEND)
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    found = 0
    for question in dataset.questions:
        trace = backend.answer(question.text, top_k=5, deadline_s=60.0)
        answer = trace.generation
        assert answer is not None
        gold = Gold(question.answers, question.article)
        asked[question.type] += 1
        right[question.type] += gold.agrees(answer.answer, answer.abstained)
        found += bool(gold.places(trace.chunks))
    total, count = sum(right.values()), len(dataset.questions)
    print(
        f"asked of {BACKEND}: gold answer found in {total} of {count} ({total / count:.1%}); gold chunk among 5: {found / count:.1%}"
    )
    print(f"  {', '.join(f'{kind} {right[kind]}/{number}' for kind, number in sorted(asked.items()))}")


def print_drawn(rows: Sequence[DatasetRow], count: int, seed: int) -> None:
    """Some of them, to be looked at by a person."""
    for row in random.Random(seed).sample(list(rows), min(count, len(rows))):
        print(f"  {row.type:<10} {row.question} → {row.answers[0]}")


if __name__ == "__main__":
    main()
