"""Figures and outcomes in words: one place, so that page and shell say the same thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.kit.numbers import count, milliseconds, percent, share
from app.kit.plain import one_line, shortened
from backends.registry import ENDPOINT, FUNCTION
from pipeline.types import Confidence, Generation, Trace

if TYPE_CHECKING:
    from backends.local.manifest import Manifest

LOW, HIGH = 0.5, 0.8
"""Bounds of "low", "moderate" and "high" confidence."""

APPLICATION = "otlp/"
"""How the backend of another application's traces begins; its name follows."""

ORIGINS: Mapping[str, str] = {
    "person": "people",
    "run": "runs",
    "load": "load tests",
    "application": "other applications",
}
"""Who asks, by a trace's origin, as filters say it."""

EVERYONE = "everyone"
"""Whose questions, where they are not told apart."""

ASKERS: Mapping[str, str | None] = {
    **{ORIGINS[origin]: origin for origin in ("person", "run", "load")},
    EVERYONE: None,
}
"""Whose questions are shown where one kind is chosen, or all: the origin, or None for all, by the words on pages and in addresses."""

PEOPLE = ORIGINS["person"]
"""Whose questions are shown at first."""

ASKED_BY_PEOPLE = frozenset({"person", "application"})
"""Origins of what somebody wanted to know, here or from another application: neither a run's questions nor a load test's."""

GUESS = "Best guess, probably not the answer"

NO_ANSWER = "no answer"
"""What stands in place of an answer that was not given."""

CONFIDENCE = (
    "How probable it is that the answer is right; with ○, of a question without an answer, that there is none. Sorted by it, answers "
    "come before those."
)
"""What figures of confidence in a list are."""

SURE_THAT_NONE = "No answer was given. How sure it is that the documents have none."
"""What the figure beside an abstention is."""

SURE_OF_NONE: Mapping[str, str] = {"high": "sure", "moderate": "fairly sure", "low": "not sure"}
"""How sure an abstention is, by the level of its confidence."""

CALIBRATED = "Calibrated on questions with known answers."


@dataclass(frozen=True, slots=True)
class Trust:
    """How far to trust an answer."""

    level: str
    """`high`, `moderate` or `low`, of an answer; `unknown` where there is none, or nothing is known of it."""
    headline: str
    """For example "High confidence, 87 %"."""
    meaning: str
    """What the figure means, in a sentence."""


def trust(generation: Generation) -> Trust:
    """Confidence in words, with what the number means."""
    confidence = generation.confidence
    if confidence is None:
        return Trust("unknown", "Confidence unknown", "This backend does not say how sure it is.")
    told = percent(confidence.value)
    level = level_of(confidence)
    if confidence.kind == "token_probability":
        return Trust(
            "unknown",
            f"Mean token probability {told}",
            "How probable the model found its own words, on average. It is not a probability that the answer is right.",
        )
    share_right = round(confidence.value * 100)
    if generation.abstained:
        return Trust(
            "unknown",  # of an answer, which there is none of
            f"No answer given: {SURE_OF_NONE[level]} that the documents have none, {told}",
            f"Of 100 questions left unanswered with this figure, about {100 - share_right} could have been answered from what was "
            f"found. {CALIBRATED}",
        )
    return Trust(
        level,
        f"{GUESS}, {told}" if level == "low" else f"{level.capitalize()} confidence, {told}",
        f"Of 100 answers with this figure, about {share_right} held the right answer. {CALIBRATED}",
    )


def is_unsure(generation: Generation) -> bool:
    """Whether it is an abstention, or an answer that is more probably wrong than right."""
    confidence = generation.confidence
    guessed = confidence is not None and confidence.kind == "calibrated" and level_of(confidence) == "low"
    return generation.abstained or guessed


def level_of(confidence: Confidence) -> str:
    """`high`, `moderate` or `low`, by the figure as it is shown: what reads alike is called alike."""
    shown = round(confidence.value, 2)
    return "high" if shown >= HIGH else "moderate" if shown >= LOW else "low"


def when(epoch_s: float) -> str:
    """A point in time, UTC, to the second."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment(epoch_s: float) -> str:
    """A time of day, UTC, to the millisecond, for a list in which only that differs."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%H:%M:%S.%f")[:-3]


SLOWEST_CHARS = 40
"""Characters of a span's name that a title shows at most."""


def slowest(trace: Trace) -> str:
    """What takes most of the time, spans of one name together, as a sentence for a chart's title."""
    if not trace.spans:
        return "No stage ran"
    tree, spent = trace.tree, dict[str, float]()
    for span in tree:
        spent[span.name] = spent.get(span.name, 0.0) + tree.own_ms(span)
    name, own_ms = max(spent.items(), key=lambda each: each[1])
    shown = shortened(one_line(name), SLOWEST_CHARS)
    shown = f"{shown[:1].upper()}{shown[1:]}" if trace.origin != "application" else shown
    if own_ms > trace.duration_ms:  # several at once
        return f"{shown} takes {milliseconds(own_ms)} in all, within {milliseconds(trace.duration_ms)}"
    return f"{shown} takes {share(own_ms, trace.duration_ms)} of {milliseconds(trace.duration_ms)}"


def listed(items: Sequence[str]) -> str:
    """Items as a list in a sentence: "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def backend_words(backend: str) -> str:
    """How a backend is called where one is chosen or named: another application by its name, which says that it is one."""
    name = backend.removeprefix(APPLICATION)
    return f"{name}, another application" if name != backend else backend


def asked_how(trace: Trace) -> str:
    """The backend, and the settings that a person chose: "local/embedded, 5 chunks, reranked, deadline 30 s"."""
    told = trace.settings
    top_k, deadline_s = told.get("top_k"), told.get("deadline_s")
    parts = [
        backend_words(trace.backend),
        count(int(top_k), "chunk") if top_k else "",
        "" if told.get("rerank") is None else "reranked" if told["rerank"] else "not reranked",
        f"deadline {float(deadline_s):g} s" if deadline_s else "",
    ]
    return ", ".join(part for part in parts if part)


SIGNALS = {
    "bm25": "BM25 weighs the words they share",
    "sentence": "sentence is the cosine of the chunk's best sentence",
    "rerank": "rerank is the reranker's score",
}
"""What each score of a chunk means, by its name in `Chunk.signals`."""


def whereabouts(place: str, section: Sequence[str]) -> str:
    """Where in its document a chunk stands, as `page 12, 3 Install › 3.2 Access`; empty where nothing is known of it."""
    return ", ".join(filter(None, (place, " › ".join(section))))


def is_retrieved_elsewhere(trace: Trace) -> bool:
    """Whether another application retrieved the chunks: one that sent its trace, an HTTP endpoint or a Python function."""
    return (
        trace.origin == "application"
        or trace.backend.startswith(ENDPOINT)
        or FUNCTION.fullmatch(trace.backend) is not None
    )


def order_note(trace: Trace) -> str:
    """In which order the chunks stand."""
    if is_retrieved_elsewhere(trace):
        return "What the application retrieved, in its order."
    return "What was retrieved, best first."


def scores_note(trace: Trace) -> str:
    """What the figures beside the chunks mean."""
    if is_retrieved_elsewhere(trace):
        return "Scores are the application's own."
    known = [meaning for name, meaning in SIGNALS.items() if any(name in chunk.signals for chunk in trace.chunks)]
    listing = listed(known)
    ranked = f" {listing[:1].upper()}{listing[1:]}; the order comes from all of these scores together." if known else ""
    return f"Cosine is the similarity of question and chunk, from −1 to 1.{ranked}"


def shortfall(trace: Trace) -> str | None:
    """A sentence for a corpus smaller than what was asked for; None if it was large enough."""
    asked = int(str(trace.settings.get("top_k") or 0))
    if trace.error is not None or is_retrieved_elsewhere(trace) or not trace.spans or len(trace.chunks) >= asked:
        return None
    return f"Asked for {count(asked, 'chunk')}; the corpus has {len(trace.chunks):,}."


def search_kind(manifest: "Manifest") -> str:
    """How the index is searched, and what an approximate search finds of what an exact one would."""
    search = f"{manifest.search}{f' as chosen ({manifest.choice})' if manifest.choice else ''}"
    if manifest.tuning is None:
        return search
    return f"{search}, which finds {percent(manifest.tuning.recall, 1)} of the 10 nearest chunks"


def cut_how(chunking: str) -> str:
    """How documents were cut, of what a manifest says."""
    by, size, overlap = chunking.split(":")
    repeated = "" if overlap == "0" else f", {overlap} of them repeated"
    return f"cut by {by} to {int(size):,} characters{repeated}"


def corpus_summary(manifest: "Manifest | None", builtin: int, added: int) -> tuple[str, str]:
    """What the corpus holds, in a line; how its index was made, empty where there is none."""
    documents = f"{count(builtin, 'built-in article')} and {count(added, 'added document')}"
    if manifest is None:
        return f"{documents}.", ""
    held = (
        f"{documents}. The index holds {count(manifest.chunks, 'chunk')} of {count(manifest.documents, 'document')}; "
        f"{search_kind(manifest)}."
    )
    how = f"{cut_how(manifest.chunking)}, embedded by {manifest.embedder}."
    return held, f"{how[0].upper()}{how[1:]}"
