"""The research profile with models of the production models' exact shape: a run in batches against the one-by-one loop.

    python -m benchmarks.bench_research [--questions N] [--tokens N] [--threads N]

FLAN-T5-base and E5-large by their published sizes, with random weights, since what is measured is time: every answer has `--tokens` tokens.
Tokenizers are trained on the built-in articles. Ratios compare within this run. Takes about 3 GB of memory and as much of disk.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends import registry
from backends.local.documents import builtin_documents
from backends.local.documents.types import Document
from backends.registry import BackendConfig
from evaluation.datasets import BUILTIN, load_dataset
from pipeline.types import Trace

QUESTIONS, TOKENS = 24, 16
DOCUMENTS, CHARACTERS = 6, 4_000
VOCABULARY = 8_000
"""Pieces of the tokenizers; the models' embeddings keep their published sizes."""

FLAN_T5_BASE: dict[str, Any] = {
    "vocab_size": 32_128,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 2_048,
    "num_layers": 12,
    "num_heads": 12,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "decoder_start_token_id": 0,
}
"""https://huggingface.co/google/flan-t5-base/blob/main/config.json"""

E5_LARGE: dict[str, Any] = {
    "vocab_size": 30_522,
    "hidden_size": 1_024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4_096,
    "max_position_embeddings": 512,
}
"""https://huggingface.co/intfloat/e5-large/blob/main/config.json"""


def make_generator(folder: Path, texts: Sequence[str]) -> Path:
    """A sequence-to-sequence model of FLAN-T5-base's shape that never ends an answer by itself."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    specials = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=512
    )
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(**FLAN_T5_BASE))
    with torch.no_grad():  # so that what it writes are pieces, none of them certain, and never the end
        model.lm_head.weight *= 0.05
        model.lm_head.weight[VOCABULARY:] = model.lm_head.weight[: len(specials)] = 0
    return save(folder, model, tokenizer)


def make_embedder(folder: Path, texts: Sequence[str]) -> Path:
    """An encoder of E5-large's shape, by its name one of the family."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    backend.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    )
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
    )
    torch.manual_seed(0)
    return save(folder, BertModel(BertConfig(**E5_LARGE)), tokenizer)


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    """A model folder as a hub's user has it."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def documents() -> list[Document]:
    """The beginnings of some built-in articles."""
    return [
        Document(each.document_id, each.title, each.text[:CHARACTERS], each.source)
        for each in builtin_documents()[:DOCUMENTS]
    ]


def stage_s(traces: Sequence[Trace], stage: str) -> float:
    """Mean seconds of a stage."""
    return statistics.mean(span.duration_ms / 1000 for trace in traces for span in trace.spans if span.stage == stage)


def ask(config: BackendConfig, texts: Sequence[str], batch: int | None) -> tuple[float, list[Trace]]:
    """Seconds of all questions, one by one or in batches (None: of the backend's own size), whose vectors are not known; the traces."""
    shutil.rmtree(config.data_dir / "vectors" / "questions", ignore_errors=True)
    backend: Any = registry.open_backend("local/research", config)
    try:
        backend.answer("Is anyone there?", top_k=5, deadline_s=600)
        began = time.perf_counter()
        if batch == 1:
            traces = [backend.answer(text, top_k=5, deadline_s=600) for text in texts]
        else:
            size = batch or backend.batch_size
            traces = [
                trace
                for start in range(0, len(texts), size)
                for trace in backend.answer_batch(texts[start : start + size], top_k=5, deadline_s=600)
            ]
        return time.perf_counter() - began, traces
    finally:
        backend.close()


def measure(folder: Path, questions: int, tokens: int, threads: int | None) -> None:
    """Make the models, index, ask both ways, and print."""
    texts = [each.text for each in load_dataset(BUILTIN).draw(questions).questions]
    corpus = [each.text for each in builtin_documents()]
    config = BackendConfig(
        folder,
        builtin_corpus=False,
        embedder=str(make_embedder(folder / "e5-large-shape", corpus)),
        generator=str(make_generator(folder / "flan-t5-base-shape", corpus)),
        max_new_tokens=tokens,
        threads=threads,
    )
    backend: Any = registry.open_backend("local/research", config)
    for document in documents():
        backend.corpus.library.add(document)
    backend.corpus.build()
    backend.close()
    loop_s, alone = ask(config, texts, 1)
    batch_s, together = ask(config, texts, None)
    same = sum(
        one.generation is not None and other.generation is not None and one.generation.answer == other.generation.answer
        for one, other in zip(alone, together, strict=True)
    )
    prompt = statistics.mean(each.generation.prompt_tokens for each in alone if each.generation)
    print(f"{len(texts)} questions, prompts of {prompt:.0f} tokens, answers of {tokens}; seconds a question")
    print(f"{'':<26}{'one by one':>12}{'in batches':>12}{'times':>8}")
    for stage in ("embed", "generate"):
        one, other = stage_s(alone, stage), stage_s(together, stage)
        print(f"{stage:<26}{one:>12.3g}{other:>12.3g}{one / other:>8.3g}")
    print(f"{'all':<26}{loop_s / len(texts):>12.3g}{batch_s / len(texts):>12.3g}{loop_s / batch_s:>8.3g}")
    print(f"the same answer {same} of {len(texts)} times")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.3g} MB")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments.questions, arguments.tokens, arguments.threads)


if __name__ == "__main__":
    main()
