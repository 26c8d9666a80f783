"""The picture of the attention in words, rows and files, over a reader whose attention and game are known."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from app.explaining.attention import (
    coverage_words,
    picture_csv,
    picture_heads,
    picture_rows,
    picture_text,
    picture_title,
    picture_to_dict,
    reliance_words,
    token_text,
    which_words,
)
from app.views.explaining.attention import heat
from explain.attention import Picture
from explain.explanation import Explanation
from explain.lattice import Lattice
from pipeline.types import AttentionMap
from tests.factories import make_chunk, make_trace

M = 20
WORDS = ("\n", " <b>Paris</b>", " =SUM(A1)", *(f" word{place}" for place in range(3, M)))
CHUNKS = (make_chunk(chunk_id="a", rank=1), make_chunk(chunk_id="b", rank=2))


def explained():
    trace = make_trace(chunks=CHUNKS)
    tokens = ("Alfred", " Wegener")
    return Explanation(trace, "Alfred Wegener", CHUNKS, Lattice(("a", "b"), tokens, np.full((4, 2), -1.0)))


def drawn(worth=None, kind="cross", **changes):
    """Attention rises from the first token to the last: 0.005 on it, 0.1 on the last. Each is worth half a nat unless said otherwise."""
    worth = np.full(M, 0.5) if worth is None else worth
    rising = np.arange(1, M + 1) / 200
    weights = np.broadcast_to(rising / rising.sum() / 2, (2, 3, 2, M)).astype(np.float16).copy()
    weights[1, 2] = weights[1, 2, :, ::-1]
    seen = AttentionMap(
        attention_kind=kind,
        answer_tokens=("Alfred", " Wegener"),
        whole_answer=2,
        context_tokens=WORDS,
        owners=(0,) * 10 + (1,) * 10,
        attention=weights,
        elsewhere=np.full((2, 3, 2), 0.375, np.float16),
        gradient_input=np.full(M, 0.25, np.float32),
        logprobs_nats=np.array([-1.0, -1.0], np.float32),
    )
    everything = tuple(range(M))
    removed = {place: np.array([value, 0.0]) for place, value in enumerate(worth)}
    return replace(Picture(seen, everything, everything, removed), **changes)


def differing():
    worth = 0.5 + np.arange(M) % 4 / 10
    worth[18], worth[1] = 0.0, -3.0
    return drawn(worth)


def test_the_title_says_how_far_the_two_agree_and_where_they_part():
    assert picture_title(drawn(np.arange(M) / 10)).startswith(
        "Attention and reliance rank tokens mostly alike (rank correlation 1.00"
    )
    parts = picture_title(differing(), 0, 0)
    assert parts.startswith("Attention does not tell which tokens matter by reliance (rank correlation ")
    assert "all 20 tokens)" in parts
    assert "Looked at, yet of little effect: “word18” (4.52 %, 0 nats). Of" in parts
    assert "Of much effect, yet hardly looked at: “<b>Paris</b>” (0.47" in parts
    assert "−3.00 nats" in parts


def test_opposite_and_undefined_orders_are_called_that():
    assert "the other way round" in picture_title(drawn(np.arange(M)[::-1].astype(float)), 0, 0)
    assert "one of them is the same everywhere" in picture_title(drawn())


def test_what_was_not_measured_is_not_called_reliance():
    some = drawn(removed_nats={0: np.zeros(2)}, problem="The model is busy.")
    assert "gradient × input" in picture_title(some)
    assert "reliance" not in picture_title(some).lower()
    assert picture_heads(some)[2] == "Gradient × input, nats"
    assert reliance_words(some).startswith("1 of 20 tokens were taken out so far. The model is busy. Until all were")
    assert picture_to_dict(some)["reliance_nats"] is None
    assert picture_heads(drawn())[2] == "Reliance, nats"
    assert reliance_words(drawn()).startswith("20 tokens of the context were taken out, one at a time")


def test_what_is_left_out_is_said():
    assert coverage_words(drawn(), 0, 0) == (
        "All 20 tokens of the chunks are shown. 37.5 % of the attention lies on the question and the rest of the prompt."
    )
    assert "12.5 % on the answer's own earlier tokens" in coverage_words(drawn(kind="self"), 0, 0)
    few = drawn(shown=(19,))
    assert "shown are 1 of 20 tokens" in coverage_words(few, 0, 0)
    assert "They hold 9.5" in coverage_words(few, 0, 0)
    cut = replace(few, seen=replace(few.seen, whole_answer=128))
    assert "Only the first 2 of the answer's 128 tokens are looked at" in coverage_words(cut)


def test_rows_name_chunk_token_share_and_nats_most_attention_first():
    rows = picture_rows(explained(), differing(), 0, 0)
    assert [row[0] for row in rows[:2]] == ["2 · word19", "2 · word18"]
    assert rows[1][2] == "0 nats" or rows[1][2] == "0"
    assert picture_rows(explained(), differing(), 1, 2)[0][0] == "1 · ⏎"
    assert len(rows) == M


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\n", "⏎"), (" ", "␣"), ("", "␣"), (" Paris", "Paris"), ("\x1b[2J", "[2J"), ("w" * 40, "w" * 22 + " …")],
)
def test_a_token_can_be_seen_and_does_nothing(text, shown):
    assert token_text(text) == shown


def test_the_file_has_every_token_and_no_formula():
    rows = list(csv.DictReader(io.StringIO(picture_csv(explained(), drawn(shown=(3, 4)), 0, 1))))
    assert [row["chunk"] for row in rows] == ["1"] * 10 + ["2"] * 10
    assert [int(row["shown"]) for row in rows] == [0, 0, 0, 1, 1, *[0] * 15]
    assert rows[0]["token"] == "'\n"
    assert float(rows[19]["attention"]) == pytest.approx(20 / 210 / 2, rel=1e-3)
    assert float(rows[19]["from 2. Wegener"]) == pytest.approx(20 / 210 / 2, rel=1e-3)
    assert {row["reliance_nats"] for row in rows} == {"0.5"}
    assert {row["gradient_input_nats"] for row in rows} == {"0.25"}


def test_text_that_a_spreadsheet_would_run_is_quoted():
    picture = drawn()
    words = ("=SUM(A1)", *WORDS[1:])
    [first, *_] = csv.DictReader(
        io.StringIO(picture_csv(explained(), replace(picture, seen=replace(picture.seen, context_tokens=words))))
    )
    assert first["token"] == "'=SUM(A1)"


def test_a_terminal_gets_the_strongest_tokens_of_each_layer_then_of_each_head():
    said = picture_text(explained(), drawn())
    assert said.startswith("Attention (diagnostic, not evidence), mean of 2 layers with 3 heads each")
    assert "Layer 1  word19 4.76 %, word18 4.52 %" in said
    of_layer = picture_text(explained(), drawn(), 1)
    assert of_layer.startswith("Attention (diagnostic, not evidence), layer 2, mean of 3 heads")
    assert "Layer 2, head 3  ⏎ 4.76 %" in of_layer
    assert "Layer 2, head 2" not in picture_text(explained(), drawn(), 1, 2)
    assert which_words(drawn(), None, 1) == "mean of 2 layers, head 2"
    assert all(len(line) <= 100 for line in said.splitlines())


def test_a_program_gets_it_as_json():
    found = json.loads(json.dumps(picture_to_dict(differing(), 1, 2)))
    assert (found["layer"], found["head"], found["layers"], found["heads"]) == (2, 3, 2, 3)
    assert found["evidence"] == "diagnostic, not evidence"
    assert np.shape(found["attention"]) == (2, M)
    assert found["reliance_nats"][1] == -3.0
    partly = drawn(shown=(0,), drawn=(1,), removed_nats={0: np.ones(2), 1: np.ones(2)})
    assert picture_to_dict(partly)["reliance_nats"] == [2.0, 2.0, *[None] * 18]


def test_the_chart_shows_each_token_once_with_its_bar_and_no_markup():
    picture = differing()
    figure = heat(explained(), picture, 1, 2)
    attention, bars = figure.data
    np.testing.assert_allclose(attention.z, picture.attention(1, 2).T)
    np.testing.assert_allclose(bars.x, picture.reliance_nats)
    assert list(attention.y) == list(bars.y) == list(range(M))
    assert list(figure.layout.yaxis.ticktext)[:2] == ["1 · ⏎", "1 · ‹b›Paris‹/b›"]
    assert bars.marker.color[1] != bars.marker.color[2]
    assert "<b>Paris" not in figure.to_json()
