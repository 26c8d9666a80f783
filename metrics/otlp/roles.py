"""`Roles`: which of a trace's spans retrieved, reranked, embedded the question and answered it, and what the trace therefore says.

It is found from the spans alone, whoever made them: a span's kind, where it stands in the tree and when it ran.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from metrics.otlp.chunks import make_chunks, merge_documents, reranked_chunks
from metrics.otlp.content import SpanContent
from metrics.otlp.documents import Document
from metrics.otlp.messages import last_of
from metrics.otlp.sayings import answer_in, answer_of_fields, question_in
from pipeline.span_tree import SpanTree
from pipeline.spans import STAGE_OF_KIND, Span, SpanKind
from pipeline.types import Chunk

WITHIN_A_STAGE: frozenset[SpanKind] = frozenset({"retriever", "reranker", "embedding", "guardrail", "evaluator"})
"""A model that such a span asks does not answer the question."""

SILENT: frozenset[SpanKind] = frozenset({"retriever", "reranker", "embedding", "guardrail", "evaluator", "prompt"})
"""What such a span returns is no answer."""


ASKED: frozenset[SpanKind] = frozenset({"chain", "agent", "unknown"})
"""What such a span is given may be the question."""


class Roles:
    """What each span of a trace is to its question. Each finding is made once, at the first asking."""

    def __init__(self, tree: SpanTree, contents: Mapping[str, SpanContent]) -> None:
        """tree: of finished spans. contents: of every one of them, by its id."""
        self._tree = tree
        self._contents = contents
        self._around: dict[str, frozenset[SpanKind]] = {}
        for span in tree:
            above = tree.parent(span)
            known = frozenset() if above is None else self._around[above.span_id] | {self._contents[above.span_id].kind}
            self._around[span.span_id] = known

    @cached_property
    def roots(self) -> tuple[Span, ...]:
        """Spans that say that nothing encloses them; where none has arrived, those whose parent has not."""
        stated = tuple(span for span in self._tree.roots if span.parent_id is None)
        return stated or self._tree.roots

    @cached_property
    def retrievers(self) -> tuple[Span, ...]:
        """Outermost retrievers that had begun when the answering model was asked; all where none had."""
        return self._until_answer(self._outermost("retriever"))

    @cached_property
    def reranker(self) -> Span | None:
        """The last reranker before the answer that says what it kept."""
        found = self._until_answer(self._outermost("reranker"))
        return next((span for span in reversed(found) if self._contents[span.span_id].documents), None)

    @cached_property
    def answering(self) -> Span | None:
        """The model's span whose output is the answer; where none is known to be, the one that ended last."""
        found = [span for span in self._outermost("llm") if not self._around[span.span_id] & WITHIN_A_STAGE]
        found.sort(key=lambda span: (span.end_ms, span.start_ms, span.span_id))
        if self._stated_answer:
            for span in reversed(found):
                said = self.said_by(span)
                if said and (said in self._stated_answer or self._stated_answer in said):
                    return span
        return found[-1] if found else None

    @cached_property
    def embedders(self) -> tuple[Span, ...]:
        """Spans that embedded the question or what a retriever looked for; where texts are not sent, those inside a retriever."""
        asked = {self.question, *(self._contents[span.span_id].query for span in self.retrievers)}
        found = self._until_answer(self._outermost("embedding"))
        told = tuple(span for span in found if asked.intersection(self._contents[span.span_id].texts))
        return told or tuple(span for span in found if "retriever" in self._around[span.span_id])

    @cached_property
    def question(self) -> str:
        """What the first root was asked, or the topmost span that says; else a retriever, else a model. Empty if none says."""
        topmost = sorted(self._tree, key=lambda span: (self._tree.depth(span), span.start_ms, span.span_id))
        asked = [span for span in topmost if self._contents[span.span_id].kind in ASKED]
        inputs = (self._contents[span.span_id].input for span in (*self.roots[:1], *asked))
        stated = next(filter(None, map(question_in, inputs)), "")
        return stated or self._first_query or self._first_user_message

    @cached_property
    def answer(self) -> str:
        """What was answered; empty if nobody says."""
        return answer_of_fields(self._stated_answer or ("" if self.answering is None else self.said_by(self.answering)))

    @cached_property
    def chunks(self) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
        """(Chunks best first, what a reranker chose them from; empty where none did)."""
        found = merge_documents(self._documents(span) for span in self.retrievers)
        if self.reranker is None:
            return make_chunks(found), ()
        content = self._contents[self.reranker.span_id]
        return reranked_chunks(content.documents, found or merge_documents([content.documents_before]))

    @cached_property
    def stages(self) -> Mapping[str, str]:
        """By a span's id which stage it is. A span within another of its kind is none, so that no time counts twice."""
        found = [*self.embedders, *self.retrievers, self.reranker, self.answering]
        kinds = {span.span_id: self._contents[span.span_id].kind for span in found if span is not None}
        return {span_id: STAGE_OF_KIND[kind] for span_id, kind in kinds.items()}

    @cached_property
    def models(self) -> tuple[Span, ...]:
        """Outermost spans of models, whatever they were asked for."""
        return self._outermost("llm")

    def model_content(self, span: Span) -> SpanContent:
        """What a model's span says, and what only one within it does: a framework's may enclose its client's."""
        contents, waiting = [self._contents[span.span_id]], list(self._tree.children(span))
        for inner in waiting:
            waiting.extend(self._tree.children(inner))
            if self._contents[inner.span_id].kind == "llm":
                contents.append(self._contents[inner.span_id])
        told = {
            name: next(filter(None, (getattr(content, name) for content in contents)), getattr(contents[0], name))
            for name in ("prompt", "messages_in", "model", "finish_reason", "prompt_tokens", "completion_tokens")
        }
        return replace(contents[0], **told)

    def said_by(self, span: Span) -> str:
        """What a model's span returned, as text."""
        content = self._contents[span.span_id]
        return content.answer or answer_in(content.output)

    def _outermost(self, kind: SpanKind) -> tuple[Span, ...]:
        """Spans of a kind that none of their kind encloses, in the order of their start."""
        found = [
            span
            for span in self._tree
            if self._contents[span.span_id].kind == kind and kind not in self._around[span.span_id]
        ]
        return tuple(sorted(found, key=lambda span: (span.start_ms, span.span_id)))

    def _until_answer(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Those of some spans that had begun when the answering model was asked; all where none had."""
        if self.answering is None:
            return tuple(spans)
        asked_ms = self.answering.start_ms
        return tuple(span for span in spans if span.start_ms <= asked_ms) or tuple(spans)

    def _documents(self, span: Span) -> Sequence[Document]:
        """What a retriever found: as it says, else as those inside it do."""
        found: list[Sequence[Document]] = []
        waiting = [span]
        while waiting:
            looked = waiting.pop()
            if documents := self._contents[looked.span_id].documents:
                found.append(documents)
            else:
                waiting.extend(reversed(self._tree.children(looked)))
        return merge_documents(found)

    @cached_property
    def _stated_answer(self) -> str:
        """What the last root that answers returned; where it does not say, what the last span within it did, and so on down."""
        inside: Sequence[Span] = self.roots
        while speaking := [span for span in inside if self._contents[span.span_id].kind not in SILENT]:
            last = max(speaking, key=lambda span: (span.end_ms, span.span_id))
            if said := self.said_by(last):
                return said
            inside = self._tree.children(last)
        return ""

    @cached_property
    def _first_query(self) -> str:
        queries = (self._contents[span.span_id].query for span in self._outermost("retriever"))
        return next(filter(None, map(question_in, queries)), "")

    @cached_property
    def _first_user_message(self) -> str:
        sent = (self._contents[span.span_id].messages_in for span in self.models)
        return next(filter(None, (last_of(messages, "user") for messages in sent)), "")


def used_ids(chunks: Iterable[Chunk], prompt: str) -> tuple[str, ...]:
    """Chunks whose text stands in a prompt, white space aside; all where none does, as then it is not known."""
    folded = " ".join(prompt.split())
    given = tuple(chunks)
    found = tuple(c.chunk_id for c in given if c.text.strip() and " ".join(c.text.split()) in folded)
    return found or tuple(chunk.chunk_id for chunk in given)
