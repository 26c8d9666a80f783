"""A study's result as one page of HTML that loads nothing: charts, tables, and the plan."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.kit.markup import html, joined
from app.lab.tables import Table, table_html

STYLE = (
    "body{font:16px system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse}"
    "td,th{padding:.3rem .8rem;border-bottom:1px solid #ccc;text-align:left}.rg-number{text-align:right}"
    ".rg-marked{font-weight:600}.rg-scroll{overflow-x:auto}pre{background:#f5f5f5;padding:1rem;overflow-x:auto}"
)

DRAW = Markup(
    '<script>for (const at of document.querySelectorAll("[data-figure]")) { const figure = JSON.parse(at.dataset.figure);'
    " Plotly.newPlot(at, figure.data, figure.layout, {displaylogo: false, responsive: true}); }</script>"
)
"""Draws what stands in the page, once Plotly is there."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart."""

    title: str
    """What is seen, as a sentence; it stands above."""
    figure: str
    """Plotly's JSON of it, without the title."""


def report_html(
    heading: str, made: str, plan: Mapping[str, Any], tables: Sequence[Table], pictures: Sequence[Picture]
) -> str:
    """The whole page. made: how the study stands, and when this was made.

    Plotly stands in it where there are pictures, which makes it 6 MB; what they show stands in the tables as well.
    """
    page = html(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>{}</title><style>{}</style><h1>{}</h1><p>{}</p>{}{}'
        "<h2>Plan</h2><pre>{}</pre>{}</html>",
        heading,
        STYLE,
        heading,
        made,
        joined(_picture(picture) for picture in pictures),
        joined(html("<h2>{}</h2>{}<p>{}</p>", table.title, table_html(table), table.note) for table in tables),
        json.dumps(plan, indent=1),
        _drawing() if pictures else "",
    )
    return str(page)


def _picture(picture: Picture) -> Markup:
    return html(
        '<h2>{}</h2><div role="img" aria-label="{}" data-figure="{}"></div>',
        picture.title,
        picture.title,
        picture.figure,
    )


def _drawing() -> Markup:
    """Plotly, and what has it draw."""
    from plotly.offline import get_plotlyjs

    source = b64encode(get_plotlyjs().encode()).decode()
    return html('<script src="data:text/javascript;charset=utf-8;base64,{}"></script>{}', source, DRAW)
