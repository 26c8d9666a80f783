"""A demonstration from start to end: the stack, what is made beforehand, the dashboard, the stream; and nothing left running after it."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.config import Settings
from app.demonstration.preparing import LOCAL, STACK, prepare
from app.demonstration.scenes import Cue, make_script
from app.demonstration.standing import BEAT_S, LOCK_NAME, Standing, read_standing, write_standing
from app.demonstration.stream import Faults, Stream, emitting
from app.kit.numbers import count, rough_time
from app.kit.privacy import make_private
from app.setting import variable
from pipeline.errors import InputError, RaglassError, StoreError
from pipeline.locks import held_alone

if TYPE_CHECKING:
    from app.services import Services
    from serving.rehearsal.processes import Child
    from serving.rehearsal.session import Rehearsal

FOLDER = "demonstration"
"""The demonstration's own data folder, within the usual one."""


READY_S = 180.0
"""How long the dashboard may take."""

ALERT_EVERY_S = 5
"""Between two looks at the rules: alerts come while one still speaks of them."""

ENTRANCE = (
    *("host", "port", "allowed_hosts", "frame_ancestors", "public_url", "log_level"),
    *(
        "open",
        "oidc_issuer",
        "oidc_client_id",
        "oidc_client_secret",
        "oidc_trust_email",
        "allow_people",
        "editors",
        "admins",
    ),
)
"""Settings of the person's own that the demonstration's dashboard keeps; their backends, databases and channels stay out of it."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be performed."""

    settings: Settings
    """The person's own: where data lies, where to listen."""
    minutes: float
    """How long questions come."""
    stay_minutes: float
    """How long the dashboard stays after them."""

    @property
    def folder(self) -> Path:
        """The demonstration's own data folder."""
        return self.settings.data_dir / FOLDER

    @property
    def address(self) -> str:
        """Of the dashboard, as this machine reaches it."""
        return f"http://{_reached(self.settings.host)}:{self.settings.port}"


@contextmanager
def rehearsed_stack(tell: Tell) -> Iterator["Rehearsal | None"]:
    """The AWS stack on this machine, for as long as the block runs; None, said so, where it cannot be had."""
    try:
        from serving.rehearsal.session import start

        opened = start(tell=lambda line: None if line.startswith(" ") else tell(line))
        rehearsal: Rehearsal | None = opened.__enter__()
    except (ImportError, RaglassError) as error:
        tell(f"The stack cannot be rehearsed here: {error}")
        tell("Going on with the local backend alone; the scenes with faults are left out")
        yield None
        return
    try:
        yield rehearsal
    finally:
        opened.__exit__(None, None, None)


def perform(plan: Plan, rehearsal: "Rehearsal | None", tell: Tell, stop: threading.Event) -> None:
    """Prepare, show, ask, and stay for a while. rehearsal: a running stack, if there is one. stop: ends it early.

    Raises InputError while another demonstration uses the folder, Unavailable if the dashboard does not start.
    """
    _make_folder(plan.folder)
    before = read_standing(plan.folder)
    running = InputError("A demonstration was started at the same moment. Open that one, or end it with Ctrl-C.")
    with held_alone(plan.folder / LOCK_NAME, running), _services(plan, rehearsal) as services:
        links = prepare(services, stack=rehearsal is not None, tell=tell)
        elapsed_s = _gone_on_with(before, plan, rehearsal is not None, tell)
        with _dashboard(plan, rehearsal, tell):
            now_s = time.time()
            standing = Standing(
                "running", plan.minutes, rehearsal is not None, now_s - elapsed_s, now_s, plan.address, links
            )
            tell(opened_words(standing))
            _play(plan, rehearsal, services, standing, tell, stop)


def opened_words(standing: Standing) -> str:
    """Where to look, once everything is ready."""
    lines = [f"Ready: {standing.address}   (larger type, without a sidebar: {standing.address}/?present=1)"]
    lines += [f"  {words}: {standing.address}/{link}" for words, link in standing.links.items()]
    left_s = standing.minutes * 60 - standing.elapsed_s
    return "\n".join(
        [*lines, f"Questions come for {rough_time(left_s)}. docs/demo.md says what to show. Ctrl-C ends it."]
    )


def _play(
    plan: Plan,
    rehearsal: "Rehearsal | None",
    services: "Services",
    standing: Standing,
    tell: Tell,
    stop: threading.Event,
) -> None:
    """The stream, with a word to the dashboard every few seconds; then the time that the dashboard stays."""
    backends = (STACK, LOCAL) if rehearsal else (LOCAL,)
    scene, beat_at = "", 0.0

    def on_beat(cue: Cue) -> None:
        nonlocal scene, beat_at
        if scene != cue.scene.name:
            scene = cue.scene.name
            tell(f"For {rough_time(cue.end_s - cue.start_s)}: {cue.scene.now}. See {cue.scene.page}")
        if time.time() - beat_at >= BEAT_S:
            beat_at = time.time()
            write_standing(plan.folder, replace(standing, beat_at=beat_at))

    script, over = make_script(plan.minutes, stack=rehearsal is not None), False
    try:
        with emitting(rehearsal) as report:
            stream = Stream(services, backends, Faults(rehearsal), report)
            over = stream.run(script, standing.origin_s, stop, on_beat)
    finally:
        phase = replace(standing, phase="over" if over else "stopped", beat_at=time.time())
        with suppress(StoreError):
            write_standing(plan.folder, phase)
    if over:
        tell(
            f"The demonstration is over: {count(stream.asked, 'question')} asked. The pages stay for {rough_time(plan.stay_minutes * 60)}; "
            "Ctrl-C ends it at once"
        )
        stop.wait(plan.stay_minutes * 60)


def _gone_on_with(before: Standing | None, plan: Plan, stack: bool, tell: Tell) -> float:
    """Seconds of the script that an earlier demonstration has played already; says what becomes of it."""
    if before is None:
        return 0.0
    if before.can_resume() and (before.minutes, before.stack) == (plan.minutes, stack):
        tell(f"Going on where it was stopped, {rough_time(before.elapsed_s)} in. --fresh begins anew")
        return before.elapsed_s
    tell(
        "An earlier demonstration's questions are kept; it is played again from its start. --fresh begins with nothing"
    )
    return 0.0


@contextmanager
def _services(plan: Plan, rehearsal: "Rehearsal | None") -> Iterator["Services"]:
    """This process's own way to ask: no dashboard, and nothing of the person's own settings."""
    from app.services import Services
    from backends.registry import BackendConfig, open_backend
    from pipeline.protocols import Backend

    def open_either(name: str, config: BackendConfig) -> Backend:
        return rehearsal.open_backend() if rehearsal is not None and name == STACK else open_backend(name, config)

    settings = Settings(data_dir=plan.folder, backend=LOCAL, quality_share=0.0)
    services = Services(settings, open_backend=open_either)
    try:
        yield services
    finally:
        services.close()


@contextmanager
def _dashboard(plan: Plan, rehearsal: "Rehearsal | None", tell: Tell) -> Iterator["Child"]:
    """The dashboard as a process of its own, ready to be looked at. Raises Unavailable with the end of its log."""
    from serving.rehearsal.processes import Child, clean_environ

    environ = {} if rehearsal is None else rehearsal.environ
    environ = environ | {variable(name): str(getattr(plan.settings, name)) for name in ENTRANCE}
    environ |= {
        "RAGLASS_DATA_DIR": str(plan.folder),
        "RAGLASS_METRICS_SOURCE": "local",
        "RAGLASS_ALERT_EVERY_S": str(ALERT_EVERY_S),
    }
    command = [sys.executable, "-c", "from app.shell.main import main; main()", "serve"]
    tell("Starting the dashboard")
    child = Child("dashboard", command, clean_environ(**environ), plan.folder)
    try:
        child.wait_until_ok(f"{plan.address}/readyz", READY_S)
        yield child
    finally:
        child.stop()


def _make_folder(folder: Path) -> None:
    try:
        make_private(folder)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be made ({error.strerror}). Set RAGLASS_DATA_DIR to one that can be written."
        ) from error


def _reached(host: str) -> str:
    """A listening address as this machine reaches it."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else f"[{host}]" if ":" in host else host
