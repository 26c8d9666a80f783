"""How long studies will take, by those that are kept, and what is left of one that goes on."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.lab import embedders
from app.lab.index_pace import expected_seconds
from app.lab.one_by_one import Doing, Row, carry_on
from app.lab.pace import Ahead, pace_words
from app.services import Services
from backends.local.faiss_variants import Variant
from tests.app.lab.fake_models import WordEmbedder

Make = Callable[..., Services]


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_is_told_by_earlier_studies_first_and_by_this_one_then() -> None:
    clock = Clock()
    ahead = Ahead(["quick", "slow"], {"quick": 10.0, "slow": 90.0}, clock)
    assert ahead.left_s("quick", 0.0) == 100
    clock.now += 20  # the quick one took twice as long as it did before
    ahead.passed("quick")
    assert ahead.left_s("slow", 0.0) == pytest.approx(180)
    clock.now += 60
    assert ahead.left_s("slow", 1 / 3) == pytest.approx(80 / 40 * 60)


def test_nothing_is_told_of_what_is_left_before_a_first_part_of_unknown_ways_is_done() -> None:
    clock = Clock()
    ahead = Ahead(["known", "unknown"], {"known": 5.0}, clock)
    assert ahead.left_s("known", 0.0) is None
    clock.now += 10
    assert ahead.left_s("known", 0.5) == pytest.approx(30)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({}, "How long it takes is not known yet; it is told once one has answered."),
        ({"a": 20.0, "b": 100.0}, "About 2 min, by what it took here before."),
        ({"a": 20.0}, "About 20 s for a, by what it took here before; for b it is told once one has answered."),
    ],
)
def test_words_tell_known_ways_from_unknown_ones(expected: dict[str, float], said: str) -> None:
    assert pace_words(expected, ["a", "b"], "once one has answered") == said


def test_the_parts_of_a_way_follow_one_another_and_never_go_back() -> None:
    def measure(name: str) -> Iterator[Any]:
        for share in ((0.0, 0.5), (0.5, 1.0)):
            for done in range(4):
                yield Doing(done, 4, "working", share)
        return {"name": name}

    steps = list(carry_on(["a"], None, measure, lambda rows: {"rows": list(rows)}, threading.Event()))  # type: ignore[arg-type]
    overs = [Doing(done, 4, "", share).over for share in ((0.0, 0.5), (0.5, 1.0)) for done in range(4)]
    assert overs == sorted(overs) == [place / 8 for place in range(8)]
    assert steps[-1].result is not None
    [row] = steps[-1].result["rows"]
    assert row["spent_s"] > 0


def test_a_row_that_failed_has_no_time() -> None:
    def measure(name: str) -> Iterator[Any]:
        yield Doing(0, 1, "loading")
        return {"name": name} if name == "good" else {"name": name, "problem": "It is gone."}

    def conclude(rows: Any) -> dict[str, list[Row]]:
        return {"rows": list(rows)}

    steps = list(carry_on(["bad", "good"], None, measure, conclude, threading.Event()))  # type: ignore[arg-type]
    assert steps[-1].result is not None
    assert ["spent_s" in row for row in steps[-1].result["rows"]] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("profile", {}),
        ("embedders", {"embedders": ["words"]}),
        ("generators", {"generators": ["first"]}),
        ("chunks", {"chunkings": ["sentence:200"]}),
    ],
)
def test_a_second_study_is_told_its_time_by_the_first(
    lab_services: Make, questions: Path, monkeypatch: pytest.MonkeyPatch, name: str, plan: dict[str, Any]
) -> None:
    monkeypatch.setattr(embedders, "open_named", lambda name, config: WordEmbedder(name))
    monkeypatch.setattr(embedders, "import_libraries", lambda name: None)
    services = lab_services()
    parts = services.lab.parts
    study = services.lab.study(name)
    checked = study.check(parts, {**plan, "dataset": str(questions)})
    before = study.estimate(parts, checked)
    assert not re.search(r"About \d+ s, by", before)
    assert services.lab.begin(name, {**plan, "dataset": str(questions)}).work().status == "finished"
    assert re.search(r"About \d+ s, by", study.estimate(parts, checked))


def test_an_index_is_told_by_a_kept_study_and_grows_with_the_vectors(lab_services: Make) -> None:
    services = lab_services()
    rows = [
        {"factory": "IVF8,Flat", "effort": 1, "build_s": 2.0, "p50_ms": 10.0},
        {"factory": "Flat", "effort": 0, "build_s": 0.0, "p50_ms": 5.0},
    ]
    record = services.lab.records.begin("index", {})
    services.lab.records.keep(record.went_on(result={"rows": rows, "about": {"dimension": 8, "vectors": 1_000}}))
    variants = [Variant("Flat"), Variant("IVF16,Flat", (1, 2)), Variant("HNSW16", (64,))]
    expected, kept = expected_seconds(services.lab.parts, variants, 4_000, 8, 100)
    assert kept
    # 100 questions of 4 x 5 ms are 2 s a pass: one to warm up, and three.
    assert expected["Flat"] == pytest.approx(8)
    assert expected["IVF16,Flat"] == pytest.approx(2 * 4**1.3 + 2 * 4 * 100 * 0.010 * 2)
    assert "HNSW16" not in expected


@pytest.mark.slow
def test_without_a_kept_study_a_trial_tells_of_every_kind(lab_services: Make) -> None:
    services = lab_services()
    variants = [Variant("Flat"), Variant("IVF64,Flat", (1,)), Variant("HNSW16", (64,))]
    expected, kept = expected_seconds(services.lab.parts, variants, 2_000, 16, 10)
    assert not kept
    assert expected.keys() == {"Flat", "IVF64,Flat", "HNSW16"}
    assert all(np.isfinite(seconds) and seconds > 0 for seconds in expected.values())
    assert json.dumps(expected)
