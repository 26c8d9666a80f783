"""What the Status page and `raglass status` show: readiness of every part, versions, settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.config import Settings, about, unknown_variables
from app.kit.streaming import InFlight
from app.setting import variable
from app.status.versions import installed_versions
from backends.local.remote.address import is_remote
from metrics.otlp.sending import SendCounts, Target
from metrics.store import TraceStore
from pipeline.errors import RaglassError, StoreError
from pipeline.protocols import Backend
from pipeline.types import PartReadiness


@dataclass(frozen=True, slots=True)
class Status:
    """How the product stands."""

    backend: str
    """The backend that was looked at."""
    backend_ready: bool
    """Whether all of its parts are."""
    parts: tuple[PartReadiness, ...]
    """Its parts, the trace store, what is received, how traces are kept and masked, and the machine."""
    sending: PartReadiness | None
    """Sending traces to a collector, which no question waits for; None where they are sent nowhere."""
    alerting: PartReadiness | None
    """Watching for alerts and sending their messages, which no question waits for either."""
    backends: Mapping[str, str | None]
    """Every known backend, with why it cannot be used here, or None."""
    versions: Mapping[str, str]
    """Installed versions; packages of extras that are not installed say so."""
    settings: Mapping[str, str]
    """Settings by variable, secrets masked."""
    unknown_variables: tuple[str, ...]
    """`RAGLASS_*` variables that are no setting."""

    @property
    def ready(self) -> bool:
        """Whether a question can be answered and stored."""
        return all(part.ready for part in self.parts)

    @property
    def all_parts(self) -> tuple[PartReadiness, ...]:
        """Every part that there is something to say of."""
        return (*self.parts, *(part for part in (self.sending, self.alerting) if part is not None))

    @property
    def wanting(self) -> tuple[PartReadiness, ...]:
        """The parts that are not as they should be."""
        return tuple(part for part in self.all_parts if not part.ready)


def read_status(
    settings: Settings,
    backends: Mapping[str, str | None],
    open_backend: Callable[[str], Backend],
    store: Callable[[], TraceStore],
    sending: PartReadiness | None = None,
    backend: str | None = None,
    *,
    alerting: PartReadiness | None = None,
    others: Sequence[PartReadiness] = (),
) -> Status:
    """Look at every part. Never raises for a part that is not ready.

    backends: every known one, with why it cannot be used here, or None. sending: how sending traces goes. backend: the one to look at, else
    the usual one. alerting: how watching for alerts goes. others: parts that were looked at already.
    """
    name = backend or settings.backend_name
    own = _backend_parts(open_backend, name)
    return Status(
        backend=name,
        backend_ready=all(part.ready for part in own),
        parts=(*own, _store_part(store), *others),
        sending=sending,
        alerting=alerting,
        backends=backends,
        versions=installed_versions(),
        settings=_settings(settings, name),
        unknown_variables=tuple(unknown_variables()),
    )


def _settings(settings: Settings, backend: str) -> dict[str, str]:
    """Settings as text; one that the backend does not read says who does."""
    readers = {variable(name): known.backend for name, known in about()}
    return {
        name: f"{value} (read by {readers[name]} only)"
        if readers[name] not in ("", backend) and not (backend == "local/embedded" and is_remote(value))
        else value
        for name, value in settings.shown().items()
    }


def _backend_parts(open_backend: Callable[[str], Backend], name: str) -> tuple[PartReadiness, ...]:
    try:
        return open_backend(name).check_ready().parts
    except RaglassError as error:
        return (PartReadiness(name, False, str(error)),)


def _store_part(store: Callable[[], TraceStore]) -> PartReadiness:
    try:
        health = store().health()
    except RaglassError as error:
        return PartReadiness("trace store", False, str(error))
    return PartReadiness("trace store", health.ok, f"{health.location}: {health.detail}")


def check_ready(
    in_flight: InFlight, check_backend: Callable[[], None], store: Callable[[], TraceStore]
) -> dict[str, str | None]:
    """What keeps this process from answering, by part: the usual backend and the store; None is ready.

    check_backend: raises a RaglassError unless the backend can answer.
    """
    if in_flight.finishing:
        return {"process": "It is stopping. Another one may answer, or this one once it has been started again."}

    def check_store() -> None:
        health = store().health()
        if not health.ok:
            raise StoreError(health.detail)

    return {"backend": _problem(check_backend), "store": _problem(check_store)}


def _problem(check: Callable[[], None]) -> str | None:
    try:
        check()
    except RaglassError as error:
        return str(error)
    return None


def sending_part(target: Target | None, sent: SendCounts | None) -> PartReadiness | None:
    """How sending traces to a collector goes; None where they are sent nowhere."""
    if target is None:
        return None
    if sent is None:
        return PartReadiness("sending traces", False, f"Nothing is sent: {target.why_not}")
    counts = f"{target.shown} (from {target.source}). Sent: {sent.sent:,}; waiting: {sent.waiting:,}; dropped: {sent.dropped:,}"
    if sent.turned_down:
        counts += f"; spans that the collector did not accept: {sent.turned_down:,}"
    if sent.problem is None or sent.failing_since is None:
        return PartReadiness("sending traces", True, f"{counts}.")
    since = datetime.fromtimestamp(sent.failing_since, UTC)
    return PartReadiness(
        "sending traces", False, f"{counts}. Failing since {since:%Y-%m-%d %H:%M:%S} UTC: {sent.problem}"
    )
