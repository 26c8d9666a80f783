"""Tiny models, made in seconds from a seed, with tokenizers whose traits are those of the real ones."""

import shutil
from pathlib import Path
from typing import Any

from pipeline.types import Chunk

TEXT = """
answer the question in a few words using only context below if does not contain say unanswerable
paris france capital of is what mars moon who wrote red planet title one two three
"""
WORDS = TEXT.split()

CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_chunk(number: int, text: str, title: str = "Title") -> Chunk:
    return Chunk(f"c{number}", f"d{number}", title, text, score=1 - number / 100, rank=number)


def unigram_tokenizer() -> Any:
    """Like T5's: `</s>` and `<pad>` are pieces of the Unigram model itself, with the best score there is."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = [*"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *"0123456789", *'<>/|[]:.,?"_\n']
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -5.0) for letter in letters] + [(f"▁{word}", -3.0) for word in dict.fromkeys(WORDS)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=2))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.add_special_tokens(["<pad>", "</s>", "<unk>"])
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=512
    )


def byte_tokenizer() -> Any:
    """Like GPT-2's without its merges: one token a byte, so that every letter beyond ASCII is several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    specials = ["<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: index for index, piece in enumerate([*specials, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(specials)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_t5(tokenizer: Any) -> Any:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    config = T5Config(vocab_size=len(tokenizer), decoder_start_token_id=0, dropout_rate=0.0, **sizes)
    return T5ForConditionalGeneration(config)


def make_gpt2(tokenizer: Any) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"n_positions": 1024, "n_embd": 32, "n_layer": 2, "n_head": 4}
    return GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1, **sizes))


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def bring_conversion(source: Path, folder: Path, engine: str) -> Path:
    """A copy of a model's folder that brings a conversion for `ctranslate2` or `onnxruntime` along, in float32."""
    from transformers import T5ForConditionalGeneration

    from backends.local.research import onnx_decoder, translator
    from backends.local.research.conversions import write_manifest
    from backends.local.research.loading import PACKED

    shutil.copytree(source, folder)
    (folder / PACKED).mkdir()
    model = T5ForConditionalGeneration.from_pretrained(source).eval()
    make = (translator if engine == "ctranslate2" else onnx_decoder).make_conversion
    about = make(model, folder / PACKED, start=0, ends=[1], numbers="float32")
    write_manifest(folder / PACKED, {**about, "engine": engine})
    return folder


FRANCE = make_chunk(1, "paris is the capital of france", "france")
ANSWERABLE = "what is the capital"
UNANSWERABLE = "who wrote the red moon"


def bert_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789:.,?"]
    pieces = [*specials, *dict.fromkeys([*letters, *(f"##{letter}" for letter in letters), *WORDS])]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    backend.add_special_tokens(specials)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=128,
    )


def bert_config(**changes: Any) -> Any:
    from transformers import BertConfig

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    return BertConfig(vocab_size=len(bert_tokenizer()), max_position_embeddings=128, **sizes, **changes)
