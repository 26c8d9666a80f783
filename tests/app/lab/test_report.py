"""A study's report is a page of its own, opened from a disk: nothing in it but ours is markup."""

import json
from html import unescape

from app.lab.report import DRAW, Picture, report_html
from app.lab.tables import Column, Table

NASTY = '"></div></script><script>alert(1)</script><img src=x onerror="alert(2)">'


def test_nothing_of_a_study_is_markup_in_its_report() -> None:
    table = Table("t", NASTY, (Column(NASTY),), ((NASTY,),), NASTY)
    figure = json.dumps({"data": [{"name": NASTY}], "layout": {}})
    report = report_html(NASTY, NASTY, {NASTY: NASTY}, [table], [Picture(NASTY, figure)])
    head, _, drawing = report.partition('<script src="data:text/javascript;')
    assert "<script" not in head
    assert "<img" not in head
    assert drawing.endswith(f'"></script>{DRAW}</html>')
    kept = head.partition('data-figure="')[2].partition('"')[0]
    assert json.loads(unescape(kept))["data"] == [{"name": NASTY}]


def test_a_report_without_charts_runs_nothing() -> None:
    assert "<script" not in report_html("A study", "", {}, [], [])
