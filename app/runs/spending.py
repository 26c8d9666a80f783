"""What the questions of a run took and cost by the token."""

from app.kit.costs import Spent
from metrics.runs import StoredRun
from metrics.store import TraceStore


def run_spending(store: TraceStore, run: StoredRun) -> Spent:
    """As far as it was counted: a run that began before counting did says so."""
    since = store.costs.counted_from()
    return Spent(tuple(store.costs.of_run(run.run_id)), since if since is not None and run.started_at < since else None)
