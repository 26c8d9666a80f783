"""Which tokens a picture shows and measures, and how far attention and reliance are said to agree, on games with a known answer."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from explain import attention
from explain.attention import MOST_SHOWN, Picture, compare, draw_picture
from explain.explanation import Explanation
from explain.lattice import Lattice
from pipeline.errors import InputError, Throttled
from pipeline.types import AttentionMap
from tests.factories import make_trace

LAYERS, HEADS, ANSWER = 2, 3, ("Alfred", " Wegener")


def explained():
    trace = make_trace()
    return Explanation(
        trace, "Alfred Wegener", trace.chunks, Lattice(("c",), ANSWER, np.array([[-4, -3], [-1, -1]], float))
    )


class Reader:
    """An additive game: a token is worth `worth[place]` nats to each token of the answer. Attention is as given."""

    def __init__(self, weights, worth, fails_after=None):
        self.weights, self.worth, self.fails_after = (
            np.asarray(weights, np.float16),
            np.asarray(worth, float),
            fails_after,
        )
        self.taken = []

    def map_attention(self, question, chunks, answer):
        m = len(self.worth)
        return AttentionMap(
            attention_kind="cross",
            answer_tokens=ANSWER,
            whole_answer=3,
            context_tokens=tuple(f"t{place}" for place in range(m)),
            owners=(0,) * m,
            attention=self.weights,
            elsewhere=np.full((LAYERS, HEADS, 2), 0.25, np.float16),
            gradient_input=self.worth.astype(np.float32),
            logprobs_nats=np.array([-1.0, -2.0], np.float32),
        )

    def remove_tokens(self, question, chunks, answer, places):
        if self.fails_after is not None and len(self.taken) >= self.fails_after:
            raise Throttled("The model is busy. Try again.")
        self.taken += places
        # The third token of the answer is beyond what is looked at.
        return np.array([[-1 - self.worth[place], -2 - self.worth[place], -99.0] for place in places])


def even(m, total=0.5):
    return np.full((LAYERS, HEADS, 2, m), total / m)


def ramp(m):
    """Attention that rises from the first token to the last, the same everywhere."""
    return np.broadcast_to(np.arange(1, m + 1) / m**2, (LAYERS, HEADS, 2, m))


def drawn(reader):
    *_, picture = draw_picture(explained(), reader)
    return picture


def test_reliance_is_what_the_answer_loses_without_a_token():
    picture = drawn(Reader(even(10), np.arange(10)))
    assert picture.complete
    # Both of the answer's tokens that are looked at lose what the token is worth.
    np.testing.assert_allclose(picture.reliance_nats, 2 * np.arange(10))


def test_a_short_context_is_measured_and_compared_whole():
    reader = Reader(even(60), np.zeros(60))
    picture = drawn(reader)
    assert reader.taken == list(range(60)) == list(picture.compared)
    assert len(picture.shown) == MOST_SHOWN


def test_of_a_long_context_what_is_shown_is_measured_and_the_two_are_compared_over_tokens_drawn_at_random():
    weights = np.full((LAYERS, HEADS, 2, 500), 1e-4)
    weights[..., 7] = 0.3
    worth = np.zeros(500)
    worth[333] = -5.0
    picture = drawn(Reader(weights, worth))
    assert {7, 333} <= set(picture.shown)
    assert list(picture.shown) == sorted(picture.shown)
    assert len(picture.shown) == MOST_SHOWN
    assert len(picture.compared) == 40
    assert np.ptp(picture.compared) > 250
    assert np.isnan(picture.reliance_nats).sum() == 500 - len({*picture.shown, *picture.compared})
    assert compare(picture).tokens == 40


def test_one_head_of_one_layer_is_picked_and_the_mean_is_over_all():
    weights = np.random.default_rng(0).random((LAYERS, HEADS, 2, 6)) / 12
    picture = drawn(Reader(weights, np.zeros(6)))
    half = weights.astype(np.float16).astype(float)
    np.testing.assert_allclose(picture.attention(1, 2), half[1, 2])
    np.testing.assert_allclose(picture.attention(1), half[1].mean(axis=0))
    np.testing.assert_allclose(picture.attention(None, 2), half[:, 2].mean(axis=0))
    np.testing.assert_allclose(picture.attention(), half.mean(axis=(0, 1)))
    assert picture.strongest(1, 1, 2) == [int(half[1, 2].mean(axis=0).argmax())]
    other, own = picture.elsewhere(1, 2)
    assert other == 0.25
    assert own == pytest.approx(0.75 - half[1, 2].sum(axis=1).mean())


@pytest.mark.parametrize(("layer", "head", "words"), [(2, None, "no layer 3.*1 to 2"), (0, 3, "no head 4.*1 to 3")])
def test_a_layer_or_head_that_there_is_not_is_refused(layer, head, words):
    with pytest.raises(InputError, match=words):
        drawn(Reader(even(6), np.zeros(6))).attention(layer, head)


def test_the_correlation_is_scipys_and_its_interval_is_around_it():
    rng = np.random.default_rng(3)
    weights = np.broadcast_to(rng.random(50) / 60, (LAYERS, HEADS, 2, 50))
    worth = rng.normal(size=50) + 30 * weights[0, 0, 0]
    picture = drawn(Reader(weights, worth))
    found = compare(picture)
    expected = spearmanr(picture.attention()[0], np.abs(worth)).statistic
    assert found.correlation == pytest.approx(expected)
    assert found.low < found.correlation < found.high


@pytest.mark.slow
def test_independent_rankings_are_inside_the_interval_about_as_often_as_promised(monkeypatch):
    monkeypatch.setattr(attention, "RESAMPLES", 200)
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(40):
        weights = np.broadcast_to(rng.random(40) / 60, (LAYERS, HEADS, 2, 40))
        found = compare(drawn(Reader(weights, rng.random(40))))
        inside += found.low <= 0 <= found.high
    # 90 % of 40 are 36; 30 or fewer would come of a true 90 % once in two hundred times.
    assert inside >= 31


def test_tokens_that_are_looked_at_in_vain_and_those_that_count_unseen_are_found():
    m = 20
    worth = np.full(m, 0.5)
    worth[18] = 0.0
    worth[2] = -3.0
    found = compare(drawn(Reader(ramp(m), worth)))
    assert found.only_attended == (18,)
    assert found.only_relied_on == (2,)


def test_where_nothing_counts_no_token_is_said_to():
    worth = np.full(20, 0.001)
    worth[2] = 0.01
    assert compare(drawn(Reader(ramp(20), worth))).only_relied_on == ()


@pytest.mark.parametrize("m", [1, 4])
def test_of_a_few_tokens_no_agreement_is_claimed(m):
    found = compare(drawn(Reader(ramp(m), np.arange(m))))
    assert (found.correlation, found.low, found.only_attended) == (None, None, ())


def test_where_attention_is_the_same_everywhere_there_is_no_order_to_agree_with():
    found = compare(drawn(Reader(even(8), np.arange(8))))
    assert (found.correlation, found.low, found.high) == (None, None, None)


def test_until_all_are_taken_out_gradients_stand_in_and_what_was_measured_is_gone_on_with():
    reader = Reader(ramp(30), np.arange(30))
    first, second, *_ = draw_picture(explained(), reader)
    assert (len(first.removed_nats), len(second.removed_nats)) == (0, 8)
    np.testing.assert_allclose(second.reliance_nats, np.arange(30))
    assert second.compared == tuple(range(30))
    reader.taken.clear()
    *_, whole = draw_picture(explained(), reader, second)
    assert reader.taken == list(range(8, 30))
    assert whole.complete


def test_a_backend_that_fails_on_the_way_leaves_what_is_known():
    *_, picture = draw_picture(explained(), Reader(ramp(30), np.arange(30), fails_after=16))
    assert len(picture.removed_nats) == 16
    assert not picture.complete
    assert picture.problem == "The model is busy. Try again."
    *_, again = draw_picture(explained(), Reader(ramp(30), np.arange(30)), picture)
    assert (again.complete, again.problem) == (True, "")


def test_patience_ends(monkeypatch):
    monkeypatch.setattr(attention, "PATIENCE_S", -1.0)
    picture = drawn(Reader(ramp(30), np.arange(30)))
    assert not picture.removed_nats
    assert "ended after" in picture.problem


def test_chunks_without_a_token_are_refused():
    with pytest.raises(InputError, match="no token"):
        next(draw_picture(explained(), Reader(np.zeros((LAYERS, HEADS, 2, 0)), [])))


def test_what_is_shown_holds_a_stated_share_of_the_attention():
    weights = np.zeros((LAYERS, HEADS, 2, 100))
    weights[..., 0], weights[..., 99] = 0.3, 0.1
    picture = drawn(Reader(weights, np.arange(100)[::-1]))
    hidden = replace(picture, shown=(0,))
    assert isinstance(hidden, Picture)
    assert hidden.shown_share() == pytest.approx(0.75, abs=1e-3)
    nothing = replace(picture, seen=replace(picture.seen, attention=np.zeros_like(picture.seen.attention)))
    assert nothing.shown_share() == 1.0
