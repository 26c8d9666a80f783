"""Certification lets the explainers pass, and nothing that is broken: otherwise it would certify nothing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.planted import certify as certification
from tests.planted.cases import Case, FloatArray, open_cases
from tests.planted.certify import EXPLAINERS, Explainer, Role, certify
from tests.planted.worlds import FROM_CHUNKS, Mechanism

MODELS = (0, 3)
TRIED = 5
"""Worlds of each mechanism and model. One miss among them is below every rate that evidence must reach."""

EVIDENCE = [explainer for explainer in EXPLAINERS if explainer.role is Role.EVIDENCE]
DIAGNOSTICS = [
    replace(explainer, truth={Mechanism.SINGLE: explainer.truth[Mechanism.SINGLE]})
    for explainer in EXPLAINERS
    if explainer.role is Role.DIAGNOSTIC
]
"""On the one mechanism where ten worlds are enough to tell them from chance."""


def shift(case: Case, found: FloatArray) -> FloatArray:
    """Every chunk's span is taken for the next one's."""
    return np.roll(found, 1, axis=tuple(range(found.ndim)))


def shuffle(case: Case, found: FloatArray) -> FloatArray:
    """Weights of chunks at random; a pair keeps its two chunks together."""
    order = np.random.default_rng(case.seed).permutation(len(found))
    return found[np.ix_(*[order] * found.ndim)]


def turn(case: Case, found: FloatArray) -> FloatArray:
    """The wrong sign."""
    return -found


def clear(case: Case, found: FloatArray) -> FloatArray:
    """Nothing for anything."""
    return np.zeros_like(found)


def level(case: Case, found: FloatArray) -> FloatArray:
    """A nat for everything."""
    return np.ones_like(found)


def lose(case: Case, found: FloatArray) -> FloatArray:
    """No number."""
    return np.full_like(found, np.nan)


EVERYWHERE = (turn, clear, level, lose)
BREAKS = (shift, shuffle, *EVERYWHERE)


def broken(explainer: Explainer, break_it: Callable[[Case, FloatArray], FloatArray]) -> Explainer:
    """The explainer with its findings spoilt; all else about it stays."""
    return replace(explainer, explain=lambda case: break_it(case, explainer.explain(case)))


def named(explainer: Explainer) -> str:
    return explainer.name


def find(name: str) -> Explainer:
    [found] = [explainer for explainer in EXPLAINERS if explainer.name == name]
    return found


@pytest.fixture(scope="module")
def cases(torch: object) -> list[Case]:
    return open_cases(MODELS, TRIED)


@pytest.mark.slow
@pytest.mark.parametrize("explainer", EVIDENCE, ids=named)
def test_evidence_finds_the_truth_in_every_mechanism(cases: list[Case], explainer: Explainer) -> None:
    certificate = certify(explainer, cases)
    assert set(certificate.hits) == set(Mechanism)
    assert {tried for models in certificate.hits.values() for _, tried in models.values()} == {TRIED}
    assert certificate.passed, certificate.hits


@pytest.mark.parametrize(
    ("explainer", "break_it"),
    [
        pytest.param(explainer, break_it, id=f"{explainer.name}-{break_it.__name__}")
        for explainer in EVIDENCE
        # Reliance is one figure for all chunks: it has no order to spoil.
        for break_it in (EVERYWHERE if explainer.name == "reliance" else BREAKS)
    ],
)
def test_broken_evidence_is_not_certified(
    cases: list[Case], explainer: Explainer, break_it: Callable[[Case, FloatArray], FloatArray]
) -> None:
    assert not certify(broken(explainer, break_it), cases).passed


@pytest.mark.slow
@pytest.mark.parametrize("explainer", DIAGNOSTICS, ids=named)
def test_a_diagnostic_beats_chance_and_a_broken_one_does_not(cases: list[Case], explainer: Explainer) -> None:
    assert certify(explainer, cases).passed
    passed = [break_it for break_it in BREAKS if certify(broken(explainer, break_it), cases).passed]
    assert not passed


def test_an_order_that_knows_the_sources_is_no_baseline(cases: list[Case]) -> None:
    order = find("retriever's order")
    assert certify(order, cases).passed
    assert not certify(replace(order, explain=find("Shapley").explain), cases).passed


def test_redundant_sources_tell_leave_one_out_from_shapley(cases: list[Case]) -> None:
    one_out, shapley = find("leave-one-out"), find("Shapley")
    assert certify(replace(shapley, explain=one_out.explain), cases).failures == [Mechanism.REDUNDANT]
    assert certify(replace(one_out, explain=shapley.explain), cases).failures == [Mechanism.REDUNDANT]


@pytest.mark.parametrize("missing", FROM_CHUNKS)
def test_without_its_worlds_a_mechanism_is_not_certified(cases: list[Case], missing: Mechanism) -> None:
    some = [case for case in cases if case.planted.mechanism is not missing]
    with pytest.raises(ValueError, match=f"No case of {missing}"):
        certify(find("Shapley"), some)


@pytest.mark.parametrize(("break_it", "status"), [(None, 0), (shift, 1)])
def test_the_command_fails_where_evidence_does(
    cases: list[Case],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    break_it: Callable[[Case, FloatArray], FloatArray] | None,
    status: int,
) -> None:
    one_out, shapley = find("leave-one-out"), find("Shapley")
    tried = (one_out, broken(shapley, break_it) if break_it else shapley)
    monkeypatch.setattr(certification, "open_cases", lambda: cases)
    monkeypatch.setattr(certification, "EXPLAINERS", tried)
    assert certification.main() == status
    printed = capsys.readouterr().out
    assert "100 / 100*" in printed
    assert ("FAILS   Shapley" in printed) is (status == 1)
