"""Trains the planted models: `python -m tests.planted.train --seed 0`, three minutes or so each on one core.

Every model learns all mechanisms, over random subsets of the chunks, from `worlds.solve`. Targets are smoothed, so that an answer
which a subset does not support has the same small probability whatever the subset: the scores over subsets are a known game
(single: a unanimity game of one chunk; redundant: OR; synergy: AND; the others: constant) and not the noise of a far tail.

The same seed gives the same weights on one machine: one thread, no dropout, deterministic algorithms.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from pipeline.prompts import DEFAULT, INSTRUCTION
from tests.planted.claims import MODELS, SEEDS
from tests.planted.worlds import (
    CITIES,
    COUNTRIES,
    PEOPLE,
    UNANSWERABLE,
    WORDINGS,
    Ask,
    Mechanism,
    Relation,
    World,
    as_chunks,
    grow,
    solve,
)

PAD, END, UNKNOWN, CHUNK = "<pad>", "</s>", "<unk>", "#"
"""The control tokens, and what a chunk's number and title are read as."""

STOP_WORDS = ("in", "of", "the")
"""Words that are not read, lest prompts grow long."""

SIZES: dict[str, Any] = {
    "d_model": 64,
    "d_kv": 16,
    "d_ff": 64,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "num_heads": 4,
}

DRILLS = 4
"""Drills of the decoder in an example."""

WEIGHTS = {
    Mechanism.SINGLE: 3,
    Mechanism.REDUNDANT: 1,
    Mechanism.SYNERGY: 5,
    Mechanism.MEMORY: 1,
    Mechanism.OVERRIDE: 1,
    Mechanism.ABSTAIN: 1,
}
"""How often training shows each mechanism; a missing chunk makes many of the others abstentions."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train."""

    steps: int = 2000
    """Batches."""
    batch: int = 64
    """Examples in a batch."""
    peak: float = 2e-3
    """The learning rate between rise and fall."""
    rise: int = 200
    """Steps over which the learning rate rises from nothing."""
    fall: int = 1000
    """Steps over which it falls back, at the end."""
    smoothing: float = 0.02
    """Probability that targets give to all tokens alike: an unsupported answer's log-probability is about ln(0.02 / 61) = -8 nats."""


def make_tokenizer() -> Any:
    """One token a word. A chunk's number and title are read as CHUNK, unknown words as UNKNOWN; INSTRUCTION and STOP_WORDS are not read."""
    words = [word for text in (*(w for texts in WORDINGS.values() for w in texts), *Ask) for word in text.split()]
    words = [word for word in words if "{" not in word and word not in STOP_WORDS]
    pieces = dict.fromkeys([PAD, END, UNKNOWN, CHUNK, UNANSWERABLE, *words, *PEOPLE, *COUNTRIES, *CITIES])
    backend = Tokenizer(models.WordLevel({piece: index for index, piece in enumerate(pieces)}, unk_token=UNKNOWN))
    backend.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(INSTRUCTION, ""),
            normalizers.Replace(Regex(r"\[\d+\] [^\n]*\n"), f" {CHUNK} "),
            normalizers.Replace(Regex(rf"[?.]|\b({'|'.join(STOP_WORDS)})\b"), ""),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.add_special_tokens([PAD, END, UNKNOWN])
    backend.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, model_max_length=128
    )


def make_model(tokenizer: Any, seed: int) -> Any:
    """An untrained T5 of some 135 thousand parameters."""
    torch.manual_seed(seed)
    config = T5Config(vocab_size=len(tokenizer), decoder_start_token_id=0, dropout_rate=0.0, **SIZES)
    return T5ForConditionalGeneration(config)


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt to learn from, and drills on the same prompt."""

    prompt: str
    """Over some of a world's chunks."""
    answer: str
    """What those support."""
    people: tuple[tuple[str, str], ...]
    """DRILLS others: who, and where the chunks say that they are."""
    whom: str
    """Whose place or capital the question comes down to; UNANSWERABLE if the chunks do not say whom the subject follows."""


def draw_example(rng: Random) -> Example:
    """A random example."""
    mechanism = rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    world = grow(mechanism, rng, held_out=False)
    facts = [world.facts[place] for place in _draw_subset(rng, world)]
    leaders = {fact.subject: fact.object for fact in facts if fact.relation is Relation.LEADER}
    whom = leaders.get(world.subject, UNANSWERABLE) if world.ask is Ask.LEADERS_PLACE else world.subject
    asked = {world.subject, whom}
    located = [fact.subject for fact in facts if fact.relation is Relation.PLACE and fact.subject not in asked]
    strangers = [name for name in PEOPLE if name not in located and name not in asked]
    people = [*dict.fromkeys(located), *rng.sample(strangers, DRILLS)]
    return Example(
        prompt=DEFAULT.write(world.question, as_chunks(facts)).text,
        answer=solve(world.ask, world.subject, facts),
        people=tuple((name, solve(Ask.PLACE, name, facts)) for name in rng.sample(people[:DRILLS], DRILLS)),
        whom=whom,
    )


def _draw_subset(rng: Random, world: World) -> list[int]:
    """All chunks, all but one of the sources, or each by the toss of a coin."""
    everything = range(len(world.facts))
    way = rng.random()
    if way < 0.6:
        return list(everything)
    if way < 0.75 and world.sources:
        missing = rng.choice(sorted(world.sources))
        return [place for place in everything if place != missing]
    return [place for place in everything if rng.random() < 0.5]


class Training:
    """One model on its way."""

    def __init__(self, seed: int, recipe: Recipe) -> None:
        """seed: of the weights and of the examples, and of nothing else."""
        self.recipe = recipe
        self.tokenizer = make_tokenizer()
        self.model = make_model(self.tokenizer, seed)
        self._backend = Tokenizer.from_str(self.tokenizer.backend_tokenizer.to_str())
        self._backend.enable_padding(pad_id=0, pad_token=PAD)
        self._subjects = self._words([*PEOPLE, *COUNTRIES])
        self._heads = self._words([CHUNK, *(ask.split()[0] for ask in Ask)])
        self._rng = Random(seed)
        self._optimizer = torch.optim.AdamW(self._groups(), weight_decay=0.01)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer,
            lambda step: min(1.0, (step + 1) / recipe.rise, (recipe.steps - step) / recipe.fall),
        )

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters by the size they have to reach: position biases are nats, embeddings are of size 1, all else is small."""
        peaks = {"relative_attention_bias": 30 * self.recipe.peak, "shared": 3 * self.recipe.peak}
        groups: dict[float, list[Any]] = {}
        for name, parameter in self.model.named_parameters():
            peak = next((peak for part, peak in peaks.items() if part in name), self.recipe.peak)
            groups.setdefault(peak, []).append(parameter)
        return [{"params": parameters, "lr": peak} for peak, parameters in groups.items()]

    def step(self) -> float:
        """Learn from one batch; the loss of its answers, in nats per token."""
        batch = [draw_example(self._rng) for _ in range(self.recipe.batch)]
        answers, drills = self._losses(batch)
        self._optimizer.zero_grad()
        (answers + drills).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        return float(answers.detach())

    def _losses(self, batch: Sequence[Example]) -> tuple[Any, Any]:
        """Of the answers, and of the drills together.

        An answer alone teaches slowly, for it is right only once every part of looking up is. So each part is drilled by itself, read
        off the state that should hold it: over a chunk's last word, whom the chunk is about; over the question's name, whom the
        question comes down to; and half-way through the decoder, the same. Names given to the decoder after the answer are more
        lookups in the same prompt.
        """
        ids, mask = self._encode([example.prompt for example in batch])
        answers = self._encode([example.answer for example in batch])[0]
        whom = self._words([example.whom for example in batch])
        names = self._words([name for example in batch for name, _ in example.people]).view(-1, DRILLS)
        places = self._words([place for example in batch for _, place in example.people]).view(-1, DRILLS)
        given = torch.cat([torch.zeros_like(whom)[:, None], answers[:, :1], names], dim=1)
        out = self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=given, output_hidden_states=True)

        encoded = out.encoder_last_hidden_state
        halfway = self.model.decoder.final_layer_norm(out.decoder_hidden_states[1])
        asked = (torch.isin(ids, self._subjects) * torch.arange(ids.shape[1])).argmax(dim=1)
        # In every wording the subject is the last word but two.
        last = torch.isin(ids[:, 3:], self._heads)
        drills = [
            self._loss(self._read(encoded[:, 2:-1][last]), ids[:, :-3][last]),
            self._loss(self._read(encoded[torch.arange(len(batch)), asked]), whom),
            self._loss(self._read(halfway[:, [0, *range(2, 2 + DRILLS)]]), torch.cat([whom[:, None], names], dim=1)),
            self._loss(out.logits[:, 2:], places),
        ]
        return self._loss(out.logits[:, :2], answers), sum(drills)

    def _read(self, states: Any) -> Any:
        """Logits over the vocabulary of normalised states, as the decoder's last ones are read."""
        return self.model.lm_head(states * self.model.config.d_model**-0.5)

    def _loss(self, logits: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, -2), labels.flatten(), label_smoothing=self.recipe.smoothing
        )

    def _words(self, words: Sequence[str]) -> Any:
        """Token ids of single words."""
        return torch.tensor([self._backend.token_to_id(word) for word in words])

    def accuracy(self, mechanism: Mechanism, worlds: int = 64) -> float:
        """The share of held-out worlds, with all their chunks, whose likeliest first token is the answer."""
        rng = Random(0)
        grown = [grow(mechanism, rng, held_out=True) for _ in range(worlds)]
        prompts = [DEFAULT.write(world.question, as_chunks(world.facts)).text for world in grown]
        labels = self._encode([solve(world.ask, world.subject, world.facts) for world in grown])[0]
        ids, mask = self._encode(prompts)
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=mask, labels=labels).logits
        return float((logits[:, 0].argmax(-1) == labels[:, 0]).float().mean())

    def save(self, folder: Path) -> None:
        """Write the model, its weights in float16, and its tokenizer."""
        self.model.half().save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def _encode(self, texts: Sequence[str]) -> tuple[Any, Any]:
        rows = self._backend.encode_batch(list(texts))
        return torch.tensor([row.ids for row in rows]), torch.tensor([row.attention_mask for row in rows])


def train(seed: int, recipe: Recipe) -> Training:
    """Train one model, telling its progress in the log."""
    training = Training(seed, recipe)
    begun = time.monotonic()
    for step in range(1, recipe.steps + 1):
        loss = training.step()
        if step % 250 == 0 or step == recipe.steps:
            reached = "  ".join(f"{mechanism} {training.accuracy(mechanism):.2f}" for mechanism in Mechanism)
            log.info("step %d  %.0f s  loss %.3f  %s", step, time.monotonic() - begun, loss, reached)
    return training


def main() -> None:
    """Train the models of the seeds asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, nargs="*", default=list(SEEDS))
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for seed in arguments.seed:
        log.info("seed %d", seed)
        train(seed, Recipe()).save(MODELS / f"seed-{seed}")


if __name__ == "__main__":
    main()
