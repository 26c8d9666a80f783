"""What the rules say, in words: titles of charts, how scoring goes, a trace's scores, and all of it for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from app.kit.numbers import count, rough_time, three_figures
from app.kit.plain import WIDTH, shortened
from app.quality.recent import Bucket, RuleWindow, traces_expression
from app.quality.rules import RULES, Rule
from app.quality.watch import WatchState

DAY_S = 86_400

NOT_SCORED = (
    "No rule has scored a trace yet: a dashboard does so while it runs (RAGLASS_QUALITY_SHARE, docs/quality.md)."
)

WHOSE_NOTE = (
    "Rules score the questions of people and applications, whoever is chosen above: abstentions are of those that did not fail, confidence "
    "is of answers alone."
)
"""Why figures of quality are others than those of a window that holds more."""

CHART_NOTE = (
    "Each point is the mean of what a rule says of the traces of a stretch of time. An orange diamond differs from those "
    "before by more than chance, by tests corrected over all points. Dashed: if nothing changed, 19 of 20 points stay on "
    "this side."
)


def value_text(rule: Rule, value: float) -> str:
    """A rule's figure with its unit."""
    if rule.unit == "share":
        return f"{value * 100:.0f} %" if value in (0.0, 1.0) or 0.005 <= value < 0.995 else f"{value * 100:.1f} %"
    return f"{three_figures(value)} words" if rule.unit == "words" else f"{value:.3f}"


def headline(found: RuleWindow) -> str:
    """What the rule says of the window: where it is worst, or that it is steady."""
    rule, now = found.rule, value_text(found.rule, found.whole.mean)
    if found.reference is None:
        return f"{rule.title} {now}, of {count(found.whole.count, 'trace')}"
    usual = value_text(rule, found.reference.mean)
    if found.worse:
        worst = found.worse[0]
        return f"{rule.title} {value_text(rule, worst.point.mean)} {clock(found, worst)}, usually {usual}"
    if any(each.shifted for each in found.buckets):
        return f"{rule.title} {now}, better than {usual} before"
    return f"{rule.title} steady at {now}"


def clock(found: RuleWindow, bucket: Bucket) -> str:
    """When a bucket began, UTC, with the day where the buckets cover more than one."""
    days = found.buckets[-1].point.at - found.buckets[0].point.at > DAY_S
    return datetime.fromtimestamp(bucket.point.at, UTC).strftime("on %d %b %H:%M" if days else "at %H:%M")


def watch_words(state: WatchState) -> str:
    """How scoring goes, in a few sentences."""
    if state.lag is None:
        return NOT_SCORED
    share = "every new trace" if state.share >= 1 else f"{state.share * 100:g} % of new traces"
    waiting = "none waits" if not state.lag.traces else f"{count(state.lag.traces, 'trace')} wait"
    said = [
        f"The rules score {share}; {waiting}." if state.share > 0 else "No new trace is scored (RAGLASS_QUALITY_SHARE)."
    ]
    if state.judge:
        said.append(f"The judge rated {state.judged:,} of at most {state.per_day:,} answers in the last 24 hours.")
    return " ".join([*said, *state.problems])


def lag_words(state: WatchState, now_s: float) -> str:
    """Since when the first of what waits has waited; empty where nothing does."""
    if state.lag is None or state.lag.oldest_at is None:
        return ""
    return f"The first of them was asked {rough_time(max(0.0, now_s - state.lag.oldest_at))} ago."


def score_rows(scores: Mapping[str, float | None]) -> list[tuple[str, str, str]]:
    """What the rules say of one trace: the rule, its figure, and what that is."""
    return [
        (rule.title, value_text(rule, value), rule.about)
        for rule in RULES.values()
        if (value := scores.get(rule.name)) is not None
    ]


def quality_text(windows: Sequence[RuleWindow], state: WatchState, now_s: float) -> str:
    """What the rules say of a window, for a terminal: a line each, and below one that got worse how to list its traces."""
    lines = []
    for found in windows:
        lines.append(f"{headline(found)}  ({found.rule.name}, {count(found.whole.count, 'trace')})")
        if found.worse:
            lines.append(f"  raglass traces --where '{traces_expression(found, found.worse[0])}'")
    told = " ".join(filter(None, (watch_words(state), lag_words(state, now_s))))
    return "\n".join([*lines, *(["", told] if lines else [told])])


def judged_text(kept: Mapping[str, object]) -> str:
    """What a judge said of a trace beside its figures, as it was kept; its words are data."""
    reason = kept.get("reason")
    said = f": “{shortened(reason, 4 * WIDTH)}”" if isinstance(reason, str) and reason else ""
    return f"Rated by {kept.get('by', 'a judge')}{said}"
