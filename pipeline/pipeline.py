"""`Pipeline`: the only code that runs a RAG pipeline, on a laptop and in the orchestrator Lambda alike.

It owns the order of the stages and the deadline. It refuses to look inside vectors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pipeline.checks import check_deadline, check_sampling, check_top_k, clean_question
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, InputError
from pipeline.protocols import Embedder, Generator, Index, OnEvent, Reranker, Sampler, Vectors
from pipeline.recording import Recorder
from pipeline.types import Chunk, Failure, GenerateOptions, Generation, Sample, Setting, TokenMade, Trace

RERANK_DEPTH = 20
"""Candidates that a reranker is given, if `top_k` is smaller."""


class Pipeline:
    """Embed, retrieve, rerank if asked, generate; and a trace of it all."""

    def __init__(
        self,
        embedder: Embedder,
        index: Index,
        generator: Generator,
        reranker: Reranker | None = None,
        *,
        options: GenerateOptions | None = None,
    ) -> None:
        self.embedder = embedder
        self.index = index
        self.generator = generator
        self.reranker = reranker
        self.options = options or GenerateOptions()

    def answer(
        self,
        question: str,
        *,
        backend: str,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        settings: Mapping[str, Setting] | None = None,
        trace_id: str | None = None,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question for `backend`; see `pipeline.protocols.Backend.answer` for what is raised and what is kept.

        settings: recorded in the trace beside what this call was given. trace_id: a caller's own, 32 hexadecimal digits.
        """
        self.check_rerank(backend, rerank)
        given = {**(settings or {}), "top_k": top_k, "deadline_s": deadline_s, "rerank": rerank}

        def run(recorder: Recorder, question: str, deadline: Deadline) -> None:
            self.write_answer(recorder, question, self._find(recorder, question, top_k, rerank, deadline), deadline)

        return _traced(run, question, backend, top_k, deadline_s, given, trace_id, on_event)

    def retrieve(
        self,
        question: str,
        *,
        backend: str,
        top_k: int,
        deadline_s: float,
        settings: Mapping[str, Setting] | None = None,
        trace_id: str | None = None,
    ) -> Trace:
        """Find the chunks for a question and answer nothing: a trace whose generation is None. Raises as `answer` does."""
        given = {**(settings or {}), "top_k": top_k, "deadline_s": deadline_s}

        def run(recorder: Recorder, question: str, deadline: Deadline) -> None:
            self._find(recorder, question, top_k, False, deadline)

        return _traced(run, question, backend, top_k, deadline_s, given, trace_id, None)

    def find_chunks(
        self, question: str, *, backend: str, top_k: int, deadline_s: float, rerank: bool = False
    ) -> list[Chunk]:
        """The chunks that `answer` would answer from, and no trace. Raises InputError as `answer` does, and what broke in a stage."""
        self.check_rerank(backend, rerank)
        check_top_k(top_k)
        question, deadline = _begin(question, deadline_s)
        return self._find(Recorder(None), question, top_k, rerank, deadline)

    def answer_from(self, question: str, chunks: Sequence[Chunk], *, deadline_s: float) -> Generation:
        """What the generator makes of just these chunks, perhaps none, and no trace. Raises as `find_chunks` does."""
        question, deadline = _begin(question, deadline_s)
        return self.write_answer(Recorder(None), question, chunks, deadline)

    def sample_answers(
        self,
        question: str,
        chunks: Sequence[Chunk],
        *,
        samples: int,
        deadline_s: float,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> Iterator[Sample]:
        """Answers drawn over just these chunks, and no trace; see `pipeline.protocols.AnswerSampler.sample_answers`."""
        if not isinstance(self.generator, Sampler):
            raise InputError(f"The generator {self.generator.name} draws no answers at random. Choose another one.")
        check_sampling(samples, temperature, seed)
        question, deadline = _begin(question, deadline_s)
        drawn = self.generator.sample(
            question, chunks, self.options, samples=samples, temperature=temperature, seed=seed, deadline=deadline
        )
        return _drawing(drawn, samples, deadline)

    def check_rerank(self, backend: str, rerank: bool) -> None:
        """Raise InputError where reranking is asked for and there is nothing to rerank with."""
        if rerank and self.reranker is None:
            raise InputError(f"The backend {backend} has no reranker. Switch reranking off and ask again.")

    def _find(self, recorder: Recorder, question: str, top_k: int, rerank: bool, deadline: Deadline) -> list[Chunk]:
        with recorder.stage("embed", deadline) as attributes:
            attributes["model"] = self.embedder.name
            if knows(self.embedder, question):
                attributes["cached"] = True
            vectors = self.embedder.embed([question], "query", deadline=deadline)
        return self.find_near(recorder, question, vectors, top_k, rerank, deadline)

    def find_near(
        self, recorder: Recorder, question: str, vectors: Vectors, top_k: int, rerank: bool, deadline: Deadline
    ) -> list[Chunk]:
        """Retrieve, and rerank if asked, for a question that is embedded: the stages between `embed` and `generate`."""
        depth = max(top_k, RERANK_DEPTH) if rerank else top_k
        with recorder.stage("retrieve", deadline) as attributes:
            attributes["top_k"] = depth
            [chunks] = self.index.search(vectors, depth, texts=[question], deadline=deadline)
            attributes["returned"] = len(chunks)
            recorder.found(chunks)
        if rerank and self.reranker is not None:
            with recorder.stage("rerank", deadline) as attributes:
                attributes["model"] = self.reranker.name
                attributes["candidates"] = len(chunks)
                recorder.retrieved = tuple(chunks)
                chunks = self.reranker.rerank(question, chunks, deadline=deadline)[:top_k]
                recorder.found(chunks)
        return chunks

    def write_answer(
        self, recorder: Recorder, question: str, chunks: Sequence[Chunk], deadline: Deadline
    ) -> Generation:
        """The stage `generate`."""
        with recorder.stage("generate", deadline) as attributes:
            attributes["model"] = self.generator.name
            for made in self.generator.generate(question, chunks, self.options, deadline=deadline):
                if isinstance(made, Generation):
                    recorder.generation = made
                    written = made.completion_tokens
                    attributes["tokens"] = len(recorder.tokens) if written is None else written
                    return made
                recorder.tokens.append(made)
                recorder.emit(TokenMade(made))
                deadline.check("generate")
            raise BadResponse("The generator ended without summing up its answer. Ask again; if it stays, report it.")


def _drawing(drawn: Iterator[Sample], samples: int, deadline: Deadline) -> Iterator[Sample]:
    """Samples as they are drawn; what breaks meanwhile breaks as a stage does."""
    with Recorder(None).stage("generate", deadline):
        for number, sample in enumerate(drawn, start=1):
            yield sample
            if number < samples:
                deadline.check("generate")


def _begin(question: str, deadline_s: float) -> tuple[str, Deadline]:
    """The question as it will be asked, whose time runs from now. Raises InputError for misuse."""
    check_deadline(deadline_s)
    return clean_question(question), Deadline(deadline_s)


def _traced(
    run: Callable[[Recorder, str, Deadline], None],
    question: str,
    backend: str,
    top_k: int,
    deadline_s: float,
    settings: Mapping[str, Setting],
    trace_id: str | None,
    on_event: OnEvent | None,
) -> Trace:
    """Run stages over a question and keep what they caused, failed or not. Raises InputError for misuse."""
    check_top_k(top_k)
    question, deadline = _begin(question, deadline_s)
    recorder = Recorder(on_event)
    failure: Failure | None = None
    try:
        run(recorder, question, deadline)
    except BackendError as error:
        failure = error.to_failure()
    return recorder.to_trace(question, backend, settings, failure, trace_id)


def knows(embedder: Embedder, question: str) -> bool:
    """Whether the embedder has this question's vector already, so that `embed` takes no time: an embedder may offer `knows`."""
    ask = getattr(embedder, "knows", None)
    return bool(ask(question)) if callable(ask) else False
