"""Sequence-to-sequence models of the T5 family in CTranslate2: what `decoding.Decoder` does, several times faster, in 8-bit weights.

A token's name is its id, written out, so that no text can pass for a control token here either. Log-probabilities are natural logarithms
of the model's own softmax over its whole vocabulary at temperature 1. Attention and gradients cannot be had here.
"""

import atexit
import logging
import math
import queue
import threading
import weakref
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from backends.local.research.conversions import About, Conversion
from backends.local.research.decoding import NOT_NUMBERS, FloatArray
from backends.local.research.engines import Numbers, require_engine
from backends.local.research.onnx_decoder import PROBE_IDS, PROBE_NATS, PROBE_TOKENS, score_in_torch
from pipeline.errors import BadResponse, Unavailable

log = logging.getLogger(__name__)

EDITION = 1
"""Of `make_conversion`."""

DRAWN_TOGETHER = 8
"""Samples that one reading of the prompt serves; always so many, so that a sample does not depend on how many were asked for."""

SCORED_TOKENS = 512
"""Prompt tokens at most in one pass of `score`: a long prompt gains nothing from company."""

BROKE_OFF = "CTranslate2 broke off in the middle of an answer. Set RAGLASS_ENGINE=torch."

SEEDS = 2**32 - 1
"""CTranslate2 knows so many; the next one means chance."""

_seeding = threading.Lock()
_alive: "weakref.WeakSet[Translator]" = weakref.WeakSet()


class Translator:
    """One converted model. Safe to use from several threads: CTranslate2 takes one call after the other."""

    seq2seq = True

    def __init__(self, conversion: Conversion, *, threads: int | None) -> None:
        """threads: while generating; None leaves it to CTranslate2, which takes four or as many as there are.

        Raises Unavailable if CTranslate2 is not installed or cannot read the model.
        """
        self._conversion, self._threads = conversion, threads
        self.ends = frozenset(int(end) for end in conversion.about["ends"])
        """Ids that end an answer."""
        self._translator = self._open()
        _alive.add(self)

    def _open(self) -> Any:
        library = require_engine("ctranslate2")
        path, numbers = self._conversion.path, self._conversion.about["numbers"]
        torch = require_engine("torch")
        before = torch.get_num_threads()
        try:
            return library.Translator(
                str(path),
                device="cpu",
                compute_type="int8_float32" if numbers == "int8" else "float32",
                inter_threads=1,
                intra_threads=self._threads or 0,
            )
        except (RuntimeError, ValueError) as error:
            log.warning("CTranslate2 could not load %s", path, exc_info=True)
            raise Unavailable(
                f"The converted model {path} cannot be loaded. Delete that folder, so that it is converted anew, or set "
                "RAGLASS_ENGINE=torch."
            ) from error
        finally:
            torch.set_num_threads(before)  # OpenMP's number, which CTranslate2 sets for the thread that opens a model

    def close(self) -> None:
        """Let go of the model and its thread, which must not outlive the interpreter: it would end the process with an abort."""
        self._translator = None

    def decode(self, prompt: Sequence[int], steps: int) -> Generator[tuple[int, float], None, None]:
        """Yield up to `steps` of (token id, log-probability in nats); see `decoding.Decoder.decode`.

        Once the answer has ended by itself, one of `ends` follows. Tokens are made ahead of being asked for, until the iterator is closed.
        """
        count = 0
        with closing(self._stream([prompt], steps)) as made:
            for _, token, logprob in made:
                count += 1
                yield token, logprob
        if count < steps:
            yield min(self.ends), 0.0

    def decode_together(
        self, prompts: Sequence[Sequence[int]], steps: Sequence[int], ends: Collection[int]
    ) -> Generator[list[tuple[int, tuple[int, float]]], None, None]:
        """Decode several prompts at once; see `decoding.Decoder.decode_together`. Yields one token at a time."""
        counts = [0] * len(prompts)
        with closing(self._stream(prompts, max(steps))) as made:
            for place, token, logprob in made:
                if counts[place] < steps[place]:
                    counts[place] += 1
                    yield [(place, (token, logprob))]
        yield [(place, (min(self.ends), 0.0)) for place, count in enumerate(counts) if count < steps[place]]

    def draw(
        self,
        prompt: Sequence[int],
        steps: int,
        *,
        samples: int,
        temperature: float,
        seed: int,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Iterator[tuple[int, float]]]:
        """Yield for each sample what `decode` yields, with tokens drawn from the softmax at `temperature`.

        Samples are drawn eight at a time from one reading of the prompt, by a copy of the model whose chance starts from the seed.
        check: called with every token; what it raises stops the drawing and is raised.
        """
        copy = self._seeded(seed)
        chance = {"num_hypotheses": DRAWN_TOGETHER, "sampling_topk": 0, "sampling_temperature": temperature}
        for start in range(0, samples, DRAWN_TOGETHER):
            drawn: list[list[tuple[int, float]]] = [[] for _ in range(DRAWN_TOGETHER)]
            with closing(copy._stream([prompt], steps, **chance)) as made:
                for place, token, logprob in made:
                    drawn[place].append((token, logprob))
                    if check is not None:
                        check()
            for each in drawn[: samples - start]:
                yield iter(each if len(each) == steps else [*each, (min(self.ends), 0.0)])

    def _seeded(self, seed: int) -> "Translator":
        """A copy. CTranslate2 reads the seed once in the life of a thread, when it first draws: hence a thread of its own."""
        copy = Translator(self._conversion, threads=self._threads)
        with _seeding:
            require_engine("ctranslate2").set_random_seed(seed % SEEDS)
            copy._translator.translate_batch(
                [[str(min(self.ends))]], beam_size=1, sampling_topk=0, max_decoding_length=1
            )
        return copy

    def score(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> FloatArray:
        """Log-probabilities of a forced answer after each prompt; see `decoding.Decoder.score`."""
        if not prompts:
            return np.empty((0, len(answer)), np.float32)
        results = self._translator.score_batch(
            [_named(prompt) for prompt in prompts],
            [_named(answer)] * len(prompts),
            max_batch_size=max(SCORED_TOKENS, *map(len, prompts)),
            batch_type="tokens",
            max_input_length=0,
        )
        found = np.array([result.log_probs[: len(answer)] for result in results], np.float32)
        if not np.isfinite(found).all():
            raise BadResponse(NOT_NUMBERS)
        return found

    def alike(self, lengths: Sequence[int], most: int) -> Iterator[list[int]]:
        """Places of rows in groups of at most `most`, the shortest first. Padding costs nothing here: rows need not be of one length."""
        todo = sorted(range(len(lengths)), key=lambda place: lengths[place])
        yield from (todo[start : start + most] for start in range(0, len(todo), most))

    def _stream(
        self, prompts: Sequence[Sequence[int]], steps: int, **chance: Any
    ) -> Generator[tuple[int, int, float], None, None]:
        """Yield (row, token id, log-probability) as they are made, but for end tokens; a row is a prompt, or a sample of the one prompt.

        Closing the iterator stops the work with the next token, and waits for that. Raises BadResponse if the model breaks.
        """
        made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        closed = threading.Event()

        def tell(step: Any) -> bool:
            made.put((step.hypothesis_id if chance else step.batch_id, step.token_id, step.log_prob))
            return closed.is_set()

        pending = self._translator.translate_batch(
            [_named(prompt) for prompt in prompts],
            beam_size=1,
            max_input_length=0,
            max_decoding_length=steps,
            min_decoding_length=0,
            end_token=sorted(self.ends),
            return_scores=True,
            asynchronous=True,
            callback=tell,
            **chance,
        )
        waiting = threading.Thread(target=_wait, args=(pending, made), name="ctranslate2", daemon=True)
        waiting.start()
        try:
            while (found := made.get()) is not None:
                if isinstance(found, RuntimeError):
                    raise BadResponse(BROKE_OFF) from found
                row, token, logprob = found
                if not math.isfinite(logprob):
                    raise BadResponse(NOT_NUMBERS)
                if token not in self.ends:
                    yield row, token, logprob
        finally:
            closed.set()
            waiting.join()


def _wait(pending: Sequence[Any], made: "queue.SimpleQueue[Any]") -> None:
    """Put what went wrong behind what was made, if anything did, and then None."""
    try:
        for result in pending:
            result.result()
    except RuntimeError as error:
        made.put(error)
    made.put(None)


def make_conversion(model: Any, folder: Path, *, start: int, ends: Collection[int], numbers: Numbers = "int8") -> About:
    """Write a torch model of the family into a folder for CTranslate2, and say what is needed beside it.

    start: id that answers begin after. ends: ids that end one. The model cannot be used afterwards: its weights are rounded where they are.
    Raises Unavailable if what was written gives other log-probabilities than torch: then this version converts it wrongly.
    """
    require_engine("ctranslate2")
    drawn = np.random.default_rng(0).integers(0, model.config.vocab_size, PROBE_IDS + PROBE_TOKENS).tolist()
    prompt, answer = drawn[:PROBE_IDS], drawn[PROBE_IDS:]
    expected = score_in_torch(model, prompt, answer, start)
    spec = make_spec(model, start=start, end=min(ends))
    spec.optimize(quantization=None if numbers == "float32" else "int8")
    spec.save(str(folder))
    about = {"start": start, "ends": sorted(ends), "numbers": numbers}
    made = Translator(Conversion(folder, about), threads=1)
    apart = float(np.abs(made.score([prompt], answer)[0] - expected).mean())
    made.close()
    if not apart < PROBE_NATS:
        raise Unavailable(
            f"The converted model's log-probabilities are {apart:.3g} nats from torch's: this version of CTranslate2 converts it wrongly. "
            "Set RAGLASS_ENGINE=torch."
        )
    return about


def make_spec(model: Any, *, start: int, end: int) -> Any:
    """The model as CTranslate2 writes it down.

    Its converter asks `tie_word_embeddings` whether logits are scaled. transformers says True of FLAN-T5, whose logits are not: what
    decides there is `scale_decoder_outputs`.
    """
    from ctranslate2.converters.transformers import T5Loader

    loader, config = T5Loader(), model.config
    tied = config.tie_word_embeddings
    config.tie_word_embeddings = bool(getattr(config, "scale_decoder_outputs", False))
    try:
        with require_engine("torch").no_grad():
            spec = loader.get_model_spec(model)
    finally:
        config.tie_word_embeddings = tied
    loader.set_vocabulary(spec, [str(number) for number in range(config.vocab_size)])
    spec.config.bos_token = spec.config.decoder_start_token = str(start)
    spec.config.eos_token, spec.config.unk_token = str(end), str(start)
    spec.validate()
    return spec


def _named(ids: Sequence[int]) -> list[str]:
    return [str(number) for number in ids]


@atexit.register
def _close_all() -> None:
    for each in list(_alive):
        each.close()
