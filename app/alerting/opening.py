"""What this process watches and where its messages go, from the settings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from app.alerting.alarms import Alarms
from app.alerting.channels import open_channels
from app.alerting.costs import cost_reader
from app.alerting.outbox import Limits
from app.alerting.readers import AbstentionReader, DriftReader, Readers, StageReader, Verdict
from app.alerting.seam import SeriesReader
from metrics.store import TraceStore

if TYPE_CHECKING:
    from app.config import Settings


def open_alarms(
    settings: Callable[[], "Settings"],
    store: Callable[[], TraceStore],
    drift: Callable[[str], Sequence[Verdict]],
    others: Sequence[SeriesReader] = (),
) -> Alarms:
    """The rules of a store, not watched yet. drift: looks for drift of a backend's questions. others: what else can be watched."""
    said = settings()
    return Alarms(
        store,
        Readers([StageReader(store), AbstentionReader(store), DriftReader(drift), cost_reader(store), *others]),
        lambda: open_channels(settings()),
        lambda: settings().public_base,
        Limits(said.alert_messages_per_hour, said.alert_remind_hours * 3_600),
        said.alert_every_s,
    )
