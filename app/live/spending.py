"""What was spent by day: the tokens of the stored traces' models and their cost, read and put into words and rows. No streamlit."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.kit.costs import Spent, model_name, spent_to_dict, spent_words, use_to_dict, use_usd
from metrics.costs import DAY_S, CostPoint
from metrics.store import TraceStore
from metrics.token_costs import TokenUse, add_up, total_cost

DAYS = 14
"""Days that the Live page shows, today's among them."""

MODELS = 6
"""Models that have a colour of their own; the others are one."""

OTHERS = "other models"


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent on some days, UTC."""

    days: tuple[int, ...]
    """Beginnings of the days, in seconds since the epoch, ascending."""
    points: tuple[CostPoint, ...]
    """What was used, by day and model."""
    counted_from: float | None
    """When counting began, where that lies within these days; None where it does not."""

    @property
    def spent(self) -> Spent:
        """All of it."""
        return Spent(tuple(add_up(point.use for point in self.points)), self.counted_from)

    @property
    def priced(self) -> bool:
        """Whether any cost is known; else tokens are drawn."""
        return any(point.use.usd is not None for point in self.points)

    def bars(self) -> dict[str, list[float]]:
        """By model the dollars of each day, or tokens where no cost is known; the models that took most first, the rest as one."""
        sums: dict[str, dict[int, float]] = {}
        for point in self.points:
            of_model = sums.setdefault(point.use.model, {})
            of_model[point.start_s] = of_model.get(point.start_s, 0.0) + self._height(point.use)
        drawn = [model for model, of_model in sums.items() if any(of_model.values())]
        ranked = sorted(drawn, key=lambda model: -sum(sums[model].values()))
        found = {model_name(model): [sums[model].get(day, 0.0) for day in self.days] for model in ranked[:MODELS]}
        if ranked[MODELS:]:
            found[OTHERS] = [sum(sums[model].get(day, 0.0) for model in ranked[MODELS:]) for day in self.days]
        return found

    def _height(self, use: TokenUse) -> float:
        return (use.usd or 0.0) if self.priced else float(use.input_tokens + use.output_tokens)

    @property
    def title(self) -> str:
        """What the chart shows."""
        if not self.points:
            return "Nothing was paid by the token"
        return "Cost by day and model, US dollars" if self.priced else "Tokens by day and model"

    @property
    def words(self) -> str:
        """What there is to say of all days together."""
        if not self.points:
            nothing = f"No trace of the last {len(self.days)} days names a model that is paid by the token."
            return " ".join(filter(None, (nothing, spent_words(self.spent))))
        return f"Last {len(self.days)} days (UTC), of the traces stored here. {spent_words(self.spent)}"

    @property
    def undrawn_words(self) -> str:
        """That something is missing from the bars; empty where nothing is."""
        cost = total_cost(self.spent.uses)
        return "What has no known cost is not drawn." if self.priced and cost is not None and cost.unknown else ""


def read_spending(store: TraceStore, days: int = DAYS, now_s: float | None = None) -> Spending:
    """What was spent on the last days, today's among them. now_s: seconds since the epoch; the time of the call if None."""
    today = int(time.time() if now_s is None else now_s) // DAY_S * DAY_S
    first, counted_from = today - (days - 1) * DAY_S, store.costs.counted_from()
    return Spending(
        tuple(range(first, today + DAY_S, DAY_S)),
        tuple(store.costs.cost_series(first, today + DAY_S, DAY_S)),
        counted_from if counted_from is not None and counted_from > first else None,
    )


def spending_text(found: Spending) -> str:
    """As plain text for a shell: a line a day and model."""
    lines = [
        f"{'day':<10}  {'model':<36} {'calls':>8} {'read':>14} {'written':>12}  cost",
        *(
            f"{day_name(point.start_s)}  {model_name(point.use.model):<36} {point.use.calls:>8,} {point.use.input_tokens:>14,} "
            f"{point.use.output_tokens:>12,}  {use_usd(point.use)}"
            for point in found.points
        ),
        "",
    ]
    return "\n".join([*(lines if found.points else []), found.words])


def spending_to_dict(found: Spending) -> dict[str, Any]:
    """JSON-ready: each day and model, and all together."""
    return {
        "days": [{"day": day_name(point.start_s), **use_to_dict(point.use)} for point in found.points],
        "total": spent_to_dict(found.spent),
    }


def day_name(start_s: int) -> str:
    """A day, as `2026-11-25`."""
    return datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d")
