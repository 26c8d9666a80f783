"""The lattice of all chunk subsets beside the package context-cite: one model, one prompt, one answer; ratios within this run.

    python -m benchmarks.bench_context_cite [--squad PATH] [--questions N] [--threads N] [--cache DIR]

SmolLM2 reads five paragraphs of a SQuAD article, each cut to a few sentences' length, one of them around the answer. Needs
`make oracles`. Nothing is saved but the unpacked model.
"""

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from backends.local.research.generator import ResearchGenerator
from benchmarks.bench_explain import mean_known
from benchmarks.labelled import SQUAD, Dataset, Question, read_squad
from benchmarks.metered import Cost, meter
from benchmarks.reference import Citer
from explain import attribution, faithfulness
from explain.explained import NOT_ATTRIBUTABLE_NATS
from explain.lattice import FloatArray, scoring_order, subset_mask
from pipeline.types import Chunk, GenerateOptions, Generation

CHUNKS = 5
QUESTIONS = 12
"""What a quarter of an hour is enough for where nothing else runs; all take a minute or more each."""
COMPARED = 3
"""Questions on which every subset is also scored in calls of its own."""
CHUNK_CHARACTERS = 300
MOST_PROMPT_TOKENS = 500
MOST_ANSWER_TOKENS = 16
SEED = 0
LATTICE = "our lattice, 32 subsets in one call"
OTHER_WAYS = {
    "lattice": LATTICE,
    "eights": "eight subsets a call, as on the page",
    "passes": "one subset a call, one pass each",
    "steps": "one subset a call, as generate writes",
}
NOTHING_SEEN = np.zeros(2**CHUNKS, np.bool_)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what was read, and the answer that is explained."""

    question: str
    chunks: list[Chunk]
    answer: str
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One method's attribution of one answer."""

    weights: FloatArray
    """(k,)."""
    seen: np.ndarray
    """(2^k,): subsets whose scores it was made from."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything measured on one answer."""

    game: FloatArray
    """(2^k,): v of every subset, nats."""
    methods: dict[str, Judged]
    costs: dict[str, Cost]
    apart_nats: float
    """The largest difference between our score of a subset and anyone else's of the same."""

    @property
    def counts(self) -> bool:
        """Whether the chunks made the answer more probable, so that a ranking among them means something."""
        return float(attribution.reliance(self.game)) >= NOT_ATTRIBUTABLE_NATS


def cut(text: str, around: str) -> str:
    """About CHUNK_CHARACTERS of a text, whole words, with `around` in the middle of them if it is in the text."""
    start = max(0, min(text.find(around) - CHUNK_CHARACTERS // 2, len(text) - CHUNK_CHARACTERS))
    start = text.find(" ", start) + 1 if start else 0
    end = text.rfind(" ", start, start + CHUNK_CHARACTERS) if start + CHUNK_CHARACTERS < len(text) else len(text)
    return text[start:end]


def choose(dataset: Dataset) -> Iterator[tuple[Question, list[Chunk]]]:
    """Answerable questions in random order, each with the gold paragraph and four others of its article in random order."""
    draw = random.Random(SEED)
    documents = {document.document_id: document for document in dataset.documents}
    questions = [question for question in dataset.questions if question.answerable]
    for question in draw.sample(questions, len(questions)):
        gold = documents[question.document_id or ""]
        others = [each for each in dataset.documents if each.title == gold.title and each is not gold]
        picked = draw.sample([gold, *draw.sample(others, CHUNKS - 1)], CHUNKS)
        chunks = [
            Chunk(each.document_id, each.document_id, each.title, cut(each.text, question.golds[0]), 0.0, rank)
            for rank, each in enumerate(picked, start=1)
        ]
        yield question, chunks


def ask(generator: ResearchGenerator, question: Question, chunks: list[Chunk]) -> Asked | None:
    """Answer once; None for a prompt that is too long or an answer without words."""
    *_, generation = generator.generate(question.text, chunks, GenerateOptions(MOST_ANSWER_TOKENS))
    assert isinstance(generation, Generation)
    answer = "".join(token.text for token in generation.tokens).strip()
    if not answer or generation.prompt_tokens > MOST_PROMPT_TOKENS:
        return None
    return Asked(question.text, chunks, answer, generation.prompt_tokens, len(generator.split_answer(answer)))


def compare(generator: ResearchGenerator, asked: Asked, *, one_by_one: bool) -> Compared:
    """Score the lattice, let the package do its ablations, and look inside; with `one_by_one`, also score each subset by itself."""
    masks = subset_mask(CHUNKS)
    sets = [[chunk for chunk, kept in zip(asked.chunks, mask, strict=True) if kept] for mask in masks]
    costs: dict[str, Cost] = {}

    def measured(name: str, work: Callable[[], FloatArray]) -> FloatArray:
        costs[name], found = meter(generator._model, work)
        return found

    def lattice() -> FloatArray:
        game = generator.score(asked.question, sets, asked.answer).sum(axis=1).astype(np.float64)
        attribution.shapley(game)
        return game

    game = measured("lattice", lattice)
    citer = Citer(generator, asked.question, asked.chunks, asked.answer)
    cited = measured("package", citer.weigh)
    numbers = citer.masks @ (1 << np.arange(CHUNKS))
    apart = float(np.abs(game[numbers] - citer.values).max())
    if one_by_one:
        for name, work in (("eights", _in_eights), ("passes", _each_alone), ("steps", _each_in_steps)):
            again = measured(name, lambda work=work: work(generator, asked, sets))  # type: ignore[misc]
            apart = max(apart, float(np.abs(game - again).max()))
    seen = [np.isin(np.arange(2**CHUNKS), numbers[:ablations]) for ablations in (32, 64)]
    methods = {
        "Shapley, all 32 subsets": Judged(attribution.shapley(game), ~NOTHING_SEEN),
        "leave-one-out": Judged(attribution.leave_one_out(game), masks.sum(axis=1) >= CHUNKS - 1),
        "context-cite, 32 ablations": Judged(citer.weigh_first(32), seen[0]),
        "context-cite, 64 ablations": Judged(cited, seen[1]),
        **look_inside(generator, asked),
    }
    return Compared(game, methods, costs, apart)


def look_inside(generator: ResearchGenerator, asked: Asked) -> dict[str, Judged]:
    """What attention and gradients say, which score no subset."""
    found = generator.introspect(asked.question, asked.chunks, asked.answer)
    return {
        "attention": Judged(np.array(found.attention, np.float64).mean(axis=0), NOTHING_SEEN),
        "gradient × input": Judged(np.array(found.gradient_input, np.float64).sum(axis=0), NOTHING_SEEN),
    }


def _in_eights(generator: ResearchGenerator, asked: Asked, sets: Sequence[Sequence[Chunk]]) -> FloatArray:
    """As a page scores them, which shows what it has after every eight."""
    order, found = list(scoring_order(CHUNKS)), np.zeros(len(sets))
    for start in range(0, len(order), 8):
        some = order[start : start + 8]
        found[some] = generator.score(asked.question, [sets[subset] for subset in some], asked.answer).sum(axis=1)
    return found


def _each_alone(generator: ResearchGenerator, asked: Asked, sets: Sequence[Sequence[Chunk]]) -> FloatArray:
    """A call for each subset: one forward pass over prompt and answer."""
    return np.array([float(generator.score(asked.question, [some], asked.answer).sum()) for some in sets])


def _each_in_steps(generator: ResearchGenerator, asked: Asked, sets: Sequence[Sequence[Chunk]]) -> FloatArray:
    """A call for each subset as `generate` makes one, its tokens forced: the prompt, then a forward pass for every token."""
    ids = generator._prompts.encode_answer(asked.answer)
    totals = []
    for some in sets:
        prompt, forced = generator._prompts.encode(asked.question, some), iter(ids)
        for written in generator._decoder.sample(prompt, len(ids), [lambda _, forced=forced: next(forced)]):
            totals.append(sum(logprob for _, logprob in written))
    return np.array(totals)


def score(game: FloatArray, judged: Judged, subsets: np.ndarray) -> float:
    """LDS over some subsets; not a number where it is not defined."""
    if not subsets.any():
        return float("nan")
    found = faithfulness.datamodeling_score(judged.weights, subset_mask(CHUNKS)[subsets], game[subsets])
    return float("nan") if found is None else found


def judge(found: Sequence[Compared]) -> dict[str, tuple[float, float, float, float]]:
    """By method: mean LDS over all subsets, over those it has not seen, and the drop without its best chunk, and its best three."""
    rows: dict[str, tuple[float, float, float, float]] = {}
    reliance = sum(float(attribution.reliance(each.game)) for each in found)
    for name in found[0].methods:
        judged = [(each.game, each.methods[name]) for each in found]
        everywhere = mean_known([score(game, method, ~NOTHING_SEEN) for game, method in judged])
        elsewhere = mean_known([score(game, method, ~method.seen) for game, method in judged])
        first, third = (
            sum(faithfulness.top_drop(method.weights, game, top) for game, method in judged) / reliance
            for top in (1, 3)
        )
        rows[name] = (everywhere, elsewhere, first, third)
    first, third = (sum(faithfulness.random_drop(each.game, top) for each in found) / reliance for top in (1, 3))
    return rows | {"at random": (float("nan"), float("nan"), first, third)}


def total(found: Iterable[Compared], name: str) -> Cost:
    """What one way of scoring cost on all questions on which it was tried."""
    costs = [each.costs[name] for each in found if name in each.costs]
    return Cost(
        sum(cost.passes for cost in costs),
        sum(cost.tokens for cost in costs),
        sum(cost.wall_s for cost in costs),
        sum(cost.processor_s for cost in costs),
    )


def show_costs(found: Sequence[Compared], ways: dict[str, str]) -> dict[str, str]:
    """Print what each way cost a question, and return how many times as long as the lattice it took: on the clock (of the processor)."""
    base = total(found, "lattice")
    print(f"{'a question':<42}{'passes':>8}{'tokens':>8}{'seconds':>9}{'':>8}{'processor s':>13}")
    ratios = {}
    for name, title in ways.items():
        cost, n = total(found, name), len(found)
        wall, processor = cost.wall_s / base.wall_s, cost.processor_s / base.processor_s
        ratios[name] = f"{wall:.2f} ({processor:.2f})"
        print(
            f"{title:<42}{cost.passes / n:>8.0f}{cost.tokens / n:>8.0f}{cost.wall_s / n:>9.3g}{f'× {wall:.2f}':>8}"
            f"{cost.processor_s / n:>13.3g}{f'× {processor:.2f}':>8}"
        )
    return ratios


def show(found: list[Compared]) -> None:
    """Both tables of costs, that of quality, and the summary."""
    cited = show_costs(found, {"lattice": LATTICE, "package": "context-cite, its 64 ablations"})
    few = [each for each in found if "steps" in each.costs]
    print(f"\nThe same 32 scores in other calls, on {len(few)} of the questions")
    other = show_costs(few, OTHER_WAYS)
    print(f"\nScores of the same subset differ by {max(each.apart_nats for each in found):.2g} nats at most.")
    kept = [each for each in found if each.counts]
    print(
        f"\n{len(kept)} answers with reliance of {NOT_ATTRIBUTABLE_NATS} nats or more; drop as a share of all their reliance"
    )
    if not kept:
        return
    print(f"{'':<28}{'LDS, all':>10}{'unseen':>10}{'top 1':>10}{'top 3':>10}")
    rows = judge(kept)
    for name, figures in rows.items():
        print(f"{name:<28}" + "".join(f"{'—' if np.isnan(value) else f'{value:.3f}':>10}" for value in figures))
    shapley, theirs = rows["Shapley, all 32 subsets"][0], rows["context-cite, 64 ablations"][0]
    print(
        f"\nTimes as fast on the clock (of processor time): lattice of 32 against context-cite's 64, {cited['package']}, at LDS "
        f"{shapley:.3f} against {theirs:.3f}; 32 scores in one call against one pass each, {other['passes']}, against 32 calls as "
        f"generate makes them, {other['steps']}."
    )


def main() -> int:
    """Ask, compare, print; 0 too where something that it needs is not here, which it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, default=SQUAD, help="a SQuAD v2 file in its official JSON form")
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--threads", type=int, help="torch threads (torch's own choice)")
    parser.add_argument(
        "--cache", type=Path, default=user_cache_path("raglass") / "benchmarks", help="for the unpacked model (540 MB)"
    )
    options = parser.parse_args()
    if find_spec("context_cite") is None:
        print("The package context-cite is not installed: run `make oracles`, then this again.")
        return 0
    if not options.squad.exists():
        print("No SQuAD file is at hand: name one with --squad.")
        return 0
    generator = ResearchGenerator("smollm2", cache_dir=options.cache)
    import torch

    torch.set_num_threads(options.threads or torch.get_num_threads())
    asked = (ask(generator, *each) for each in choose(read_squad(options.squad)))
    kept = list(islice((each for each in asked if each is not None), options.questions))
    found = []
    for number, each in enumerate(kept):
        found.append(compare(generator, each, one_by_one=number < COMPARED))
        print(f"{number + 1} of {len(kept)} questions", file=sys.stderr, flush=True)
    print(
        f"{len(kept)} questions of SQuAD ({QUESTIONS} by default, since 50 take over an hour: --questions), {CHUNKS} chunks, "
        f"{generator.name}, float32, threads: {torch.get_num_threads()}; "
        f"prompts of {statistics.median(each.prompt_tokens for each in kept):.0f} tokens, "
        f"answers of {statistics.median(each.answer_tokens for each in kept):.0f} (medians)\n"
    )
    show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
