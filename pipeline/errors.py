"""The error tree. Every message says what happened, with the value, and what to do next.

RaglassError
├── ConfigError            a setting is missing or wrong
├── InputError             the caller asked for something impossible: a blank question, `top_k` of 0
├── BackendError           a backend could not answer; knows the stage
│   ├── Unavailable        a part is not there: no index, no model, no endpoint
│   │   └── IndexMismatch  the index was made by another embedder
│   ├── Timeout            the question's deadline passed
│   ├── Throttled          the backend asked us to slow down
│   ├── BadResponse        a part answered something that cannot be used
│   │   └── DimensionMismatch
│   └── StageFailed        anything else that broke inside a stage
└── StoreError             the trace store could not be read or written
"""

from pipeline.types import Failure


class RaglassError(Exception):
    """Base of every error that is meant to be read by a person."""


class ConfigError(RaglassError):
    """A setting is missing or wrong."""


class InputError(RaglassError):
    """The caller asked for something impossible; nothing was run and nothing was stored."""


class BackendError(RaglassError):
    """A backend could not answer. `stage` names the stage that failed, or is None before any stage began."""

    def __init__(self, message: str, *, stage: str | None = None) -> None:
        super().__init__(message)
        self.stage = stage

    def to_failure(self) -> Failure:
        """The form in which a trace keeps this error."""
        return Failure(kind=type(self).__name__, message=str(self), stage=self.stage)


class Unavailable(BackendError):
    """A part that the backend needs is not there."""


class IndexMismatch(Unavailable):
    """The index was built by another embedder than the one that is asked to search it."""


class Timeout(BackendError):
    """The question's deadline passed."""


class Throttled(BackendError):
    """The backend asked for fewer questions per second."""


class BadResponse(BackendError):
    """A part answered something that cannot be used."""


class DimensionMismatch(BadResponse):
    """A vector's length differs from the index's."""


class StageFailed(BackendError):
    """Something else broke inside a stage; the details are in the log."""


class StoreError(RaglassError):
    """The trace store could not be read or written."""
