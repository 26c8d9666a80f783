"""The use cases about an answer that was given: explain it, diagnose it, look inside, draw others. Without streamlit.

Owns what of it is kept with the trace. Refuses to format anything.
"""

import logging
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
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


SCORERS = ("local/research", "local/embedded", "aws")
"""Backends of ours that can score a given answer, those first that make sentences of their own as other applications' models do."""

BY = "@"
"""Between a kind of what is kept and the backend that stood in for the one that answered."""


class Explanations:
    """What can be asked about a trace."""

    def __init__(
        self,
        backend: Callable[[str], Backend],
        store: Callable[[], TraceStore],
        deadline_s: float,
        names: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """backend: an open backend by name. store: where traces and scores are kept. deadline_s: for drawing answers. names: of backends
        that can be used here."""
        self._backend, self._store, self._deadline_s, self._names = backend, store, deadline_s, names

    def stand_ins(self, trace: Trace) -> list[str]:
        """Backends that may explain a trace in place of the one that answered, the likeliest first; whether one can is seen on asking."""
        names = [name for name in self._names() if name != trace.backend]
        return sorted(names, key=lambda name: SCORERS.index(name) if name in SCORERS else len(SCORERS))

    def stood_in(self, trace_id: str) -> list[str]:
        """Backends by which something of a trace is kept that another one answered."""
        return sorted({name for kind in self._read_kept(trace_id) if (name := kind.partition(BY)[2])})

    def explain(self, trace: Trace, unit: "Unit" = "chunks", stand_in: str = "") -> "Iterator[Explained]":
        """Explain a trace with the backend that answered it; yields what is known after each call of the scorer.

        unit: whether chunks or their sentences are told apart. stand_in: the backend to explain it with instead. What was scored before is
        not scored again; what is scored now is kept with the trace under that backend's name, also where the caller stops taking.
        Raises InputError for a trace with nothing to explain, Unavailable for a backend that is gone or cannot score answers.
        """
        from explain.explainer import add_distractors, explain_answer, kept_scores

        stand_in = "" if stand_in == trace.backend else stand_in
        backend = self._backend_of(trace, stand_in)
        if not isinstance(backend, AnswerScorer):
            why = getattr(
                backend,
                "why_no_scores",
                "The local backends' own models and aws can, and one of them may stand in for it.",
            )
            raise Unavailable(
                f"The backend {stand_in or trace.backend} cannot score a given answer, which attribution needs. {why}"
            )
        kept = self._kept(trace.trace_id, stand_in)
        found = None
        try:
            for step in explain_answer(trace, backend, unit, kept):
                found = replace(step, stand_in=stand_in)
                yield found
            if found is not None and found.complete and found.distractor_nats is None:
                found = add_distractors(found, backend, random_chunks(backend, zlib.crc32(trace.trace_id.encode())))
                yield found
        finally:
            if found is not None:
                scores = kept_scores(found)
                new = {kind: data for kind, data in scores.items() if kept.get(kind) != data}
                self._keep(trace.trace_id, new, stand_in)

    def diagnose(self, found: "Explained", gold: "Gold") -> "Iterator[Diagnosed]":
        """Say which stage is to blame for an answer, given the right one; yields after each trial on the backend that explained it.

        What is known in the end is kept with the trace, also where the caller stops taking.
        Raises InputError for an explanation that is not complete, Unavailable for a backend that is gone.
        """
        from app.explaining.diagnosing import diagnosis_to_dict
        from explain.counterfactuals import diagnose_trace

        backend = self._backend_of(found.trace, found.stand_in)
        caveat = stand_in_caveat(found.stand_in) or _index_caveat(found.trace, backend)
        diagnosed = None
        try:
            for step in diagnose_trace(found, gold, backend, with_repairs=not caveat):
                diagnosed = replace(step, caveat=caveat)
                yield diagnosed
        finally:
            if diagnosed is not None and diagnosed.sentence:
                self._keep(found.trace.trace_id, {DIAGNOSIS: diagnosis_to_dict(diagnosed)}, found.stand_in)

    def diagnosis_of(self, trace_id: str, stand_in: str = "") -> "Diagnosed | None":
        """The last diagnosis of a trace, by the backend that answered or one that stood in; None where there is none that can be read."""
        from app.explaining.diagnosing import diagnosis_from_dict

        data = self._kept(trace_id, stand_in).get(DIAGNOSIS)
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

    def right_answer(self, trace_id: str) -> "Gold | None":
        """What is right about a trace, as a person said who had it diagnosed, or else the dataset of its run; None where nobody says."""
        diagnosed = self.diagnosis_of(trace_id)
        gold = self.gold_of(trace_id) if diagnosed is None else diagnosed.gold
        return None if gold is None or gold.document_only else gold

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
            backend = self._backend_of(found.trace, found.stand_in)
        except Unavailable as error:
            return str(error)
        if isinstance(backend, Introspector):
            return None
        return (
            f"The backend {found.scored_by} cannot be looked into: its generator runs elsewhere, or has no attention and no "
            "gradients. Ask the question on local/research, whose models run here, and explain that trace."
        )

    def introspect(self, found: "Explained", *, integrated_steps: int = 0) -> "Introspection":
        """Look inside the generator that gave an answer. Raises Unavailable for a backend that cannot be looked into."""
        backend = self._backend_of(found.trace, found.stand_in)
        if not isinstance(backend, Introspector):
            raise Unavailable(self.why_no_inside(found) or "")
        return backend.introspect(found.trace.question, found.chunks, found.answer, integrated_steps=integrated_steps)

    def why_no_picture(self, found: "Explained") -> str | None:
        """Why there is no picture of the attention that an answer was given with, and what would do; None if there is one."""
        try:
            backend = self._backend_of(found.trace, found.stand_in)
        except Unavailable as error:
            return str(error)
        if isinstance(backend, AttentionReader):
            return None
        return (
            f"The backend {found.scored_by} has no attention to show: its generator runs elsewhere, or quotes and has none. Ask the "
            "question on local/research, whose models run here, and explain that trace."
        )

    def picture(self, found: "Explained", begun: "Picture | None" = None) -> "Iterator[Picture]":
        """The generator's attention by token, beside reliance; see `explain.attention.draw_picture`. Nothing of it is kept with the trace.

        Raises Unavailable for a backend that does not give its attention.
        """
        from explain.attention import draw_picture

        backend = self._backend_of(found.trace, found.stand_in)
        if not isinstance(backend, AttentionReader):
            raise Unavailable(self.why_no_picture(found) or "")
        yield from draw_picture(found, backend, begun)

    def sample(self, found: "Explained", samples: int, *, temperature: float = 1.0) -> "Iterator[Sample]":
        """Draw answers to the same question over the same chunks. Raises Unavailable for a backend that cannot draw."""
        backend = self._backend_of(found.trace, found.stand_in)
        if not isinstance(backend, AnswerSampler):
            raise Unavailable(
                f"The backend {found.scored_by} does not draw answers at random: its stack gives the likeliest one. Ask the "
                "question on local/embedded or local/research, and explain that trace."
            )
        yield from backend.sample_answers(
            found.trace.question,
            found.chunks,
            samples=samples,
            temperature=temperature,
            deadline_s=self._deadline_s,
        )

    def _backend_of(self, trace: Trace, stand_in: str = "") -> Backend:
        """The backend that answered a trace, with the prompt that it was asked with, or that stands in.

        Raises Unavailable where it is gone, or has another generator by now.
        """
        if trace.origin == "application" and not stand_in:
            raise Unavailable(why_stand_in(trace))
        name = stand_in or trace.backend
        try:
            backend = self._backend(name)
        except RaglassError as error:
            role = "" if stand_in else ", which answered this trace,"
            raise Unavailable(f"The backend {name}{role} cannot be opened: {error}") from error
        asked, now = trace.settings.get("generator"), getattr(getattr(backend, "generator", None), "name", None)
        if not stand_in and asked is not None and now is not None and asked != now:
            raise Unavailable(
                f"The generator {asked} gave this answer; the backend {name} now has {now}, which cannot speak for it. "
                f"Set RAGLASS_GENERATOR to {asked} and start again, or ask the question anew."
            )
        try:
            return asking_as_recorded(backend, trace.settings)
        except InputError as error:
            raise Unavailable(f"What the generator was told cannot be told it again: {error}") from error

    def _kept(self, trace_id: str, stand_in: str) -> dict[str, dict[str, Any]]:
        """What is kept of a trace by one backend, by kind."""
        parted = {kind.partition(BY): data for kind, data in self._read_kept(trace_id).items()}
        return {kind: data for (kind, _, by), data in parted.items() if by == stand_in}

    def _read_kept(self, trace_id: str) -> dict[str, dict[str, Any]]:
        try:
            return self._store().explanations(trace_id)
        except StoreError as error:
            log.warning("what was found before cannot be read: %s", error)
            return {}

    def _keep(self, trace_id: str, found: Mapping[str, Mapping[str, Any]], stand_in: str) -> None:
        """Keep what was found, by kind. What cannot be kept costs only the time to find it again."""
        try:
            for kind, data in found.items():
                self._store().keep_explanation(trace_id, f"{kind}{BY}{stand_in}" if stand_in else kind, data)
        except StoreError as error:
            log.warning("what was found could not be kept: %s", error)


def why_stand_in(trace: Trace) -> str:
    """Why another application's answer is explained by a backend that stands in."""
    return (
        f"{trace.service or trace.backend} is another application, whose model cannot be asked how probable its answer is. Choose a "
        "backend of this machine that scores answers to stand in for it; in the shell with `raglass explain --stand-in`."
    )


def stand_in_caveat(stand_in: str) -> str:
    """What to say of trials that another backend made than the one that answered; empty if it did."""
    if not stand_in:
        return ""
    return (
        f"Asked again with {stand_in}, not with the model that answered: this says what {stand_in} makes of the chunks. A deeper search "
        f"looks through the documents of {stand_in}, and no repairs are tried."
    )


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
