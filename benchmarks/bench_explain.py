"""What explaining an answer costs and whether it holds, on the embedded profile and the built-in questions; ratios within this run."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import corpus
from app.config import Settings
from app.services import Services
from explain import context_cite, faithfulness
from explain.explanation import Explanation, explain_trace, read_chunks, scored_answer
from explain.lattice import scoring_order, subset_mask
from pipeline.types import Trace

QUESTIONS = 60
HELD_OUT = 16
"""Subsets on which a surrogate is judged that was fitted on the others."""

SHELL_RUNS = 5


def explained(trace: Trace, backend) -> Explanation:
    """The whole explanation."""
    *_, last = explain_trace(trace, backend)
    return last


def timed(work) -> tuple[float, object]:
    """Milliseconds of a call, and what it returned."""
    began = time.perf_counter()
    found = work()
    return (time.perf_counter() - began) * 1000, found


def one_by_one(trace: Trace, backend) -> None:
    """Every subset in a call of its own, as one would without batching."""
    chunks, answer = read_chunks(trace), scored_answer(trace)
    for subset in scoring_order(len(chunks)):
        backend.score_answer(
            trace.question, [[chunk for place, chunk in enumerate(chunks) if subset >> place & 1]], answer
        )


def rankings(found: Explanation, seed: int) -> dict[str, np.ndarray]:
    """What each method says of the chunks, (k,); ContextCite from as many subsets as are not held out."""
    masks, values = subset_mask(len(found.chunks)), found.lattice.values
    kept = np.random.default_rng(seed).permutation(len(masks))[HELD_OUT:]
    surrogate = context_cite.fit_surrogate(masks[kept], values[kept], len(found.lattice.tokens), resamples=0)
    return {
        "Shapley": found.shapley_nats,
        "leave-one-out": found.leave_one_out_nats,
        f"ContextCite, {len(kept)} subsets": surrogate.weights,
        "retriever's order": -np.arange(len(found.chunks), dtype=float),
    }


def quality(found: list[Explanation]) -> dict[str, tuple[float, float, float]]:
    """By method: mean LDS over held-out subsets, and mean drop without the best one and the best three, as a share of the reliance."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for seed, each in enumerate(found):
        masks, values = subset_mask(len(each.chunks)), each.lattice.values
        held = np.random.default_rng(seed).permutation(len(masks))[:HELD_OUT]
        for name, weights in rankings(each, seed).items():
            score = faithfulness.datamodeling_score(weights, masks[held], values[held])
            drops = [faithfulness.top_drop(weights, values, top) / each.reliance_nats for top in (1, 3)]
            rows.setdefault(name, []).append((np.nan if score is None else score, *drops))
        drops = [faithfulness.random_drop(values, top) / each.reliance_nats for top in (1, 3)]
        rows.setdefault("at random", []).append((np.nan, *drops))
    return {name: tuple(mean_known(column) for column in zip(*values, strict=True)) for name, values in rows.items()}


def mean_known(values: Sequence[float]) -> float:
    """The mean of what is a number; not a number where nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return statistics.fmean(known) if known else float("nan")


def shell_seconds(folder: Path, trace_ids: list[str]) -> dict[str, float]:
    """Median wall time of a process that does nothing, of `raglass explain` for traces not explained before, and for the same again."""
    explain = ["-c", "from app.shell.main import main; main()", "explain"]
    commands = {
        "python -c pass": [["-c", "pass"] for _ in trace_ids],
        "raglass explain, first": [[*explain, trace_id] for trace_id in trace_ids],
        "raglass explain, again": [[*explain, trace_id] for trace_id in trace_ids],
    }

    def run(arguments: list[str]) -> None:
        subprocess.run(
            [sys.executable, *arguments],
            cwd=Path(corpus.__file__).parent.parent,
            env={**os.environ, "RAGLASS_DATA_DIR": str(folder)},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    return {
        name: statistics.median(timed(lambda each=each: run(each))[0] / 1000 for each in runs)
        for name, runs in commands.items()
    }


def main() -> None:
    """Ask, explain, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    wanted = parser.parse_args().questions
    asked = [question.question for question in corpus.questions() if question.answerable]
    asked = asked[:: max(1, len(asked) // wanted)][:wanted]
    with tempfile.TemporaryDirectory() as folder:
        services = Services(replace(Settings(), data_dir=Path(folder)))
        backend = services.backends.open("local/embedded")
        traces = [services.asking.ask(services.asking.question(question)).trace for question in asked]
        answering = [trace.duration_ms for trace in traces]
        whole = [timed(lambda trace=trace: explained(trace, backend)) for trace in traces]
        single = [timed(lambda trace=trace: one_by_one(trace, backend))[0] for trace in traces]
        services.close()
        shell = shell_seconds(Path(folder), [trace.trace_id for trace in traces[:SHELL_RUNS]])
    took = [each for each, _ in whole]
    middle, high = statistics.median(took), sorted(took)[int(0.95 * (len(took) - 1))]
    print(f"{len(traces)} questions, 5 chunks, 32 subsets each")
    print(f"whole lattice           p50 {middle:.3g} ms, p95 {high:.3g} ms")
    print(
        f"  of answering          {middle / statistics.median(answering):.3g} of its {statistics.median(answering):.3g} ms (p50)"
    )
    print(
        f"  one call a subset     {statistics.median(single) / middle:.3g} times as long ({statistics.median(single):.3g} ms)"
    )
    bare = shell["python -c pass"]
    for name, taken in shell.items():
        print(f"{name:<24}p50 {taken:.3g} s, {taken / bare:.3g} times a bare python")
    attributable = [found for _, found in whole if found.attributable and found.reliance_nats > 0]
    print(f"\n{len(attributable)} of them attributable, with reliance above 0; LDS on {HELD_OUT} held-out subsets")
    print(f"{'':<24}{'LDS':>8}{'top 1':>8}{'top 3':>8}   (drop as a share of the reliance)")
    for name, (score, first, third) in quality(attributable).items():
        print(f"{name:<24}{'—' if np.isnan(score) else f'{score:.3f}':>8}{first:>8.3f}{third:>8.3f}")


if __name__ == "__main__":
    main()
