"""Sketches against the quantiles of the numbers themselves (NumPy) and against the library that defines the format."""

import math

import numpy as np
import pytest
from ddsketch import DDSketch
from ddsketch.pb import ddsketch_pb2
from ddsketch.pb.proto import DDSketchProto

from metrics.sketches import RELATIVE_ACCURACY, Sketch

QUANTILES = (0.0, 0.01, 0.5, 0.95, 0.99, 0.999, 1.0)
LATENCIES = {
    "lognormal": np.random.default_rng(0).lognormal(4, 1.5, 5_000),
    "uniform": np.random.default_rng(1).uniform(0.01, 30_000, 5_000),
    "two peaks": np.concatenate([np.full(900, 12.0), np.full(100, 29_000.0)]),
    "one": np.array([36.0]),
}


def make_sketch(values: np.ndarray) -> Sketch:
    sketch = Sketch()
    sketch.add(values.tolist())
    return sketch


def counted(sketch: Sketch) -> tuple[int, int, list[float]]:
    return sketch.zeros, sketch.offset, sketch.bins.tolist()


def without_bounds(data: bytes) -> bytes:
    """The sketch as DDSketch's own library, and this application before it kept bounds, writes it."""
    message = ddsketch_pb2.DDSketch.FromString(data)
    message.DiscardUnknownFields()
    return message.SerializeToString()


@pytest.mark.parametrize("name", LATENCIES)
def test_a_quantile_is_within_one_percent(name: str) -> None:
    values = LATENCIES[name]
    sketch = make_sketch(values)
    for q in QUANTILES:
        # DDSketch's guarantee (Masson et al. 2019, definition 1) is for the lower quantile.
        true = float(np.quantile(values, q, method="lower"))
        assert sketch.quantile(q) == pytest.approx(true, rel=RELATIVE_ACCURACY * (1 + 1e-9)), q


def test_merging_minutes_gives_what_one_sketch_of_all_gives() -> None:
    parts = [LATENCIES["lognormal"][:2_000], LATENCIES["two peaks"], np.array([0.001]), np.array([0.0, 0.0])]
    merged = Sketch()
    for part in parts:
        merged.merge(Sketch.from_bytes(make_sketch(part).to_bytes()))
    whole = make_sketch(np.concatenate(parts))
    assert merged.count == whole.count == 3_003
    assert [merged.quantile(q) for q in QUANTILES] == [whole.quantile(q) for q in QUANTILES]


def test_the_library_reads_our_bytes_and_agrees() -> None:
    values = LATENCIES["lognormal"]
    theirs = DDSketch(RELATIVE_ACCURACY)
    for value in values:
        theirs.add(float(value))
    read = DDSketchProto.from_proto(ddsketch_pb2.DDSketch.FromString(make_sketch(values).to_bytes()))
    assert read.count == theirs.count
    for q in QUANTILES:
        # The bins are the same; γ, and so a bin's value, differs in its last bit after a round trip through the message.
        if 0 < q < 1:  # ours knows the first and the last duration themselves
            assert make_sketch(values).quantile(q) == pytest.approx(read.get_quantile_value(q), rel=1e-12)
            assert make_sketch(values).quantile(q) == theirs.get_quantile_value(q)


def test_a_single_duration_takes_few_bytes() -> None:
    assert len(make_sketch(LATENCIES["one"]).to_bytes()) < 80


def test_times_that_clocks_should_not_give_are_counted_all_the_same() -> None:
    sketch = make_sketch(np.array([-3.0, 0.0, 1e30]))
    assert sketch.count == 3
    assert sketch.quantile(0.5) == 0.0
    assert len(sketch.to_bytes()) < 80


def test_an_empty_sketch_has_no_quantile() -> None:
    assert math.isnan(Sketch().quantile(0.5))
    assert Sketch.from_bytes(Sketch().to_bytes()).count == 0


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_merging_stored_sketches_at_once_gives_what_merging_one_by_one_gives(count: int) -> None:
    rng = np.random.default_rng(count)
    parts = [make_sketch(rng.lognormal(rng.uniform(-3, 6), 1, size=rng.integers(0, 30))) for _ in range(count)]
    parts += [make_sketch(np.zeros(2))] * bool(count)
    one_by_one = Sketch()
    for part in parts:
        one_by_one.merge(part)
    at_once = Sketch.merged(part.to_bytes() for part in parts)
    assert (at_once.count, at_once.zeros) == (one_by_one.count, one_by_one.zeros)
    for q in QUANTILES:
        assert at_once.quantile(q) == pytest.approx(one_by_one.quantile(q), nan_ok=True)


def test_stored_counts_in_another_order_of_fields_are_read_too() -> None:
    store = make_sketch(LATENCIES["uniform"])
    message = ddsketch_pb2.DDSketch.FromString(store.to_bytes())
    message.positiveValues.binCounts[3] = 0.0  # a field that comes before the counts
    merged = Sketch.merged([message.SerializeToString(), b""])
    assert (merged.count, merged.quantile(0.5)) == (store.count, store.quantile(0.5))


@pytest.mark.parametrize("name", LATENCIES)
def test_the_mean_is_within_one_percent(name: str) -> None:
    assert make_sketch(LATENCIES[name]).mean() == pytest.approx(LATENCIES[name].mean(), rel=RELATIVE_ACCURACY)


def test_the_mean_counts_zeros_and_nothing_has_none() -> None:
    assert make_sketch(np.array([0.0, 10.0])).mean() == pytest.approx(5.0, rel=RELATIVE_ACCURACY)
    assert math.isnan(Sketch().mean())


def test_p95_of_three_durations_is_the_longest() -> None:
    """Nearest rank: 95 of 100 must not exceed it."""
    sketch = Sketch()
    sketch.add([193.0, 122.0, 291.0])
    assert sketch.quantile(0.95) == pytest.approx(291, rel=0.01)
    assert sketch.quantile(0.5) == pytest.approx(193, rel=0.01)


def test_what_is_taken_back_leaves_the_sketch_of_the_rest() -> None:
    values = [*LATENCIES["lognormal"].tolist(), 0.0, 1e-9, 1e15]
    for kept in (3_000, 1, 0):
        sketch = make_sketch(np.array(values))
        sketch.subtract(values[kept:])
        assert counted(sketch) == counted(make_sketch(np.array(values[:kept])))
    assert math.isnan(sketch.quantile(0.5))


def test_no_count_falls_below_zero() -> None:
    sketch = make_sketch(np.array([5.0, 5.0, 80.0]))
    sketch.subtract([5.0, 5.0, 5.0, 0.0, 20.0, 1e9])
    assert counted(sketch) == counted(make_sketch(np.array([80.0])))


@pytest.mark.parametrize("value", np.random.default_rng(3).uniform(1, 9_000, 40).tolist())
def test_of_one_duration_every_figure_is_that_duration(value: float) -> None:
    stored = make_sketch(np.array([value])).to_bytes()
    for sketch in (Sketch.from_bytes(stored), Sketch.merged([stored, stored])):
        assert [*sketch.quantiles(QUANTILES), sketch.mean()] == [value] * (len(QUANTILES) + 1)


def test_no_percentile_exceeds_the_longest_duration_of_several_minutes() -> None:
    random = np.random.default_rng(4)
    for _ in range(50):
        parts = [random.lognormal(8, 1, 5) for _ in range(4)]
        merged = Sketch.merged(make_sketch(part).to_bytes() for part in parts)
        longest, shortest = max(part.max() for part in parts), min(part.min() for part in parts)
        assert merged.quantiles((0.0, 0.95, 1.0)) == [
            shortest,
            pytest.approx(sorted(np.concatenate(parts))[18], rel=0.01),
            longest,
        ]
        assert merged.quantile(0.96) == longest


def test_a_sketch_without_bounds_counts_beside_one_that_has_some() -> None:
    old = without_bounds(make_sketch(np.array([200.0, 300.0])).to_bytes())
    merged = Sketch.merged([old, make_sketch(np.array([494.2])).to_bytes()])
    assert merged.quantile(1.0) == 494.2
    assert merged.quantile(0.0) == pytest.approx(200, rel=RELATIVE_ACCURACY)
    assert Sketch.merged([old, b""]).quantile(1.0) == pytest.approx(300, rel=RELATIVE_ACCURACY)


def test_a_longest_duration_that_is_taken_back_bounds_nothing_any_more() -> None:
    sketch = make_sketch(np.array([100.0, 250.0, 900.0]))
    sketch.subtract([900.0])
    assert sketch.quantiles((0.0, 1.0)) == [100.0, pytest.approx(250, rel=RELATIVE_ACCURACY)]
    sketch.subtract([100.0, 250.0])
    sketch.add([40.3])
    assert sketch.quantiles((0.0, 1.0)) == [40.3, 40.3]
