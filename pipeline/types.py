"""What flows through a pipeline and what a question leaves behind: chunks, spans, tokens, generations, traces.

Plain frozen data. Nothing here computes more than a sum over its own fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pipeline.span_tree import SpanTree
from pipeline.spans import Failure as Failure
from pipeline.spans import Span as Span

Kind = Literal["query", "passage"]
"""What an embedder is given: E5 models prefix questions and passages differently."""


def heading_of(title: str, section: Sequence[str]) -> str:
    """A document's title and the headings below it, on one line."""
    return " › ".join(filter(None, (title, *section)))


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document, as retrieved for one question."""

    chunk_id: str
    """Stable id, derived from the content."""
    document_id: str
    """The document that the chunk was cut from."""
    title: str
    """The document's title."""
    text: str
    """The chunk's text, as indexed; empty where another application did not send it."""
    score: float | None
    """Cosine similarity between question and chunk, in [-1, 1]; another application's is its own. None where it sent none."""
    rank: int
    """1 is best. The order is the retriever's (or reranker's), which may differ from that of `score`."""
    signals: Mapping[str, float] = field(default_factory=dict)
    """Other scores that decided the rank, by name: `bm25`, `sentence`, `fused`, `rerank`."""
    section: tuple[str, ...] = ()
    """The headings that the chunk stands under in its document, the outermost first; empty where there are none or they are not known."""
    place: str = ""
    """Where in its file it stands, as a reader would look it up: `page 12`, `rows 4–9`; empty where the format has no such."""
    source: str = ""
    """The file that the document was read from; empty where that is not known."""

    @property
    def heading(self) -> str:
        """The title and the section, as they are read before the text."""
        return heading_of(self.title, self.section)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of an answer. A generator's unit is its model's token, the extractive reader's a sentence."""

    text: str
    """The piece, with its leading white space, so that an answer is the tokens joined."""
    logprob_nats: float | None
    """log p(token | question, chunks, tokens before it); None where the generator's server does not say."""
    entropy_nats: float | None = None
    """At least how undecided the generator was here: the entropy over the likeliest tokens that its server names, all others counted as
    one; None where it names none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where in a chunk an answer is quoted from."""

    chunk_id: str
    """The quoted chunk."""
    start: int
    """First character of the quotation in the chunk's text."""
    end: int
    """One past its last character."""
    answer: tuple[int, int] | None = None
    """The words in the quotation that answer, as [first character, one past the last) of the chunk's text; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far an answer may be trusted, and what the figure means."""

    value: float
    """In [0, 1]."""
    kind: Literal["calibrated", "token_probability"]
    """`calibrated`: a fitted probability that the answer is right (for an abstention: that abstaining is right).
    `token_probability`: the geometric mean of the token probabilities, which is not a probability of being right."""


@dataclass(frozen=True, slots=True)
class Generation:
    """An answer and how it came about."""

    answer: str
    """The answer shown; for an abstention, a sentence that says so."""
    tokens: tuple[Token, ...]
    """The pieces, in order. Empty for an abstention that generated nothing, and where their probabilities are not known."""
    prompt_tokens: int
    """Tokens the generator read; 0 for a reader that has no prompt, and where nobody counted."""
    finish_reason: str
    """`stop`, `length`, `deadline`, `quoted` (extractive), `abstained` or `failed`; another server's word is its own."""
    confidence: Confidence | None = None
    """None where the generator has no measure of it."""
    abstained: bool = False
    """Whether the generator held that the chunks do not answer the question."""
    evidence: tuple[Evidence, ...] = ()
    """Quoted passages, in the answer's order; empty where the generator does not quote."""
    used_chunk_ids: tuple[str, ...] = ()
    """Chunks that the generator read. Lowest-ranked chunks are left out where they do not fit its window."""
    prompt: str | None = None
    """The prompt as it was sent; None where there is none, as for a reader, or where it is not known."""
    completion_tokens: int | None = None
    """Tokens that the generator wrote; None where only `tokens` tells."""


Setting = str | int | float | bool | None
"""A recorded setting's value."""

Origin = Literal["person", "run", "load", "application"]
"""Whence a question came: a person here, a run or a study, a load, or another application that sent its trace."""


@dataclass(frozen=True, slots=True)
class Trace:
    """All that one question caused."""

    trace_id: str
    """32 hexadecimal digits: a W3C trace id."""
    question: str
    """The question as asked, less characters that no store can keep."""
    backend: str
    """The backend that answered, for example `local/embedded`."""
    asked_at: float
    """Seconds since the Unix epoch, UTC."""
    duration_ms: float
    """Wall time from question to answer or failure."""
    chunks: tuple[Chunk, ...]
    """Retrieved chunks, best first; empty if retrieval failed."""
    generation: Generation | None
    """None if no answer could be begun."""
    spans: tuple[Span, ...]
    """Finished stages in order, failed ones included."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """What would be needed to ask again in the same way: `top_k`, models, index fingerprint."""
    error: Failure | None = None
    """Why there is no (whole) answer."""
    retrieved: tuple[Chunk, ...] = ()
    """What the retriever found, in its own order, where a reranker chose `chunks` from it; else empty."""
    origin: Origin = "person"
    """Whence the question came."""
    service: str = ""
    """The application that answered, where it is another one."""
    session: str = ""
    """The conversation that the question is part of; empty where it stands alone."""
    user: str = ""
    """Who asked, as the application names them; empty where it does not say."""
    tags: tuple[str, ...] = ()
    """Words by which to find it again."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What else an application said of the whole trace, JSON-ready."""

    @property
    def tree(self) -> SpanTree:
        """The spans as a tree. It is built at each call: keep it where it is asked more than once."""
        return SpanTree(self.spans)

    @property
    def unaccounted_ms(self) -> float:
        """Time that no top-level span accounts for."""
        return self.duration_ms - sum(span.duration_ms for span in self.spans if span.parent_id is None)


@dataclass(frozen=True, slots=True)
class PartReadiness:
    """Whether one part of a backend can work now."""

    name: str
    """The part: `embedder`, `index`, `generator`, …"""
    ready: bool
    """Whether it can take a question now."""
    detail: str
    """What it is, or why it is not ready and what to do."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a backend can answer now."""

    parts: tuple[PartReadiness, ...]
    """Every part that was looked at."""

    @property
    def ready(self) -> bool:
        """Whether every part is ready."""
        return all(part.ready for part in self.parts)


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the inside of a model shows of a given answer of n tokens over k chunks, best first. Nothing of it says why."""

    evidence_of: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "attention": "diagnostic, not evidence",
            "gradient_input": "local sensitivity",
            "integrated": "local sensitivity, summed on the way from padding to the chunks",
            "entropy_nats": "the model's own uncertainty",
        }
    )
    """What each measure is evidence of, by field; shown wherever the measure is."""

    tokens: tuple[str, ...]
    """The answer's tokens, with their leading white space."""
    attention_kind: Literal["cross", "self"]
    """`cross`: from a decoder to an encoder's output. `self`: from later positions to earlier ones of one model."""
    attention: tuple[tuple[float, ...], ...]
    """n rows of k: attention from the position that predicts the token to a chunk's title and text, mean over layers and heads.
    A row adds up to at most 1; the rest lies on what is no chunk's."""
    gradient_input: tuple[tuple[float, ...], ...]
    """n rows of k: gradient × input of the token's log-probability, in nats, signed."""
    entropy_nats: tuple[float, ...]
    """n: the entropy of what might have come in the token's place, over the whole vocabulary; from 0 to its logarithm."""
    integrated: tuple[float, ...] | None = None
    """k: integrated gradients of the whole answer's log-probability, in nats, signed. None if they were not asked for."""
    completeness_gap: float | None = None
    """How far `integrated` is from adding up to what it should, as a share of that. Above 0.02, ask for more steps."""


@dataclass(frozen=True, slots=True, eq=False)
class AttentionMap:
    """Attention of a given answer's first n tokens to each of the m tokens of k chunks, layer by layer and head by head.

    Arrays are whatever the backend makes (NumPy's here). A position that predicts a token is the one before it.
    """

    evidence: ClassVar[str] = Introspection.evidence_of["attention"]
    """What attention is evidence of; shown wherever it is."""

    attention_kind: Literal["cross", "self"]
    """As in `Introspection`."""
    answer_tokens: tuple[str, ...]
    """n: the answer's tokens, with their leading white space."""
    whole_answer: int
    """How many tokens the answer has; more than n where only its beginning is looked at, so that the arrays stay small."""
    context_tokens: tuple[str, ...]
    """m: the characters that each of the chunks' tokens stands for, in the prompt's order, white space included."""
    owners: tuple[int, ...]
    """m: which chunk each of them is of, 0 the best."""
    attention: Any
    """float16 (layers, heads, n, m): shares in [0, 1]; rounded to three significant figures, as half precision is."""
    elsewhere: Any
    """float16 (layers, heads, n): what lies on the prompt's other tokens together: instruction, question, numbers, control tokens.
    What is missing to 1 lies on the answer's own earlier tokens; nothing is, where attention is `cross`."""
    gradient_input: Any
    """float32 (m,): gradient × input of the n tokens' log-probability, in nats, signed."""
    logprobs_nats: Any
    """float32 (n,): log p of the answer's tokens over the whole prompt."""


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """How probable one answer is over some sets of chunks."""

    tokens: tuple[str, ...]
    """Texts of the answer's T tokens, in the unit in which the backend's generator scores."""
    logprobs_nats: tuple[tuple[float, ...], ...]
    """(n_sets, T): log p(token | question, set, tokens before it)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer drawn at random from what a generator might say."""

    answer: str
    """The answer; for an abstention, what it says."""
    logprob_nats: float
    """log p(answer | question, chunks) under the generator's own distribution, whatever the temperature it was drawn at."""
    abstained: bool = False
    """Whether it is an abstention."""


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """How to generate."""

    max_new_tokens: int = 128
    """Upper bound on the answer's length; finish reason `length` when it is reached."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage began."""

    stage: str
    """The stage."""
    start_ms: float
    """Offset from the trace's start."""


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage ended, well or badly."""

    span: Span
    """Its span."""


@dataclass(frozen=True, slots=True)
class ChunksFound:
    """Chunks are known; sent after `retrieve` and again after `rerank`."""

    chunks: tuple[Chunk, ...]
    """Best first."""


@dataclass(frozen=True, slots=True)
class TokenMade:
    """The generator made a token."""

    token: Token
    """The token."""


Event = StageStarted | StageEnded | ChunksFound | TokenMade
"""What `on_event` receives while a question is answered."""
