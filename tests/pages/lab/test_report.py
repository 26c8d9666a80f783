"""The report that a study's page hands out: its charts and tables, in one file that loads nothing."""

import json
import re
from collections.abc import Callable
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from app.services import Services
from app.views.lab import frame
from tests.pages.test_pages import shown

PLANS: dict[str, tuple[dict[str, Any], int]] = {
    "latency": ({"targets": ["fake"], "questions": 3, "warm_up": 0}, 1),
    "load": ({"target": "fake", "confirmed": "fake", "rate": 50, "minutes": 0.01, "arrivals": "constant"}, 2),
    "profile": ({"dataset": "builtin"}, 3),
}
"""Plans of studies, and the charts of their reports."""

FIGURE = re.compile(r'<h2>([^<]+)</h2><div role="img" aria-label="[^"]+" data-figure="([^"]+)">')


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], str]]:
    """What the page offers to take away, by its ending."""
    found: dict[str, Callable[[], str]] = {}

    def keep(label: str, content: Callable[[], str], file_name: str, **more: Any) -> None:
        found[file_name.rpartition(".")[2]] = content

    monkeypatch.setattr(frame, "show_download", keep)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_a_report_has_the_charts_and_loads_nothing(
    open_page, services: Services, files: dict[str, Callable[[], str]], name: str, monkeypatch: pytest.MonkeyPatch
):
    plan, charts = PLANS[name]
    record = services.lab.begin(name, plan).work()
    assert record.problem == ""
    page = open_page("lab", study=name)
    assert not page.exception
    dark = SimpleNamespace(theme=SimpleNamespace(type="dark"))
    monkeypatch.setattr(st, "context", dark)
    report = files["html"]()
    figures = FIGURE.findall(report)
    assert len(figures) == charts
    for title, figure in figures:
        assert " " in title
        drawn = json.loads(unescape(figure))
        assert drawn["data"]
        assert not drawn["layout"]["title"]
        assert "#000001" not in json.dumps(drawn["layout"])
        assert drawn["layout"]["font"]["color"] == "#3a4652"
    assert not re.search(r'(?:src|href)="(?!data:)', report)
    assert all(table.title.split()[0] in report for table in services.lab.tables(record))
    assert shown(page)
