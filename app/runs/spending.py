"""What the questions of runs took and cost by the token."""

from collections.abc import Sequence

from app.kit.costs import Spent
from metrics.runs import StoredRun
from metrics.store import TraceStore


def runs_spending(store: TraceStore, runs: Sequence[StoredRun]) -> dict[str, Spent]:
    """Of each run, by its id, as far as it was counted: a run that began before counting did says so."""
    since, used = store.costs.counted_from(), store.costs.of_runs([run.run_id for run in runs])
    return {
        run.run_id: Spent(
            tuple(used.get(run.run_id, ())), since if since is not None and run.started_at < since else None
        )
        for run in runs
    }


def run_spending(store: TraceStore, run: StoredRun) -> Spent:
    """The same of one."""
    return runs_spending(store, [run])[run.run_id]
