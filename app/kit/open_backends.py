"""The backends that one process has open: each is opened once, on first use, and answers from an index that there is."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from app.config import Settings
from app.kit.privacy import make_data_dir
from backends import registry
from backends.local.protocols import HoldsCorpus
from pipeline.errors import InputError, StoreError, Unavailable
from pipeline.protocols import Backend

if TYPE_CHECKING:
    from backends.local.build import Progress
    from backends.local.corpus import LocalCorpus

log = logging.getLogger(__name__)

CHECK_S = 1.0
"""How long a check waits for a backend that is being opened."""


class OpenBackends:
    """Of one process. Threads may share it; whoever asks for a backend that is being opened waits for it."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        make: Callable[[str, registry.BackendConfig], Backend],
        indexing: Callable[[], bool],
    ) -> None:
        """indexing: whether a job builds the index already."""
        self.make = make
        """Opens one more, for whoever wants it to itself."""
        self._settings, self._indexing = settings, indexing
        self._lock = threading.RLock()
        self._opened: dict[str, Backend] = {}

    def open(self, name: str, *, build: bool = True) -> Backend:
        """An open backend, ready to answer: its index is built first if there is none, unless told not to.

        Raises ConfigError or Unavailable.
        """
        with self._lock:
            if name not in self._opened:
                settings = self._settings()
                make_data_dir(settings.data_dir)
                self._opened[name] = self.make(name, settings.backend_config())
            backend = self._opened[name]
            if build and isinstance(backend, HoldsCorpus) and not backend.corpus.has_index():
                self._build_missing(backend.corpus)
            return backend

    def corpus(self, name: str, *, build: bool = True) -> "LocalCorpus | None":
        """The corpus of a backend; None where the backend's documents are kept elsewhere. build: its first index, if there is none."""
        backend = self.open(name, build=build)
        return backend.corpus if isinstance(backend, HoldsCorpus) else None

    def is_stale(self, name: str) -> bool:
        """Whether documents changed since an open backend's index was built; False for one that is not open yet."""
        backend: object = self._opened.get(name)
        try:
            return isinstance(backend, HoldsCorpus) and backend.corpus.state().stale
        except StoreError:
            return False

    def names(self) -> Mapping[str, str | None]:
        """Every known backend, with why it cannot be used here, or None."""
        shipped = {name: registry.why_missing(name) for name in self._installed}
        return {**shipped, **registry.configured(self._settings().backend_config())}

    def usable(self) -> list[str]:
        """Backends that can be used here."""
        return [name for name, missing in self.names().items() if missing is None]

    def check(self, name: str) -> None:
        """Raise Unavailable, or ConfigError, unless a backend can answer now. Waits CHECK_S for one that is being opened."""
        if not self._lock.acquire(timeout=CHECK_S):
            raise Unavailable("The backend is being opened, and its index built if there was none. Wait a moment.")
        try:
            backend = self.open(name)
        finally:
            self._lock.release()
        for part in backend.check_ready().parts:  # which may ask a server: nobody else waits for that one
            if not part.ready:
                raise Unavailable(f"{part.name}: {part.detail}")

    def close(self) -> None:
        """Close those that are open."""
        with self._lock:
            for backend in self._opened.values():
                backend.close()
            self._opened.clear()

    @cached_property
    def _installed(self) -> list[str]:
        """Those that ship or are installed. Looking reads every installed package's entry points; what is added needs a new start."""
        return registry.names()

    def _build_missing(self, corpus: "LocalCorpus") -> None:
        """Build the first index, unless an indexing job is about to."""
        if self._indexing():
            return
        started = time.monotonic()
        try:
            manifest = corpus.build(_Waits())
        except InputError as error:
            log.warning("no index: %s", error)
            return
        log.info("built the index: %d chunks in %.1f s", manifest.chunks, time.monotonic() - started)


class _Waits:
    """Says once that a build waits for another one: nobody watches this one."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, progress: "Progress") -> None:
        if progress.step == "wait" and not self._said:
            self._said = True
            log.warning("another build of this index is running; waiting for it to end")
