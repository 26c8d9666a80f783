"""What studies are given of the process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.registry import BackendConfig
from pipeline.protocols import Backend

if TYPE_CHECKING:
    from app.config import Settings
    from app.runs.evaluations import Evaluations
    from metrics.store import TraceStore


@dataclass(frozen=True, slots=True)
class Parts:
    """What studies may use of this process."""

    settings: "Settings"
    """The settings."""
    backend: Callable[[str], Backend]
    """An open backend, by name; it is not to be closed."""
    open_backend: Callable[[str, BackendConfig], Backend]
    """Another one; whoever asked closes it."""
    config: Callable[[], BackendConfig]
    """What the usual backends are opened with."""
    evaluations: "Evaluations"
    """Runs over datasets."""
    store: Callable[[], "TraceStore"]
    """The trace store."""
