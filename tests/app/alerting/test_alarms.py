"""Alarms over a real store: raised, told once, silenced, reminded, ended; by two dashboards, and while a channel is down."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.alerting import outbox
from app.alerting.alarms import Alarms
from app.alerting.channels import Channel, Refused
from app.alerting.notice import Notice
from app.alerting.outbox import Limits
from app.alerting.readers import AbstentionReader, DriftReader, Readers, StageReader, quality_reader, scored_beyond
from app.alerting.rules import Rule, make_rule
from app.alerting.series import Series
from app.alerting.words import alerts_part, alerts_text, messages_words, preview_words
from metrics.store import TraceStore
from pipeline.errors import BackendError, ConfigError, InputError, StoreError
from tests.factories import make_failed_trace, make_generation, make_trace

START_S = 1_757_000_040.0
RULE = Rule("slow", "latency_p95", 1_000.0, "above", "fake", window_s=60, for_s=60, minimum=2)

FEW = Limits(20, 0.0)


@dataclass
class Box:
    """A channel that keeps what it is told."""

    name: str = "box"
    shown: str = "here"
    sent: list[Notice] = field(default_factory=list)
    failing: list[Exception] = field(default_factory=list)
    tried: int = 0

    def send(self, notice: Notice) -> None:
        self.tried += 1
        if self.failing:
            raise self.failing[0]
        self.sent.append(notice)

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.sent]


class World:
    """A store, a clock that tests move, and dashboards on it."""

    def __init__(self, store: TraceStore) -> None:
        self.store, self.now_s, self.box = store, START_S, Box()
        self.means: list[Mean] = []
        self.drift: list[tuple[float, float, int]] = []

    def dashboard(self, *channels: Channel, limits: Limits = FEW) -> Alarms:
        store = lambda: self.store  # noqa: E731
        readers = [
            StageReader(store),
            AbstentionReader(store),
            DriftReader(lambda _: self.drift, lambda: self.now_s),
            quality_reader([Scored("grounded", "grounded share", "low")], lambda name, *_: self.means),
        ]
        given = channels or (self.box,)
        return Alarms(store, Readers(readers), lambda: given, lambda: "http://here", limits, 1.0, lambda: self.now_s)

    def ask(self, duration_ms: float, times: int = 2, **changes: object) -> None:
        for _ in range(times):
            told = {"backend": "fake", "asked_at": self.now_s, "duration_ms": duration_ms, **changes}
            self.store.put(make_trace(**told))

    def minute(self, alarms: Alarms, duration_ms: float = 0.0) -> None:
        """A minute passes, with questions that take so long, and is looked at."""
        if duration_ms:
            self.ask(duration_ms)
        alarms.look()
        alarms.sender.send_due()
        self.now_s += 60

    def raise_slow(self, alarms: Alarms) -> None:
        """Save the rule and let it be broken."""
        alarms.save(RULE)
        for _ in range(2):
            self.minute(alarms, 3_000.0)

    def calm_down(self, alarms: Alarms) -> None:
        for _ in range(2):
            self.minute(alarms, 10.0)


@dataclass(frozen=True)
class Scored:
    name: str
    title: str
    worse: str
    unit: str = "share"


@dataclass(frozen=True)
class Mean:
    at: float
    count: int
    mean: float


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        made = World(store)
        monkeypatch.setattr("metrics.alerts.time.time", lambda: made.now_s)
        yield made


@pytest.mark.slow
def test_alert_is_raised_told_and_ended_once(world: World) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    world.minute(alarms, 3_000.0)
    assert alarms.opened() == []
    for _ in range(5):
        world.minute(alarms, 3_000.0)
    [opened] = alarms.opened()
    assert (opened.rule, opened.began_at) == ("slow", START_S)
    assert world.box.kinds == ["began"]
    for _ in range(5):
        world.minute(alarms, 10.0)
    assert alarms.opened() == []
    assert world.box.kinds == ["began", "ended"]
    [began, ended] = world.box.sent
    assert ended.ended_at is not None
    assert "Value: 3.0" in began.text
    assert "Value: 10" in ended.text
    assert began.link == "http://here/live?answered_by=fake"


def test_message_names_the_slowest_traces_by_links_alone(world: World) -> None:
    alarms = world.dashboard()
    world.ask(9_000.0, 1, trace_id="slowest/1", question="a private matter")
    world.ask(10.0, 1)
    world.raise_slow(alarms)
    [began] = world.box.sent
    assert len(began.traces) == 5
    assert began.traces[0] == "http://here/traces?trace=slowest%2F1"
    assert "private" not in began.text


@pytest.mark.slow
def test_of_two_dashboards_one_sends(world: World) -> None:
    first, second = Box(), Box()
    both = [world.dashboard(first), world.dashboard(second)]
    both[0].save(RULE)
    for duration_ms in (3_000.0, 3_000.0, 3_000.0, 10.0, 10.0, 10.0):
        world.ask(duration_ms)
        threads = [threading.Thread(target=step) for alarms in both for step in (alarms.look, alarms.sender.send_due)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for alarms in both:
            alarms.sender.send_due()
        world.now_s += 60
    assert sorted(first.kinds + second.kinds) == ["began", "ended"]
    assert len(both[0].newest()) == 1


@pytest.mark.slow
def test_flapping_value_makes_no_storm(world: World) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    for place in range(40):
        world.minute(alarms, 3_000.0 if place % 2 else 10.0)
    assert world.box.sent == []


def test_messages_of_an_hour_are_bounded_and_wait(world: World) -> None:
    alarms = world.dashboard(limits=Limits(2, 0.0))
    for number in range(4):
        alarms.save(Rule.from_dict(f"slow {number}", RULE.to_dict()))
    for _ in range(3):
        world.minute(alarms, 3_000.0)
    assert len(alarms.opened()) == 4
    assert world.box.kinds == ["began"] * 2
    world.now_s += 3_600
    alarms.sender.send_due()
    assert world.box.kinds == ["began"] * 4


def test_what_was_never_told_is_not_said_to_have_ended(world: World) -> None:
    alarms = world.dashboard(limits=Limits(1, 0.0))
    for number in range(2):
        alarms.save(Rule.from_dict(f"slow {number}", RULE.to_dict()))
    for duration_ms in (3_000.0, 3_000.0, 10.0, 10.0, 10.0):
        world.minute(alarms, duration_ms)
    assert alarms.opened() == []
    world.now_s += 3_600
    alarms.sender.send_due()
    assert world.box.kinds == ["began", "ended"]
    assert len({notice.rule for notice in world.box.sent}) == 1


def test_silenced_rule_sends_nothing_and_its_alert_is_shown(world: World) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    alarms.silence("slow", 600.0, "we know")
    for _ in range(3):
        world.minute(alarms, 3_000.0)
    assert world.box.sent == []
    [opened] = alarms.opened()
    assert "we know" in messages_words(opened, alarms.silenced()[0], has_channels=True)
    world.now_s += 600
    alarms.sender.send_due()
    assert world.box.kinds == ["began"]


@pytest.mark.slow
def test_reminder_comes_at_most_every_so_often(world: World) -> None:
    alarms = world.dashboard(limits=Limits(20, 600.0))
    world.raise_slow(alarms)
    for _ in range(25):
        world.minute(alarms, 3_000.0)
    assert world.box.kinds == ["began", "reminder", "reminder"]


@pytest.mark.slow
def test_webhook_that_is_down_is_tried_again_with_growing_waits_and_told(world: World) -> None:
    alarms = world.dashboard()
    world.box.failing = [BackendError("hooks.example.org does not take messages now (HTTP 500).")]
    world.raise_slow(alarms)
    part = alerts_part(alarms)
    assert not part.ready
    assert "not delivered by box: hooks.example.org" in part.detail
    [opened] = alarms.opened()
    assert "HTTP 500); it is tried again" in messages_words(opened, None, has_channels=True)
    for _ in range(2_000):
        world.now_s += 5
        alarms.sender.send_due()
    assert world.box.tried == outbox.ATTEMPTS
    world.box.failing = []
    world.calm_down(alarms)
    world.calm_down(alarms)
    assert world.box.kinds == ["ended"]
    assert alerts_part(alarms).ready


def test_channel_that_refuses_is_not_asked_again_and_holds_up_no_other(world: World) -> None:
    refusing = Box("refusing", failing=[Refused("no")])
    alarms = world.dashboard(refusing, world.box)
    world.raise_slow(alarms)
    for _ in range(5):
        world.now_s += 1_000
        alarms.sender.send_due()
    assert (refusing.tried, world.box.kinds) == (1, ["began"])


def test_claim_of_a_process_that_died_lapses(world: World) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    for _ in range(2):
        world.ask(3_000.0)
        alarms.look()
        world.now_s += 60
    found = alarms._log.change(
        lambda alerts, silences: [each for each, _ in outbox.claim(alerts, silences, Limits(20, 0.0), world.now_s)]
    )
    assert len(found) == 1
    assert alarms.sender.send_due() == 0
    world.now_s += outbox.LEASE_S
    assert alarms.sender.send_due() == 1
    assert world.box.kinds == ["began"]


def test_alert_of_a_rule_that_is_removed_ends(world: World) -> None:
    alarms = world.dashboard()
    world.raise_slow(alarms)
    alarms.remove("slow")
    alarms.sender.send_due()
    assert alarms.opened() == []
    assert "Its rule was removed." in world.box.sent[-1].text
    with pytest.raises(InputError, match="no rule 'slow'"):
        alarms.remove("slow")


@pytest.mark.slow
def test_alert_that_nobody_asks_for_any_more_ends(world: World) -> None:
    alarms = world.dashboard()
    world.raise_slow(alarms)
    for _ in range(62):
        world.minute(alarms)
    assert alarms.opened() == []
    assert "Nothing was measured" in world.box.sent[-1].text


def test_without_a_channel_alerts_are_raised_and_wait(world: World) -> None:
    alarms = world.dashboard()
    alarms.sender._channels = list
    world.raise_slow(alarms)
    [opened] = alarms.opened()
    assert "Nobody is told: no channel is set" in messages_words(opened, None, has_channels=False)
    assert "shown on pages alone and nobody is told: RAGLASS_ALERT_WEBHOOK" in alerts_part(alarms).detail
    assert "OPEN  slow: p95 latency of fake" in alerts_text([opened], [], alarms)


def test_channels_that_cannot_be_are_told_on_status(world: World) -> None:
    alarms = world.dashboard()

    def wrong() -> list[Channel]:
        raise ConfigError("RAGLASS_ALERT_SMTP is wrong.")

    alarms.sender._channels = wrong
    assert alerts_part(alarms) == alerts_part(alarms)
    assert not alerts_part(alarms).ready
    assert "RAGLASS_ALERT_SMTP" in alerts_part(alarms).detail


def test_rule_that_cannot_be_read_holds_up_no_other(world: World) -> None:
    alarms = world.dashboard()

    def fail(_: str) -> list[tuple[float, float, int]]:
        raise InputError("too few questions")

    world.store.alerts.save_rule("gone", Rule("gone", "no such series", 1.0, "above").to_dict())
    alarms.readers = Readers([StageReader(lambda: world.store), DriftReader(fail, lambda: world.now_s)])
    alarms.save(Rule("drift", "drift", 0.05, "below", "fake"))
    world.raise_slow(alarms)
    assert [alert.rule for alert in alarms.opened()] == ["slow"]
    assert alarms.looked is not None
    assert sorted(alarms.looked.problems) == ["drift: too few questions", "gone: Nothing here reads 'no such series'."]


def series_of(alarms: Alarms, name: str) -> Series:
    return alarms.readers.all()[name]


def break_errors(world: World) -> None:
    world.store.put(make_failed_trace(backend="fake", asked_at=world.now_s))
    world.ask(10.0, 3)


def break_abstained(world: World) -> None:
    world.ask(10.0, 2, generation=make_generation("", finish_reason="abstained", abstained=True))


def break_drift(world: World) -> None:
    world.drift = [(world.now_s - 100, 0.5, 50), (world.now_s, 0.001, 50)]
    world.ask(10.0, 1)


def break_quality(world: World) -> None:
    world.means = [Mean(world.now_s, 20, 0.2)]


def test_traces_behind_scores_are_found_by_an_expression() -> None:
    assert scored_beyond(Rule("x", "quality.grounded", 0.5, "below")) == "quality.grounded < 0.5"
    assert scored_beyond(Rule("x", "quality.answer_words", 200.0, "above")) == "quality.answer_words > 200"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("series", "break_it", "named"),
    [
        ("errors", break_errors, 1),
        ("abstained", break_abstained, 2),
        ("drift", break_drift, 1),
        ("quality.grounded", break_quality, 0),
    ],
)
def test_every_series_can_raise_an_alert(
    world: World, series: str, break_it: Callable[[World], None], named: int
) -> None:
    alarms = world.dashboard()
    known = series_of(alarms, series)
    alarms.save(make_rule("r", known, known.threshold, backend="fake", window_s=300, for_s=0, minimum=2))
    alarms.look()
    assert alarms.opened() == []
    world.now_s += 3_600
    break_it(world)
    alarms.look()
    alarms.sender.send_due()
    [notice] = world.box.sent
    assert len(notice.traces) == named


@pytest.mark.slow
def test_preview_says_what_would_have_been_and_live_does_the_same(world: World) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    pattern = [10.0] * 5 + [3_000.0] * 4 + [10.0] * 6 + [3_000.0] * 3
    for duration_ms in pattern:
        world.minute(alarms, duration_ms)
    world.now_s -= 60
    found = alarms.preview(RULE)
    happened = sorted(alarms.newest(), key=lambda alert: alert.began_at)
    # A look falls somewhere into a minute, a preview's at its end.
    assert [episode.began_s - 60 for episode in found.episodes] == [alert.began_at for alert in happened]
    assert [episode.ended_s is None for episode in found.episodes] == [alert.ended_at is None for alert in happened]
    words = preview_words(found, "ms", RULE)
    assert words.startswith("In the last 24 h it would have raised 2 alerts, open for 5 min in all")
    assert "would be open now" in words
    assert world.box.kinds == ["began", "ended", "began"]


def test_preview_of_nothing_says_so(world: World) -> None:
    words = preview_words(world.dashboard().preview(RULE), "ms", RULE)
    assert "it needs" in words
    assert "there were 0 at most" in words


def test_test_message_goes_to_every_channel_and_tells_what_failed(world: World) -> None:
    broken = Box("other", failing=[Refused("wrong key")])
    assert world.dashboard(world.box, broken).sender.test() == {"box (here)": "", "other (here)": "wrong key"}
    assert "nothing is wrong" in world.box.sent[0].text


def test_watching_looks_and_sends_until_it_is_stopped(world: World) -> None:
    alarms = world.dashboard()
    alarms._every_s = 0.01
    alarms.start()
    try:
        for _ in range(1_000):
            if alarms.looked is not None:
                break
            threading.Event().wait(0.01)
    finally:
        alarms.stop()
    assert alarms.looked is not None
    assert not [each.name for each in threading.enumerate() if each.name.startswith("raglass-alerts")]


def test_a_problem_is_logged_once_and_again_only_after_a_look_that_went_well(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    alarms = world.dashboard()
    full, down = StoreError("The disk is full."), StoreError("The store is down.")
    looks = iter([full, full, full, down, down, None, down])

    def step() -> None:
        found = next(looks, "end")
        if found == "end":
            alarms.stop()
        elif isinstance(found, StoreError):
            raise found

    alarms._run(step, 0.0)
    told = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
    assert told == ["The disk is full.", "The store is down.", "The store is down."]


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9, float("nan")])
def test_silence_of_no_length_is_refused(world: World, seconds: float) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    with pytest.raises(InputError, match="365 days"):
        alarms.silence("slow", seconds, "")
    with pytest.raises(InputError, match="no rule"):
        alarms.silence("other", 60.0, "")


def test_rule_is_renamed_in_place(world: World) -> None:
    alarms = world.dashboard()
    alarms.save(RULE)
    assert alarms.save(Rule.from_dict("slower", RULE.to_dict()), replacing="slow") == "slower"
    assert [rule.name for rule in alarms.rules()] == ["slower"]
    with pytest.raises(InputError, match="already"):
        alarms.save(Rule.from_dict("slower", RULE.to_dict()))
