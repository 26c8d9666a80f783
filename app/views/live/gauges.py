"""The Live page's gauges: a window in a few figures, by colour and with their change against the window before."""

from collections.abc import Sequence

from app.alerting.levels import Level, lowest
from app.live.rows import LiveView
from app.live.totals import make_gauges
from app.views.kit.html import show
from app.views.live.html import gauges_html


def show_gauges(view: LiveView, levels: Sequence[Level]) -> None:
    """The window in all. levels: bounds of the rules that raise alerts."""
    bounds = {"p95": lowest(levels, "latency_p95"), "failed": lowest(levels, "errors")}
    gauges = make_gauges(view.now, view.before, {name: each for name, each in bounds.items() if each is not None})
    show(gauges_html(gauges))
