"""The use cases about an answer that was given: explain it, diagnose it, look inside, draw others. Without streamlit.

Owns what of it is kept with the trace. Refuses to format anything.
"""

import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backends.local.protocols import HoldsCorpus
from metrics.store import TraceStore
from pipeline.errors import InputError, RaglassError, StoreError, Unavailable
from pipeline.prompts import asking_as_recorded
from pipeline.protocols import AnswerSampler, AnswerScorer, AttentionReader, Backend, Introspector
from pipeline.types import Chunk, Introspection, Sample, Trace

if TYPE_CHECKING:
    from evaluation.scoring import Scored
    from explain.attention import Picture
    from explain.counterfactuals import Diagnosed
    from explain.explained import Explained
    from explain.gold import Gold
    from explain.sources import Unit

log = logging.getLogger(__name__)

DIAGNOSIS = "diagnosis"
"""The kind under which a diagnosis is kept with its trace, beside what explaining scored."""


class Explanations:
    """What can be asked about a trace."""

    def __init__(self, backend: Callable[[str], Backend], store: Callable[[], TraceStore], deadline_s: float) -> None:
        """backend: an open backend by name. store: where traces and scores are kept. deadline_s: for drawing answers."""
        self._backend, self._store, self._deadline_s = backend, store, deadline_s

    def explain(self, trace: Trace, unit: "Unit" = "chunks") -> "Iterator[Explained]":
        """Explain a trace with the backend that answered it; yields what is known after each call of the scorer.

        unit: whether chunks or their sentences are told apart. What was scored before is not scored again; what is scored now is kept
        with the trace, also where the caller stops taking.
        Raises InputError for a trace with nothing to explain, Unavailable for a backend that is gone or cannot score answers.
        """
        from explain.explainer import add_distractors, explain_answer, kept_scores

        backend = self._backend_of(trace)
        if not isinstance(backend, AnswerScorer):
            raise Unavailable(
                f"The backend {trace.backend} cannot score a given answer, which attribution needs. The local backends and aws can."
            )
        kept = self._kept(trace.trace_id)
        found = None
        try:
            for found in explain_answer(trace, backend, unit, kept):
                yield found
            if found is not None and found.complete and found.distractor_nats is None:
                found = add_distractors(found, backend, random_chunks(backend, zlib.crc32(trace.trace_id.encode())))
                yield found
        finally:
            if found is not None:
                scores = kept_scores(found)
                self._keep(trace.trace_id, {kind: data for kind, data in scores.items() if kept.get(kind) != data})

    def diagnose(self, found: "Explained", gold: "Gold") -> "Iterator[Diagnosed]":
        """Say which stage is to blame for an answer, given the right one; yields after each trial on the backend that answered.

        What is known in the end is kept with the trace, also where the caller stops taking.
        Raises InputError for an explanation that is not complete, Unavailable for a backend that is gone.
        """
        from app.explaining.diagnosing import diagnosis_to_dict
        from explain.counterfactuals import diagnose_trace

        backend = self._backend_of(found.trace)
        caveat = _index_caveat(found.trace, backend)
        diagnosed = None
        try:
            for step in diagnose_trace(found, gold, backend, with_repairs=not caveat):
                diagnosed = replace(step, caveat=caveat)
                yield diagnosed
        finally:
            if diagnosed is not None and diagnosed.sentence:
                self._keep(found.trace.trace_id, {DIAGNOSIS: diagnosis_to_dict(diagnosed)})

    def diagnosis_of(self, trace_id: str) -> "Diagnosed | None":
        """The last diagnosis of a trace; None where there is none that can be read."""
        from app.explaining.diagnosing import diagnosis_from_dict

        data = self._kept(trace_id).get(DIAGNOSIS)
        try:
            return None if data is None else diagnosis_from_dict(data)
        except InputError as error:
            log.warning("the diagnosis of the trace %s cannot be read: %s", trace_id, error)
            return None

    def gold_of(self, trace_id: str) -> "Gold | None":
        """What a run's dataset says is right about a trace that the run made; None for any other trace."""
        from explain.gold import Gold

        scored = self._scored_by_run(trace_id)
        return None if scored is None else Gold(scored.golds, scored.article)

    def label_of(self, trace_id: str) -> str:
        """The failure label that a run gave a trace of its own; empty if there is none."""
        scored = self._scored_by_run(trace_id)
        return "" if scored is None else scored.label

    def _scored_by_run(self, trace_id: str) -> "Scored | None":
        try:
            data = self._store().runs.score_of(trace_id)
            if data is None:
                return None
            from evaluation.scoring import Scored  # which only a run's trace needs

            return Scored.from_dict(data)
        except (StoreError, InputError) as error:
            log.warning("what is right about the trace %s cannot be read: %s", trace_id, error)
            return None

    def why_no_inside(self, found: "Explained") -> str | None:
        """Why the generator that gave an answer cannot be looked into, and what would do; None if it can be."""
        try:
            backend = self._backend_of(found.trace)
        except Unavailable as error:
            return str(error)
        if isinstance(backend, Introspector):
            return None
        return (
            f"The backend {found.trace.backend} cannot be looked into: its generator runs elsewhere, or has no attention and no "
            "gradients. Ask the question on local/research, whose models run here, and explain that trace."
        )

    def introspect(self, found: "Explained", *, integrated_steps: int = 0) -> "Introspection":
        """Look inside the generator that gave an answer. Raises Unavailable for a backend that cannot be looked into."""
        backend = self._backend_of(found.trace)
        if not isinstance(backend, Introspector):
            raise Unavailable(self.why_no_inside(found) or "")
        return backend.introspect(found.trace.question, found.chunks, found.answer, integrated_steps=integrated_steps)

    def why_no_picture(self, found: "Explained") -> str | None:
        """Why there is no picture of the attention that an answer was given with, and what would do; None if there is one."""
        try:
            backend = self._backend_of(found.trace)
        except Unavailable as error:
            return str(error)
        if isinstance(backend, AttentionReader):
            return None
        return (
            f"The backend {found.trace.backend} has no attention to show: its generator runs elsewhere, or quotes and has none. Ask the "
            "question on local/research, whose models run here, and explain that trace."
        )

    def picture(self, found: "Explained", begun: "Picture | None" = None) -> "Iterator[Picture]":
        """The generator's attention by token, beside reliance; see `explain.attention.draw_picture`. Nothing of it is kept with the trace.

        Raises Unavailable for a backend that does not give its attention.
        """
        from explain.attention import draw_picture

        backend = self._backend_of(found.trace)
        if not isinstance(backend, AttentionReader):
            raise Unavailable(self.why_no_picture(found) or "")
        yield from draw_picture(found, backend, begun)

    def sample(self, found: "Explained", samples: int, *, temperature: float = 1.0) -> "Iterator[Sample]":
        """Draw answers to the same question over the same chunks. Raises Unavailable for a backend that cannot draw."""
        backend = self._backend_of(found.trace)
        if not isinstance(backend, AnswerSampler):
            raise Unavailable(
                f"The backend {found.trace.backend} does not draw answers at random: its stack gives the likeliest one. Ask the "
                "question on local/embedded or local/research, and explain that trace."
            )
        yield from backend.sample_answers(
            found.trace.question,
            found.chunks,
            samples=samples,
            temperature=temperature,
            deadline_s=self._deadline_s,
        )

    def _backend_of(self, trace: Trace) -> Backend:
        """The backend that answered a trace, with the prompt that it was asked with.

        Raises Unavailable where it is gone, or has another generator by now.
        """
        try:
            backend = self._backend(trace.backend)
        except RaglassError as error:
            raise Unavailable(
                f"The backend {trace.backend}, which answered this trace, cannot be opened: {error}"
            ) from error
        asked, now = trace.settings.get("generator"), getattr(getattr(backend, "generator", None), "name", None)
        if asked is not None and now is not None and asked != now:
            raise Unavailable(
                f"The generator {asked} gave this answer; the backend {trace.backend} now has {now}, which cannot speak for it. "
                f"Set RAGLASS_GENERATOR to {asked} and start again, or ask the question anew."
            )
        try:
            return asking_as_recorded(backend, trace.settings)
        except InputError as error:
            raise Unavailable(f"What the generator was told cannot be told it again: {error}") from error

    def _kept(self, trace_id: str) -> dict[str, dict[str, Any]]:
        try:
            return self._store().explanations(trace_id)
        except StoreError as error:
            log.warning("what was found before cannot be read: %s", error)
            return {}

    def _keep(self, trace_id: str, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep what was found, by kind. What cannot be kept costs only the time to find it again."""
        try:
            for kind, data in found.items():
                self._store().keep_explanation(trace_id, kind, data)
        except StoreError as error:
            log.warning("what was found could not be kept: %s", error)


def random_chunks(backend: Backend, seed: int) -> list[Chunk]:
    """Chunks to hold an answer against, in random order, the same for a seed: of the built-in articles where a backend gives none."""
    from explain.distractors import RANDOM_CHUNKS, builtin_pool

    if isinstance(backend, HoldsCorpus):
        return backend.corpus.index.random_chunks(RANDOM_CHUNKS, seed)
    return builtin_pool(seed)


def _index_caveat(trace: Trace, backend: Backend) -> str:
    """What to say where a question would be answered from other documents by now."""
    if not isinstance(backend, HoldsCorpus) or trace.settings.get("index") in (
        None,
        backend.corpus.index.manifest.fingerprint,
    ):
        return ""
    return (
        "This question was asked over another index than the one of today: its documents have changed, or a dataset brought its own. A "
        "deeper search looks through today's, and no repairs are tried."
    )
