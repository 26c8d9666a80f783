"""How long traces are kept and what is masked in them, as parts of the status."""

from collections.abc import Callable
from contextlib import suppress

from app.kit.wording import when
from metrics.masking import Masker
from metrics.retention import DAY_S, Retention, Rule
from metrics.store import TraceStore
from pipeline.errors import RaglassError
from pipeline.types import PartReadiness


def keeping_part(store: Callable[[], TraceStore], retention: Retention) -> PartReadiness:
    """What is kept, and what was deleted."""
    said = [f"{rule_words(retention.rule)}."]
    with suppress(RaglassError):  # the store's own part says why
        said.append(f"Deleted of this store so far: {store().health().forgotten:,}.")
    last = retention.last
    if last is None:
        return PartReadiness("keeping", True, " ".join(said))
    if last.problem:
        return PartReadiness(
            "keeping", False, " ".join([*said, f"Not deleted at {when(last.ended_at)}: {last.problem}"])
        )
    did = "another dashboard was at it" if last.done is None else f"{last.done.deleted:,} deleted"
    return PartReadiness("keeping", True, " ".join([*said, f"Last looked at {when(last.ended_at)}: {did}."]))


def rule_words(rule: Rule) -> str:
    """A rule in words."""
    if not rule.bounded:
        return "Traces are kept for ever"
    bounds = [] if rule.keep_s is None else [f"for {rule.keep_s / DAY_S:g} days"]
    bounds += [] if rule.keep_traces is None else [f"as long as they are among the newest {rule.keep_traces:,}"]
    tags = "".join(f", or tagged {tag}" for tag in sorted(rule.tags))
    return f"Traces are kept {' and '.join(bounds)}; longer if a run holds them, rated, noted{tags}"


def masking_part(masker: Callable[[], Masker | None]) -> PartReadiness:
    """What is masked, and how much was since this process began."""
    try:
        found = masker()
    except RaglassError as error:
        return PartReadiness("masking", False, str(error))
    if found is None:
        return PartReadiness("masking", True, "Nothing is masked (RAGLASS_MASK).")
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(found.counts.items())) or "nothing"
    return PartReadiness("masking", True, f"Looked for: {', '.join(found.names)}. Masked since the start: {counts}.")
