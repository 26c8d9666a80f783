"""Drawing in proportion to probability, against closed forms."""

import numpy as np
import pytest
from scipy.stats import chisquare

from backends.local.sampling import draws, likeliest

CHANCES = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
with np.errstate(divide="ignore"):
    LOGPROBS = np.log(CHANCES)


def draw_one(logprobs: np.ndarray, count: int, temperature: float = 1.0, seed: int = 0) -> list[int]:
    return [draw(logprobs) for draw in draws(count, temperature, seed)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.slow
def test_frequencies_are_the_softmax_at_the_temperature(temperature: float) -> None:
    drawn = np.bincount(draw_one(LOGPROBS, 5_000, temperature), minlength=5)
    expected = CHANCES ** (1 / temperature)  # exp(log p / T)
    expected /= expected.sum()
    assert drawn[4] == 0
    assert chisquare(drawn[:4], 5_000 * expected[:4]).pvalue > 0.01
    other = CHANCES[:4] ** (1 / (temperature * 1.3))  # the test can tell a wrong temperature from the right one
    assert chisquare(drawn[:4], 5_000 * other / other.sum()).pvalue < 1e-3


def test_same_seed_draws_the_same_and_the_first_however_many_are_drawn() -> None:
    assert draw_one(LOGPROBS, 50) == draw_one(LOGPROBS, 50)
    assert draw_one(LOGPROBS, 50)[:10] == draw_one(LOGPROBS, 10)
    assert draw_one(LOGPROBS, 50) != draw_one(LOGPROBS, 50, seed=1)


def test_calls_of_one_draw_differ() -> None:
    [draw] = draws(1, 1.0, 0)
    assert len({draw(LOGPROBS) for _ in range(50)}) > 1


@pytest.mark.parametrize("temperature", [1e-3, 1e-320])
def test_near_zero_the_likeliest_is_drawn(temperature: float) -> None:
    assert set(draw_one(LOGPROBS, 50, temperature)) == {likeliest(LOGPROBS)} == {0}


def test_log_probabilities_need_not_add_up_to_one() -> None:
    assert draw_one(LOGPROBS + 700, 50) == draw_one(LOGPROBS, 50)
