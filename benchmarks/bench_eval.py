"""Whether run against run keeps its promises over simulated pairs, and what a run costs beside answering, on the embedded profile."""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from app.config import Settings
from app.runs.record import RunPlan
from app.services import Services
from evaluation.datasets import BUILTIN, load_dataset
from evaluation.paired import bca_interval, gather, mcnemar_p, questions_needed, sign_flip_p
from evaluation.verdict import Difference, judge

PAIRS = 1_000
QUESTIONS = 500
ROUNDS = 3
DISCORDANCE, DIFFERENCE = 0.10, 0.05
ARTICLES, PER_ARTICLE = 40, 8


def alone(rng: np.random.Generator, lost: float, gained: float, count: int) -> np.ndarray:
    """Differences of `count` independent questions, of which these shares change sides."""
    return rng.choice([-1.0, 0.0, 1.0], count, p=[lost, 1 - lost - gained, gained])


def together(rng: np.random.Generator) -> np.ndarray:
    """Differences without any effect, of articles whose questions change sides the same way."""
    direction = np.repeat(rng.choice([-1.0, 1.0], ARTICLES), PER_ARTICLE)
    return np.where(rng.random(len(direction)) < 2 * DISCORDANCE, direction, 0.0)


def simulate(
    draw: Callable[[np.random.Generator], np.ndarray], clusters: Sequence[str], pairs: int
) -> dict[str, float]:
    """Shares of simulated pairs: significant by either test, true difference covered, each verdict on a tolerated drop of 2 points."""
    counts = dict.fromkeys(("sign flips", "McNemar", "0 in interval", "safe", "not safe"), 0)
    for seed in range(pairs):
        found = draw(np.random.default_rng(seed))
        data, gained, lost = gather(clusters, found), int(np.sum(found > 0)), int(np.sum(found < 0))
        p, (low, high) = sign_flip_p(data, seed=seed), bca_interval(data, seed=seed)
        counts["sign flips"] += p < 0.05
        counts["McNemar"] += mcnemar_p(gained, lost) < 0.05
        counts["0 in interval"] += low <= 0 <= high
        difference = Difference(
            "correct",
            len(found),
            len(data.sums),
            0.8,
            0.8 + data.mean,
            data.mean,
            low,
            high,
            p,
            p_adjusted=p,
            gained=gained,
            lost=lost,
        )
        outcome = judge(difference).outcome
        if outcome in counts:
            counts[outcome] += 1
    return {name: number / pairs for name, number in counts.items()}


def exact_power(count: int, lost: float, gained: float) -> float:
    """Probability that McNemar's exact test is significant, summed over every outcome."""
    changed = np.arange(count + 1)
    weights = stats.binom.pmf(changed, count, lost + gained)
    total = 0.0
    for number, weight in zip(changed, weights, strict=True):
        if weight < 1e-12:
            continue
        split = np.arange(number + 1)
        rejected = np.array([mcnemar_p(int(each), int(number - each)) < 0.05 for each in split])
        total += weight * float(np.sum(stats.binom.pmf(split, number, gained / (lost + gained))[rejected]))
    return total


def print_promises(pairs: int) -> None:
    """False alarms and power."""
    count = questions_needed(DIFFERENCE, DISCORDANCE)
    half, (lost, gained) = DISCORDANCE / 2, ((DISCORDANCE + DIFFERENCE) / 2, (DISCORDANCE - DIFFERENCE) / 2)
    single = [f"{number:04}" for number in range(count)]
    grouped = [f"{number:04}" for number in np.repeat(range(ARTICLES), PER_ARTICLE)]
    rows = {
        "like against like": simulate(lambda rng: alone(rng, half, half, count), single, pairs),
        f"{DIFFERENCE * 100:.0f} points worse": simulate(lambda rng: alone(rng, lost, gained, count), single, pairs),
        f"like, {ARTICLES} articles of {PER_ARTICLE}": simulate(together, grouped, pairs),
    }
    print(
        f"{pairs:,} simulated pairs of {count} questions, {DISCORDANCE * 100:.0f} % of which change sides; shares of pairs"
    )
    print(f"{'':<26}" + "".join(f"{name:>15}" for name in next(iter(rows.values()))))
    for name, shares in rows.items():
        print(f"{name:<26}" + "".join(f"{share:>15.3f}" for share in shares.values()))
    error = 2 * np.sqrt(0.05 * 0.95 / pairs), 2 * np.sqrt(0.8 * 0.2 / pairs)
    print(
        f"theory: false alarms at most 0.050 ± {error[0]:.3f}, exactly {exact_power(count, half, half):.3f} where independent;"
    )
    print(
        f"  power 0.800 ± {error[1]:.3f} (Connor 1987), exactly {exact_power(count, lost, gained):.3f}; 0 in the interval 0.950"
    )


def ask_one_by_one(services: Services, texts: Sequence[str]) -> float:
    """Seconds of the plain loop."""
    backend, settings = services.backends.open("local/embedded"), services.settings
    began = time.perf_counter()
    for text in texts:
        backend.answer(text, top_k=settings.top_k, deadline_s=settings.deadline_s)
    return time.perf_counter() - began


def run_once(services: Services, plan: RunPlan) -> tuple[float, float]:
    """Seconds of a stored run from its first question on, and what the backend took of them, added up over the workers."""
    backend, spent = services.backends.open(plan.backend), []
    for name in ("answer", "answer_batch"):
        setattr(backend, name, timed(getattr(backend, name), spent))
    began = time.perf_counter()
    for step in services.evaluations.run(plan):
        if step.progress is None:
            began = time.perf_counter()
    return time.perf_counter() - began, sum(spent)


def timed(call: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """The same call, which adds its seconds to `spent`."""

    def timed_call(*given: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(*given, **options)
        finally:
            spent.append(time.perf_counter() - began)

    return timed_call


@contextmanager
def fresh(folder: Path, *, known: bool = False) -> Iterator[Services]:
    """Services whose backend is open and warm. known: whether it may find the vectors of questions that were asked before."""
    services = Services(replace(Settings(), data_dir=folder))
    if not known:
        shutil.rmtree(folder / "vectors" / "questions", ignore_errors=True)
    services.backends.open("local/embedded").answer("Is anyone there?", top_k=5, deadline_s=30)
    try:
        yield services
    finally:
        services.close()


def print_cost(questions: int) -> None:
    """Questions a second of the loop and of the runner, in turns, and the runner's own share."""
    texts = [each.text for each in load_dataset(BUILTIN).draw(questions).questions]
    plan = RunPlan(BUILTIN, "local/embedded", 5, 30, limit=questions)
    ways = {
        "run": (plan, False),
        "run again": (plan, True),
        "run, 1 a batch": (replace(plan, batch=1), False),
        "run, 2 workers": (replace(plan, workers=2), False),
    }
    loop: list[float] = []
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    peak_mb = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            with fresh(Path(folder)) as services:
                loop.append(ask_one_by_one(services, texts))
            for name, (way, known) in ways.items():
                with fresh(Path(folder), known=known) as services:
                    runs[name].append(run_once(services, way))
                    peak_mb = peak_mb or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain = statistics.median(loop)
    print(f"\n{len(texts)} questions on local/embedded, median of {ROUNDS} rounds; `again` finds their vectors on disk")
    print(f"{'one by one':<26}{len(texts) / plain:>8.3g} questions a second")
    for name, found in runs.items():
        wall = statistics.median(each for each, _ in found)
        line = f"{name:<26}{len(texts) / wall:>8.3g} questions a second, {plain / wall:.3g} times"
        if ways[name][0].workers == 1:
            own = statistics.median((each - spent) / each for each, spent in found)
            own_ms = statistics.median((each - spent) * 1000 / len(texts) for each, spent in found)
            line += f"; its own share of the time {own:.1%}, {own_ms:.3g} ms a question".replace("%", " %")
        print(line)
    print(f"{'peak memory':<26}{peak_mb:>8.3g} MB, of this process until the first run was done")


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    arguments = parser.parse_args()
    print_promises(arguments.pairs)
    print_cost(arguments.questions)


if __name__ == "__main__":
    main()
