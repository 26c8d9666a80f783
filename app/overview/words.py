"""What the Overview says: tiles with a figure, words and where they lead; what needs a look; the last run. No streamlit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from app.alerting.rules import Rule
from app.alerting.words import alert_rule
from app.kit.numbers import MISSING, count, milliseconds, percent, points
from app.kit.plain import one_line, shortened
from app.kit.wording import ASKERS, EVERYONE, PEOPLE, backend_words, listed, when
from app.overview.readiness import Problems
from app.overview.reading import Concern, Pace, Stretch, address_of, live_query, origins_of
from app.quality.recent import RuleWindow
from app.quality.words import headline
from app.runs.compared import ComparedRuns
from app.runs.compared_words import TONES, ship_words
from app.runs.leaderboard import right_share, run_before
from app.runs.naming import run_name
from app.traces.filters import TraceFilters
from metrics.alarms import Alarm
from metrics.alerts import StoredAlert
from metrics.runs import StoredRun

if TYPE_CHECKING:
    from app.stability.drift import QuestionDrift

Tone = Literal["good", "warn", "bad", "quiet"]

Query = Mapping[str, str | list[str]]

WORDS: Mapping[str, str] = {"hour": "hour", "day": "24 hours", "week": "7 days"}
"""A span, as in "in the last …"."""

CHOICES: Mapping[str, str] = {**WORDS, "hour": "1 hour"}
"""A span where one is chosen."""

BY: Mapping[str, str] = {name: "whoever asked" if name == EVERYONE else f"by {name}" for name in ASKERS}
"""Whose questions a figure is of."""

SLOWER = 1.5
"""Times the p95 of before from which on a stretch is called slow."""

DRIFT = "drift"
"""The series of questions that are others than before."""

STEPS = (
    ("Ask something", "Type a question above, or take an example. The built-in articles answer without set-up.", "Ask", "ask"),
    ("Add your documents", "PDF, Word, web pages, mail and more. They are indexed on this machine.", "Add documents", "corpus"),
    ("Measure it", "A run asks labelled questions and says how many answers are right. Built-in ones need no file.", "Start a run", "runs"),
)  # fmt: skip
"""What to do first, where nothing was asked yet: title, words, the link's words, and its page."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One thing at a glance."""

    name: str
    """Its own on the page."""
    label: str
    """What it is about."""
    value: str
    """How it is."""
    note: str
    """What there is to add."""
    tone: Tone
    """How good that is."""
    page: str
    """Where it leads, by the page's file."""
    query: Query = field(default_factory=dict)
    """What that page is to show."""


def ready_tile(problems: Problems | None) -> Tile:
    """Whether a question can be answered and stored."""
    if problems is None:
        return Tile("ready", "Ready", "Looking …", "The backend has not answered yet.", "quiet", "status")
    wrong = [f"{part}: {problem}" for part, problem in problems.items() if problem]
    if wrong:
        return Tile("ready", "Ready", "No", shortened(one_line(wrong[0]), 110), "bad", "status")
    return Tile("ready", "Ready", "Yes", "Questions are answered, and traces stored.", "good", "status")


def failed_tile(pace: Pace, span: str) -> Tile:
    """The share of questions that failed. Leads to those, or to all where none did."""
    now, before = pace.now, pace.before
    asked = TraceFilters(since=span, origins=origins_of(pace.whose))
    query = address_of(replace(asked, outcome="failed") if now.failed else asked)
    if not now.questions:
        return Tile("failed", "Failed", MISSING, _nothing(pace, span), "quiet", "traces", query)
    share = now.failed / now.questions
    note = f"{now.failed:,} of {_asked(now.questions, pace.whose)}{_was(before, percent(_share(before), 1))}"
    worse = share > 2 * (_share(before) or 0.0) and now.failed > 1
    tone: Tone = "good" if not now.failed else "bad" if worse else "warn"
    return Tile("failed", "Failed", percent(share, 0 if not now.failed else 1), note, tone, "traces", query)


def asker_choice(asked_by: str) -> str:
    """Whose questions, where that is chosen: a key of ASKERS."""
    return f"Asked by {asked_by}"


def _asked(questions: int, whose: str) -> str:
    """So many questions, and whose: "12 questions by people"."""
    return f"{count(questions, 'question')}{',' if whose == EVERYONE else ''} {BY[whose]}"


def _nothing(pace: Pace, span: str) -> str:
    """That nothing was asked, unless by others."""
    if pace.whose == EVERYONE:
        return f"Nothing was asked in the last {WORDS[span]}."
    others = f"; {pace.others:,} by others" if pace.others else ""
    return f"No question {BY[pace.whose]} in the last {WORDS[span]}{others}."


def none_of_late(whose: str) -> str:
    """Where no question is listed."""
    return f"No question {BY[whose]} is stored."


def _share(stretch: Stretch) -> float | None:
    return stretch.failed / stretch.questions if stretch.questions else None


def _was(before: Stretch, words: str) -> str:
    return f"; {words} before" if before.questions else ""


def p95_tile(pace: Pace, span: str) -> Tile:
    """How long the slower questions take, and whether that is longer than before."""
    now_ms, before_ms = pace.now.p95_ms, pace.before.p95_ms
    query = live_query(pace, span)
    if now_ms is None:
        return Tile("p95", "p95 time", MISSING, _nothing(pace, span), "quiet", "live", query)
    everyone, to = pace.whose == EVERYONE, f"to {backend_words(pace.backend)} took less"
    of = f"19 of 20 questions {to}, {BY[EVERYONE]}" if everyone else f"19 of 20 questions {BY[pace.whose]} {to}"
    if not before_ms:
        return Tile("p95", "p95 time", milliseconds(now_ms), f"{of}.", "good", "live", query)
    slower = now_ms > SLOWER * before_ms
    changed = "as before" if abs(now_ms - before_ms) < 0.05 * before_ms else f"{milliseconds(before_ms)} before"
    return Tile(
        "p95", "p95 time", milliseconds(now_ms), f"{of}; {changed}.", "warn" if slower else "good", "live", query
    )


def quality_tile(windows: Sequence[RuleWindow], pace: Pace, span: str) -> Tile:
    """Whether some rule says that answers got worse."""
    # The rules score what people and applications ask, and nothing else.
    query = live_query(replace(pace, whose=PEOPLE), span)
    alone = "" if pace.whose == PEOPLE else f" Questions {BY[PEOPLE]} alone."
    if not windows:
        note = f"No answer of the last {WORDS[span]} was scored.{alone}"
        return Tile("quality", "Quality", MISSING, note, "quiet", "live", query)
    if all(found.reference is None for found in windows):
        note = f"{_scoring(windows)}. The {WORDS[span]} before had too few to compare with.{alone}"
        return Tile("quality", "Quality", "No comparison yet", note, "quiet", "live", query)
    worse = [found for found in windows if found.worse]
    if worse:
        note = f"{headline(worse[0])}.{alone}"
        return Tile("quality", "Quality", f"{len(worse)} of {len(windows)} worse", note, "warn", "live", query)
    note = f"{_scoring(windows)}. {headline(windows[0])}.{alone}"
    return Tile("quality", "Quality", "Steady", note, "good", "live", query)


def _scoring(windows: Sequence[RuleWindow]) -> str:
    return "1 rule scores answers" if len(windows) == 1 else f"{count(len(windows), 'rule')} score answers"


ALERTS: Query = {"part": "alerts"}
"""The alerts' part of Live, with the form for rules open."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What CloudWatch says of the stack's alarms."""

    alarms: Sequence[Alarm] = ()
    """All that it has."""
    unread: bool = False
    """Whether it could not be asked."""

    @property
    def raised(self) -> list[str]:
        """The names of those in ALARM."""
        return [f"{one_line(alarm.name)} (CloudWatch)" for alarm in self.alarms if alarm.state == "ALARM"]

    @property
    def words(self) -> str:
        """How many there are, or that nobody knows; empty for none."""
        if self.unread:
            return "CloudWatch’s alarms cannot be read; Live says why."
        return f"CloudWatch has {count(len(self.alarms), 'alarm')}." if self.alarms else ""


NOWHERE_ELSE = Elsewhere()
"""Where CloudWatch is not read, or has not answered yet."""


def alerts_tile(opened: Sequence[StoredAlert], rules: int, idle: str = "", elsewhere: Elsewhere = NOWHERE_ELSE) -> Tile:
    """Whether an alert is open, here or at CloudWatch. idle: how many rules can never raise one, in words."""
    told = f" {elsewhere.words}" if elsewhere.words else ""
    names = [*(one_line(alert.rule) for alert in opened), *elsewhere.raised]
    if names:
        # These stand at the top of Live.
        note = f"{listed(names[:3])}{f'. {elsewhere.words}' if elsewhere.unread else ''}"
        return Tile("alerts", "Alerts", f"{len(names):,} open", note, "bad", "live")
    if not rules and not elsewhere.alarms:
        note = f"There is no alert rule{' here' if told else ''}. Live makes one.{told}"
        return Tile("alerts", "Alerts", "No rule", note, "warn" if elsewhere.unread else "quiet", "live", ALERTS)
    tone: Tone = "warn" if idle or elsewhere.unread else "good"
    note = f"{count(rules, 'alert rule')}, whoever asks{idle}.{told}"
    return Tile("alerts", "Alerts", "None open", note, tone, "live", ALERTS)


def concern_tiles(
    concerns: Sequence[Concern],
    windows: Sequence[RuleWindow],
    opened: Sequence[StoredAlert],
    stale: bool,
    checked: "QuestionDrift | None" = None,
) -> list[Tile]:
    """What needs a look, the most urgent first. checked: the newest check for drift, where no rule watches it."""
    tiles = [_concern(each) for each in concerns]
    if stale:
        note = "Documents changed since the index was built."
        tiles.insert(0, Tile("stale", "Index", "behind", note, "warn", "corpus"))
    drifting = [rule for alert in opened if (rule := alert_rule(alert)) is not None and rule.series == DRIFT]
    if drifting:
        note = f"Questions to {listed(sorted({backend_words(rule.backend) for rule in drifting}))} are not those of before."
        tiles.append(Tile("drift", "Questions", "drifting", note, "warn", "stability"))
    elif checked is not None and checked.drifted:
        tiles.append(_checked(checked))
    return tiles


def watches_drift(rules: Iterable[Rule]) -> bool:
    """Whether somebody made a rule of drift."""
    return any(rule.series == DRIFT for rule in rules)


def _checked(found: "QuestionDrift") -> Tile:
    """What a check on Stability found that drifted."""
    from app.stability.drift_words import drift_headline  # Most never check.

    until = when(found.windows[-1].stretch.last_at)
    note = f"{drift_headline(found)} of questions to {backend_words(found.backend)} until {until}, by the last check."
    return Tile("drift", "Questions", "drifting", note, "warn", "stability")


def _concern(concern: Concern) -> Tile:
    number, one = str(concern.found), concern.found.value == 1
    told: dict[str, tuple[str, str, str, Tone]] = {
        "failed": ("Failed", number, "question that met an error" if one else "questions that met an error", "bad"),
        "unsure": (
            "Low confidence",
            number,
            "answer that is a best guess" if one else "answers that are best guesses",
            "warn",
        ),
        "unanswered": (
            "No answer given",
            number,
            f"{'question' if one else 'questions'} that no document seemed to answer",
            "quiet",
        ),
        "disliked": ("Rated down", number, f"{'answer' if one else 'answers'} that somebody found wrong", "warn"),
        "slow": ("Slowest", milliseconds(concern.worst_ms), "the slowest of all", "quiet"),
    }
    label, value, note, tone = told[concern.name]
    return Tile(concern.name, label, value, note, tone, "traces", concern.query)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the last run may take the place of the one before."""

    words: str
    """As the page of the two begins."""
    tone: Tone
    """How good that is."""


def verdict_of(found: ComparedRuns) -> Verdict:
    """The verdict of a comparison; one that is safe by right answers alone is not called good."""
    comparison = found.comparison
    outcome: Tone = TONES[comparison.verdict.outcome]
    return Verdict(ship_words(found), "warn" if outcome == "good" and comparison.regressions else outcome)


def last_pair(runs: Sequence[StoredRun]) -> tuple[StoredRun, StoredRun] | None:
    """The run before the last one on the same questions, and the last one; None where one of them has no figure. runs: the newest first."""
    if not runs or runs[0].status == "running" or right_share(runs[0]) is None:
        return None
    before = run_before(runs[0], [run for run in runs[1:] if right_share(run) is not None])
    return None if before is None else (before, runs[0])


def run_tile(runs: Sequence[StoredRun], verdict: Verdict | None = None) -> Tile | None:
    """What the last run came to, and how that is to the one before on the same questions; None without a run.

    runs: the newest first. verdict: of `last_pair`; None while it is not known.
    """
    if not runs:
        return None
    last, figures = runs[0], _figures(runs[0])
    name = run_name(last)
    query: Query = {"run": last.run_id}
    right = right_share(last)
    if last.status == "running" or right is None:
        return Tile(
            "run", "Last run", last.status, f"{name}: {count(last.answers, 'answer')} so far.", "quiet", "runs", query
        )
    low, high = figures.get("low"), figures.get("high")
    interval = "" if low is None or high is None else f" (95 % interval {percent(low, 1)} to {percent(high, 1)})"
    note = f"{name}: {count(last.answers, 'question')}{interval}."
    tone: Tone = "quiet" if last.status == "finished" else "warn"  # whether a share is enough is for the reader to say
    pair = last_pair(runs)
    if pair is not None:
        before = pair[0]
        # Without what floats add to 1.25 points: the page that it leads to counts whole answers, and rounds the same.
        change = round(right - (right_share(before) or 0.0), 9)
        against = f"{points(change)} points against the run before" if change else "As many as in the run before"
        chance = "; open both to see whether that is chance." if change else "."
        note += f" {against}{chance if verdict is None else f'. {verdict.words}'}"
        tone = tone if verdict is None or tone == "warn" else verdict.tone
        query = {"run": before.run_id, "with": last.run_id}
    return Tile("run", "Last run", f"{percent(right, 1)} right", note, tone, "runs", query)


def _figures(run: StoredRun) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.about.get("figures") or {}
    return found


def time_words(shares: Mapping[str, float]) -> str:
    """Where most of the time goes, in a sentence; empty where nothing is known."""
    if not shares:
        return ""
    stage, share = next(iter(shares.items()))
    return f"{stage.capitalize()} takes {percent(share)} of the time."
