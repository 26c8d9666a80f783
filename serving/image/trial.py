"""What is asked of the images: small, confined, quick to start, honest to a browser, and losing nothing when told to end.

Each trial prints what it measures and returns what is wrong, in sentences; nothing if all is well.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from metrics.catalogue import rag_metric
from metrics.cloudwatch import CloudWatchSource
from metrics.series import Window
from pipeline.errors import Unavailable
from pipeline.measures import TOTAL
from serving.image.browser import answer_to, broken_pages, put, visiting
from serving.image.engine import Container, Engine
from serving.rehearsal.ports import LOOPBACK, free_port
from serving.rehearsal.processes import answers_ok
from serving.rehearsal.session import Rehearsal

PYTHON = "/opt/raglass/bin/python"
RAGLASS = "/opt/raglass/bin/raglass"
USER = "10001:10001"

LIMIT_BYTES = 700_000_000
"""Of the dashboard's image, unpacked."""

FIRST, SECOND = "Who proposed that continents drift?", "How do clouds form?"

DELAY_S = 8.0
"""How long the generator takes over the question that is in flight when the container is told to end."""

PATIENCE_S = 120.0

LOOK_AROUND = """
import json, os
def writable(path):
    try:
        with open(os.path.join(path, "probe"), "w"):
            return True
    except OSError:
        return False
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": int(status["CapEff"], 16),
    "writable": [path for path in ("/", "/app", "/data", "/opt/raglass", "/tmp", "/usr") if writable(path)],
}))
"""
"""Run by the image's Python inside a container."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """An image on an engine, with a volume of its own."""

    engine: Engine
    image: str
    volume: str
    tell: Tell

    def confinement(self, limit_bytes: int | None) -> list[str]:
        """User, size, and what its process may do."""
        facts = self.engine.facts(self.image)
        self.tell(
            f"  size {facts.size_bytes / 1e6:.0f} MB unpacked, user {facts.user}, entry point {facts.entrypoint[0]}"
        )
        problems = []
        if facts.user != USER:
            problems.append(f"The image's user is {facts.user!r}, not {USER}.")
        if limit_bytes and facts.size_bytes > limit_bytes:
            problems.append(f"The image has {facts.size_bytes / 1e6:.0f} MB, more than {limit_bytes / 1e6:.0f}.")
        if facts.health[:2] != ("CMD", PYTHON):
            problems.append(f"The health check is {facts.health}: it needs a shell.")
        found = self.engine.run(self.image, self.engine.volume(), {}, [PYTHON, "-c", LOOK_AROUND]).json()
        self.tell(
            f"  inside: uid {found['uid']}, capabilities {found['capabilities']}, can write {', '.join(found['writable'])}"
        )
        if found != {"uid": 10001, "capabilities": 0, "writable": ["/data"]}:
            problems.append(f"The process may do more than it should, or less: {found}.")
        return problems

    @contextmanager
    def serving(self, environ: Mapping[str, str]) -> Iterator[tuple[Container, str]]:
        """The dashboard in a container, once it is ready, and its address. Raises Unavailable with the end of its log."""
        port = free_port()
        given = {**environ, "RAGLASS_HOST": LOOPBACK, "RAGLASS_PORT": str(port)}
        url, began = f"http://{LOOPBACK}:{port}", time.monotonic()
        container = self.engine.start(self.image, self.volume, given)
        while not answers_ok(f"{url}/readyz", timeout_s=20.0):
            if not container.is_running() or time.monotonic() - began > PATIENCE_S:
                raise Unavailable(f"The container did not get ready. The end of its log: {container.log()[-1500:]}")
            time.sleep(0.05)
        self.tell(f"  ready {time.monotonic() - began:.1f} s after its start")
        probe = self.engine.run(self.image, self.engine.volume(), given, [PYTHON, "-m", "app.probe"])
        if probe.status:
            raise Unavailable(
                f"The image's health check says that the dashboard is not well: {probe.output}{probe.errors}"
            )
        yield container, url

    def stored_questions(self) -> dict[str, str | None]:
        """What the image itself finds in the volume: questions, each with the kind of its error."""
        rows = self.engine.run(self.image, self.volume, {}, [RAGLASS, "traces", "--json"]).json()
        return {row["question"]: row["error_kind"] for row in rows}

    def end(self, container: Container, began: float) -> list[str]:
        """Wait for a container that was told to end."""
        status = container.wait(PATIENCE_S)
        self.tell(f"  ended with status {status} {time.monotonic() - began:.1f} s after SIGTERM")
        return (
            []
            if status == 0
            else [f"The container left with {status}, not 0. The end of its log: {container.log()[-1500:]}"]
        )


def try_dashboard(engine: Engine, image: str, rehearsal: Rehearsal, tell: Tell) -> list[str]:
    """The dashboard over a stack."""
    trial = Trial(engine, image, engine.volume(), tell)
    problems = trial.confinement(LIMIT_BYTES)
    before = _questions_in_cloudwatch(rehearsal)
    with trial.serving(rehearsal.environ) as (container, url), visiting(url) as page:
        put(page, FIRST)
        tell(f"  {FIRST} {answer_to(page, FIRST)}")
        problems += [f"The page {path} does not open." for path in broken_pages(page)]
        rehearsal.sagemaker.clear()
        rehearsal.sagemaker.inject("delay", where=rehearsal.endpoint_path("generator"), seconds=DELAY_S)
        put(page, SECOND)
        _until(
            lambda: rehearsal.sagemaker.calls(rehearsal.endpoint_path("generator")) > 0, "The generator was not asked."
        )
        container.terminate()
        began = time.monotonic()
        tell(f"  SIGTERM with a question in flight: {SECOND} {answer_to(page, SECOND)}")
        problems += trial.end(container, began)
    rehearsal.sagemaker.clear()
    stored = trial.stored_questions()
    tell(f"  traces in the volume: {len(stored)}")
    if stored != {FIRST: None, SECOND: None}:
        problems.append(f"These traces are stored, each with its error: {stored}.")
    arrived = _questions_in_cloudwatch(rehearsal) - before
    tell(f"  questions measured in CloudWatch: {arrived}")
    if arrived != 2:
        problems.append(f"CloudWatch counts {arrived} questions, not 2.")
    return problems


def try_local(engine: Engine, image: str, tell: Tell) -> list[str]:
    """The dashboard with the local backend, on its own."""
    trial = Trial(engine, image, engine.volume(), tell)
    problems = trial.confinement(None)
    with trial.serving({}) as (container, url), visiting(url) as page:
        put(page, FIRST)
        tell(f"  {FIRST} {answer_to(page, FIRST)}")
        problems += [f"The page {path} does not open." for path in broken_pages(page)]
        container.terminate()
        problems += trial.end(container, time.monotonic())
    stored = trial.stored_questions()
    tell(f"  traces in the volume: {len(stored)}")
    if stored != {FIRST: None}:
        problems.append(f"These traces are stored, each with its error: {stored}.")
    return problems


def _questions_in_cloudwatch(rehearsal: Rehearsal) -> int:
    """How many questions CloudWatch has a latency of, in this hour and the one before."""
    source = CloudWatchSource(client=rehearsal.dashboard_client("cloudwatch"))
    query = rag_metric("Latency", "SampleCount", "aws", TOTAL)
    (series,) = source.read([query], Window.ending(time.time(), 7200, 3600))
    return int(sum(series.values.values()))


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until:
            raise Unavailable(otherwise)
        time.sleep(0.05)
