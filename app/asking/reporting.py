"""What others are told of each question, without waiting for them: its measures go to CloudWatch, its trace to a collector."""

from importlib.metadata import version

from app.config import Settings
from metrics.emit import CloudWatchSink, EmitCounts, MetricsEmitter
from metrics.otlp.sending import SendCounts, Target, TraceSender, TraceSink, read_target
from pipeline.types import Trace


class Reporting:
    """Of one process, as its settings have it; to nobody unless they name somebody."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._emitter = MetricsEmitter(CloudWatchSink(settings.aws_region)) if settings.emit_metrics else None
        self._sender: TraceSender | None = None
        self.target: Target | None = None
        """Where traces are sent beside the store; None for nowhere."""
        self.listen(settings.host, settings.port)

    def listen(self, host: str, port: int) -> None:
        """Say where the dashboard listens: on it depends which traces would come back."""
        self.target = read_target(self._settings.otlp_endpoint, host, port)
        if self.target is None or self.target.why_not:
            self._sender = None
        elif self._sender is None:
            self._sender = TraceSender(self._open_collector)

    def report(self, trace: Trace) -> None:
        """Tell others of a question's trace, at once and without raising."""
        if self._emitter is not None:
            self._emitter.emit(trace)
        if self._sender is not None:
            self._sender.send(trace)

    @property
    def sent(self) -> SendCounts | None:
        """What became of the traces sent to a collector; None where none are sent."""
        return None if self._sender is None else self._sender.counts

    @property
    def emitted(self) -> EmitCounts | None:
        """What became of the measures sent to CloudWatch; None where none are sent."""
        return None if self._emitter is None else self._emitter.counts

    def flush(self, limit_s: float) -> None:
        """Send what waits, each within `limit_s`."""
        for outward in (self._emitter, self._sender):
            if outward is not None:
                outward.flush(limit_s)

    def close(self, limit_s: float) -> None:
        """Send what waits, each within `limit_s`, and nothing more."""
        for outward in (self._emitter, self._sender):
            if outward is not None:
                outward.close(limit_s)

    def _open_collector(self) -> TraceSink:
        from metrics.otlp.collector import Collector
        from metrics.otlp.spans_out import Hiding

        assert self.target is not None
        hiding = Hiding(self._settings.otlp_hide_texts, self._settings.otlp_hide_vectors)
        return Collector(self.target, version("raglass"), hiding)
