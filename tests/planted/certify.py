"""Certifies every explainer on planted truth: `make certify`, or `python -m tests.planted.certify`.

An explainer is a function from a case, one planted world before one model, to what it finds: a weight for each chunk, an interaction for
each pair, or one reliance. What it should find is known, for the world says which chunks the answer stands on and how. `certify` is the
only judge, of the explainers here and of those that tests break on purpose.

Evidence must be right in nearly all worlds of every model. A diagnostic must beat chance, and the retriever's order, which knows nothing,
must not.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from math import comb

import numpy as np
from scipy.stats import binomtest

from explain import attribution
from explain.context_cite import draw_masks, fit_surrogate
from explain.explained import NOT_ATTRIBUTABLE_NATS
from explain.explanation import MOSTLY
from tests.planted.cases import WORLDS, Case, FloatArray, open_cases
from tests.planted.claims import LOWEST_ACCURACY, SEEDS
from tests.planted.worlds import BY_ITSELF, CHUNKS, FROM_CHUNKS, Mechanism, plant

SLOW_WORLDS = 6
"""Worlds of each mechanism before each model for an explainer that takes a hundred passes a world."""

EXACT_RATE = LOWEST_ACCURACY
"""Share of a model's worlds of a mechanism, in [0, 1], in which exact evidence must find the truth: as often as the model must be right."""

SAMPLED_RATE = 0.9
"""The same for evidence from random subsets and a linear fit, which some draws of subsets mislead."""

ABLATIONS = 64
"""Subsets that a linear fit is made from, as many as in ContextCite's paper."""

CHANCE_LEVEL = 0.01
"""Below this probability of as many hits by chance, one-sided binomial, an explainer is better than chance."""

LEGEND = f"""{WORLDS} worlds of each mechanism and model; {SLOW_WORLDS} for integrated gradients.
single, redundant, synergy: the sources come first, by {NOT_ATTRIBUTABLE_NATS} nats where it is evidence.
  Shapley credits redundant sources alike. The interaction of the sources is the strongest, below 0 for redundant, above 0 for
  synergy; for single none is most of what the chunks did. Reliance is at least {NOT_ATTRIBUTABLE_NATS} nats.
memory, override, abstain: no chunk is needed, and nothing found reaches {NOT_ATTRIBUTABLE_NATS} nats.
*: there are sources, yet right is to credit no chunk, which is all that this measure can see of them.
–: cannot be judged: a figure that is not what a chunk did, in nats, cannot say that none did anything.
"""
"""What the table's columns ask."""

Truth = Callable[[Case, FloatArray], bool]
"""Whether what an explainer found is true of the case."""


def ranks_sources_first(case: Case, weights: FloatArray) -> bool:
    """Whether every source weighs more than any other chunk; a tie does not count."""
    sources, others = case.split(weights)
    return bool(sources.min() > others.max())


def credits_sources(case: Case, nats: FloatArray) -> bool:
    """The same, by as much as can be told from nothing."""
    sources, others = case.split(nats)
    return bool(sources.min() - others.max() >= NOT_ATTRIBUTABLE_NATS)


def credits_sources_alike(case: Case, nats: FloatArray) -> bool:
    """The same, and no source can be told from another."""
    return credits_sources(case, nats) and bool(np.ptp(case.split(nats)[0]) < NOT_ATTRIBUTABLE_NATS)


def credits_none(case: Case, nats: FloatArray) -> bool:
    """Whether nothing found, for a chunk, a pair or all together, can be told from nothing."""
    return bool(np.abs(nats).max() < NOT_ATTRIBUTABLE_NATS)


def relies(case: Case, nats: FloatArray) -> bool:
    """Whether the chunks made the answer more probable, and by enough to be attributable."""
    return bool(nats >= NOT_ATTRIBUTABLE_NATS)


def pairs_none(case: Case, nats: FloatArray) -> bool:
    """Whether no pair's interaction, (CHUNKS, CHUNKS), is most of what the chunks did."""
    return bool(np.abs(nats).max() < MOSTLY * abs(attribution.reliance(case.lattice.values)))


def pairs_sources(sign: int) -> Truth:
    """Whether the sources' interaction has this sign and is the strongest of all, (CHUNKS, CHUNKS)."""

    def judge(case: Case, nats: FloatArray) -> bool:
        planted = np.zeros_like(nats, dtype=bool)
        planted[np.ix_(sorted(case.planted.sources), sorted(case.planted.sources))] = True
        np.fill_diagonal(planted, False)
        return bool((sign * nats[planted]).min() - np.abs(nats[~planted]).max() >= NOT_ATTRIBUTABLE_NATS)

    return judge


class Role(StrEnum):
    """What an explainer is good for, and so what it must show."""

    EVIDENCE = "evidence"
    """Says what a chunk did. Must find the truth at its rate, in every mechanism and model."""
    DIAGNOSTIC = "diagnostic"
    """Says what went on inside. Must rank the sources first more often than chance does."""
    BASELINE = "baseline"
    """Knows nothing. Must not beat chance, or the worlds give their sources away."""


@dataclass(frozen=True)
class Explainer:
    """A way to explain, and what it should find."""

    name: str
    """As in the table."""
    explain: Callable[[Case], FloatArray]
    """What it finds: (CHUNKS,) weights, (CHUNKS, CHUNKS) interactions or () reliance; evidence is in nats of v."""
    truth: Mapping[Mechanism, Truth]
    """What is right, by mechanism. One that is missing cannot be judged: without nats there is no saying that no chunk was needed."""
    role: Role
    """What it must show."""
    rate: float = EXACT_RATE
    """For evidence: the share of worlds, in [0, 1]."""
    worlds: int = WORLDS
    """Worlds of each mechanism before each model that it is tried on, at the most."""
    note: str = ""
    """What a reader of its line should know."""


@dataclass(frozen=True)
class Certificate:
    """How an explainer did."""

    explainer: Explainer
    """Which."""
    hits: Mapping[Mechanism, Mapping[str, tuple[int, int]]]
    """By mechanism and model: worlds in which it found the truth, and worlds tried."""

    def rates(self, mechanism: Mechanism) -> list[float]:
        """Of each model: the share of worlds, in [0, 1], in which it found the truth."""
        return [hits / tried for hits, tried in self.hits[mechanism].values()]

    def beats_chance(self, mechanism: Mechanism) -> bool:
        """Whether it ranks the sources first more often than a random order does, over all models."""
        hits, tried = (sum(column) for column in zip(*self.hits[mechanism].values(), strict=True))
        return bool(binomtest(hits, tried, chance_rate(mechanism), alternative="greater").pvalue < CHANCE_LEVEL)

    @property
    def failures(self) -> list[Mechanism]:
        """Mechanisms on which it does not show what it must."""
        explainer = self.explainer
        ranked = [mechanism for mechanism in self.hits if mechanism in FROM_CHUNKS]
        match explainer.role:
            case Role.EVIDENCE:
                return [mechanism for mechanism in self.hits if min(self.rates(mechanism)) < explainer.rate]
            case Role.DIAGNOSTIC:
                return [mechanism for mechanism in ranked if not self.beats_chance(mechanism)]
            case Role.BASELINE:
                return [mechanism for mechanism in ranked if self.beats_chance(mechanism)]

    @property
    def passed(self) -> bool:
        """Whether it shows all that it must."""
        return not self.failures


def chance_rate(mechanism: Mechanism) -> float:
    """How often a random order ranks the sources first, in [0, 1]."""
    return 1 / comb(CHUNKS, len(plant(mechanism, 0).sources))


def certify(explainer: Explainer, cases: Iterable[Case]) -> Certificate:
    """Hold what an explainer finds against what is true, case by case. A finding that is not finite is wrong.

    Raises ValueError if the cases lack a mechanism that the explainer is judged by.
    """
    grouped: dict[Mechanism, dict[str, list[Case]]] = {}
    for case in cases:
        if case.planted.mechanism in explainer.truth:
            grouped.setdefault(case.planted.mechanism, {}).setdefault(case.model.name, []).append(case)
    if missing := explainer.truth.keys() - grouped.keys():
        raise ValueError(
            f"No case of {', '.join(sorted(missing))}: {explainer.name} cannot be certified. Open more cases."
        )
    hits: dict[Mechanism, dict[str, tuple[int, int]]] = {}
    for mechanism, models in grouped.items():
        for model, several in models.items():
            tried = list(islice(several, explainer.worlds))
            found = sum(_is_true(explainer, case) for case in tried)
            hits.setdefault(mechanism, {})[model] = (found, len(tried))
    return Certificate(explainer, hits)


def _is_true(explainer: Explainer, case: Case) -> bool:
    found = explainer.explain(case)
    return bool(np.isfinite(found).all()) and explainer.truth[case.planted.mechanism](case, found)


def cite(case: Case) -> FloatArray:
    """ContextCite's weights, (CHUNKS,), each as what its chunk does alone in the surrogate: nats of v, in the order of the weights.

    The weights themselves are logits, which near p = 1 make much of little.
    """
    lattice = case.lattice
    masks = draw_masks(CHUNKS, ABLATIONS, case.seed)
    values = lattice.values[masks @ (1 << np.arange(CHUNKS))]
    surrogate = fit_surrogate(masks, values, len(lattice.tokens), resamples=0)
    found: FloatArray = np.logaddexp(0, -surrogate.bias) - np.logaddexp(0, -surrogate.bias - surrogate.weights)
    return found


def _truth(single: Truth, redundant: Truth, synergy: Truth, otherwise: Truth | None = None) -> dict[Mechanism, Truth]:
    """otherwise: for answers that stand on no chunk; None where that cannot be judged."""
    by_itself = {} if otherwise is None else dict.fromkeys(BY_ITSELF, otherwise)
    return {**dict(zip(FROM_CHUNKS, (single, redundant, synergy), strict=True)), **by_itself}


RANKING = _truth(ranks_sources_first, ranks_sources_first, ranks_sources_first)
"""What can be asked of weights that are no nats of v."""

EXPLAINERS = (
    Explainer(
        "leave-one-out",
        lambda case: attribution.leave_one_out(case.lattice.values),
        _truth(credits_sources, credits_none, credits_sources, credits_none),
        Role.EVIDENCE,
        note="blind to redundant chunks, as it must be",
    ),
    Explainer(
        "Shapley",
        lambda case: attribution.shapley(case.lattice.values),
        _truth(credits_sources, credits_sources_alike, credits_sources, credits_none),
        Role.EVIDENCE,
    ),
    Explainer(
        "interactions",
        lambda case: attribution.interactions(case.lattice.values),
        _truth(pairs_none, pairs_sources(-1), pairs_sources(1), credits_none),
        Role.EVIDENCE,
    ),
    Explainer(
        "reliance",
        lambda case: attribution.reliance(case.lattice.values),
        _truth(relies, relies, relies, credits_none),
        Role.EVIDENCE,
    ),
    Explainer(
        "ContextCite",
        cite,
        _truth(credits_sources, credits_sources, credits_sources, credits_none),
        Role.EVIDENCE,
        rate=SAMPLED_RATE,
        note=f"from {ABLATIONS} random subsets",
    ),
    Explainer(
        "cross-attention",
        lambda case: np.mean(case.introspection.attention, axis=0),
        RANKING,
        Role.DIAGNOSTIC,
    ),
    Explainer(
        "gradient×input",
        lambda case: np.sum(case.introspection.gradient_input, axis=0),
        RANKING,
        Role.DIAGNOSTIC,
    ),
    Explainer(
        "integrated gradients",
        lambda case: case.integrated,
        _truth(ranks_sources_first, ranks_sources_first, ranks_sources_first, credits_none),
        Role.DIAGNOSTIC,
        worlds=SLOW_WORLDS,
    ),
    Explainer("retriever's order", lambda case: -np.arange(CHUNKS, dtype=float), RANKING, Role.BASELINE),
)
"""All of them."""


def write_row(name: str, cells: Iterable[str]) -> str:
    """A line of the table."""
    return (f"{name:<22}" + "".join(f"{cell:>11}" for cell in cells)).rstrip()


def write_rates(certificate: Certificate) -> str:
    """A line of percentages by mechanism: the mean over models, then the worst model's."""
    cells = []
    for mechanism in Mechanism:
        rates = certificate.rates(mechanism) if mechanism in certificate.hits else []
        nothing = mechanism in FROM_CHUNKS and certificate.explainer.truth.get(mechanism) is credits_none
        mark = "*" if nothing else " "
        cells.append(f"{100 * sum(rates) / len(rates):.0f} / {100 * min(rates):.0f}{mark}" if rates else "– ")
    return write_row(certificate.explainer.name, cells)


def write_verdict(certificate: Certificate) -> str:
    """A line that says whether an explainer passed, and what it is good for."""
    explainer = certificate.explainer
    required = {
        Role.EVIDENCE: f"evidence: right in at least {100 * explainer.rate:.0f} % of every model's worlds",
        Role.DIAGNOSTIC: "diagnostic, not evidence: ranks the sources first more often than chance, and no more is asked",
        Role.BASELINE: "baseline: no better than chance, or the worlds would give their sources away",
    }[explainer.role]
    note = f" ({explainer.note})" if explainer.note else ""
    failed = f"; not so for {', '.join(certificate.failures)}" if certificate.failures else ""
    return f"{'passes' if certificate.passed else 'FAILS':<8}{explainer.name:<22}{required}{note}{failed}"


def main() -> int:
    """Print the table and the verdicts; 1 if an explainer does not show what it must, else 0."""
    say = sys.stdout.write
    cases = open_cases()
    say(f"Worlds in which the planted truth was found, %: mean over {len(SEEDS)} models / worst model\n\n")
    say(write_row("", (f"{mechanism} " for mechanism in Mechanism)) + "\n")
    certificates = []
    for explainer in EXPLAINERS:
        certificates.append(certify(explainer, cases))
        say(write_rates(certificates[-1]) + "\n")
        sys.stdout.flush()
    say(write_row("by chance", (f"{100 * chance_rate(mechanism):.0f} " for mechanism in FROM_CHUNKS)) + "\n\n")
    say(LEGEND + "\n")
    say("".join(write_verdict(certificate) + "\n" for certificate in certificates))
    return int(not all(certificate.passed for certificate in certificates))


if __name__ == "__main__":
    sys.exit(main())
