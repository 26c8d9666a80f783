"""The banner of a demonstration."""

from app.demonstration.standing import Banner
from app.views.kit.demonstration import banner_html, made_html


def test_the_banner_says_demonstration_and_escapes_what_it_is_given():
    made = banner_html(Banner("<b>now</b>", "next"))
    assert "<b>Demonstration</b>" in made
    assert "&lt;b&gt;now&lt;/b&gt;" in made


def test_ways_to_what_was_made_lead_there_in_the_same_tab():
    assert '<a href="runs?run=a&amp;with=b" target="_self">Two runs</a>' in made_html({"Two runs": "runs?run=a&with=b"})
