"""What the Status page and `raglass status` show: readiness of every part, versions, settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.config import about, unknown_variables, variable
from app.services import Services
from app.status.versions import installed_versions
from pipeline.errors import RaglassError
from pipeline.types import PartReadiness


@dataclass(frozen=True, slots=True)
class Status:
    """How the product stands."""

    backend: str
    """The backend that was looked at."""
    parts: tuple[PartReadiness, ...]
    """Its parts and the trace store."""
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


def read_status(services: Services, backend: str | None = None) -> Status:
    """Look at every part. Never raises for a part that is not ready."""
    name = backend or services.settings.backend_name
    return Status(
        backend=name,
        parts=(*_backend_parts(services, name), _store_part(services)),
        backends=services.backend_names(),
        versions=installed_versions(),
        settings=_settings(services, name),
        unknown_variables=tuple(unknown_variables()),
    )


def _settings(services: Services, backend: str) -> dict[str, str]:
    """Settings as text; one that the backend does not read says who does."""
    readers = {variable(name): known.backend for name, known in about()}
    return {
        name: f"{value} (read by {readers[name]} only)" if readers[name] not in ("", backend) else value
        for name, value in services.settings.shown().items()
    }


def _backend_parts(services: Services, name: str) -> tuple[PartReadiness, ...]:
    try:
        return services.backend(name).check_ready().parts
    except RaglassError as error:
        return (PartReadiness(name, False, str(error)),)


def _store_part(services: Services) -> PartReadiness:
    try:
        health = services.store.health()
    except RaglassError as error:
        return PartReadiness("trace store", False, str(error))
    return PartReadiness("trace store", health.ok, f"{health.location}: {health.detail}")
