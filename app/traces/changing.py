"""What people change about stored traces: feedback, saved views, and deleting them."""

from collections.abc import Callable, Sequence

from app.kit.numbers import count
from app.permitting.acting import record, require
from app.permitting.roles import Role
from metrics.forgetting import NAMED, Forgotten, Sparing
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.views import SavedView


def rate_trace(store: TraceStore, trace_id: str, rating: int, note: str) -> None:
    """Keep what somebody says of a trace. rating: -1, 0 or 1. Takes an editor. Raises NotPermitted, InputError, StoreError."""
    require(Role.EDITOR)
    store.annotate(trace_id, rating, note)
    record("gave feedback", trace_id)


def delete_traces(
    store: TraceStore,
    chosen: Sequence[str] | TraceQuery,
    *,
    sparing: Sparing = NAMED,
    on_progress: Callable[[Forgotten], object] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Forgotten:
    """Delete traces for good, as `TraceStore.forget` does. Takes an admin. Raises NotPermitted, StoreError.

    However it ends, what was deleted by then is noted.
    """
    require(Role.ADMIN)
    deleted = 0

    def follow(done: Forgotten) -> None:
        nonlocal deleted
        deleted = done.deleted
        on_progress(done)

    try:
        return store.forget(chosen, sparing=sparing, on_progress=follow, stopping=stopping)
    finally:
        named = () if isinstance(chosen, TraceQuery) else chosen
        if deleted:
            record("deleted traces", named[0] if len(named) == 1 else count(deleted, "trace"))


def save_view(store: TraceStore, name: str, address: str, *, replace: bool = False) -> SavedView:
    """Keep filters under a name, as `SavedViews.save` does. Takes an editor. Raises NotPermitted, InputError, StoreError."""
    require(Role.EDITOR)
    view = store.views.save(name, address, replace=replace)
    record("saved a view", view.name)
    return view


def rename_view(store: TraceStore, name: str, new: str) -> str:
    """Call a view something else; the name as it is kept. Takes an editor. Raises NotPermitted, InputError, StoreError."""
    require(Role.EDITOR)
    kept = store.views.rename(name, new)
    record("renamed a view", f"{name} → {kept}")
    return kept


def delete_view(store: TraceStore, name: str) -> None:
    """Forget a view. Takes an editor. Raises NotPermitted, StoreError."""
    require(Role.EDITOR)
    store.views.delete(name)
    record("deleted a view", name)
