"""What models cost by the token, as a series over all backends: from the tokens that the store counts, by the minute."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from app.alerting.readers import MeansReader
from app.alerting.rules import Rule
from app.alerting.series import Series
from metrics.costs import DAY_S
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.token_costs import TokenUse, total_cost

COST = Series("cost", "Cost of models", "usd", threshold="$10", window_s=DAY_S, for_s=0, minimum=1, by_backend=False)
"""US dollars over a window, which is a day unless said otherwise."""


@dataclass(frozen=True, slots=True)
class _Spent:
    """What calls of one minute cost, of those whose price is known."""

    at: float
    count: int
    mean: float


def cost_reader(store: Callable[[], TraceStore]) -> MeansReader:
    """The cost of a day. A call without a known price is not counted, and so is no 0."""

    def spent(_: str, since_s: float, until_s: float, step_s: float) -> list[_Spent]:
        uses: defaultdict[int, list[TokenUse]] = defaultdict(list)
        for point in store().costs.cost_series(since_s, until_s, int(step_s)):
            uses[point.start_s].append(point.use)
        return [each for at, used in uses.items() if (each := _of_minute(at, used)) is not None]

    def behind(rule: Rule, since_s: float, until_s: float) -> TraceQuery:
        return TraceQuery(asked_from=since_s, asked_to=until_s)

    return MeansReader(lambda: [COST], spent, behind, total=True)


def _of_minute(at_s: int, uses: list[TokenUse]) -> _Spent | None:
    known = [
        (cost.usd, use.calls - use.uncounted) for use in uses if (cost := total_cost([use])) is not None and cost.usd
    ]
    calls = sum(count for _, count in known)
    return _Spent(at_s, calls, sum(usd for usd, _ in known) / calls) if calls else None
