"""The Overview's HTML: where the time goes."""

from app.views.overview.html import shares_html


def test_a_stage_that_takes_hardly_anything_is_not_said_to_take_nothing():
    key = str(shares_html({"generate": 0.998, "unaccounted": 0.002, "network": 0.0})).replace("\N{NO-BREAK SPACE}", " ")
    assert "generate 100 %" in key
    assert "unaccounted less than 1 %" in key
    assert "network 0 %" in key
