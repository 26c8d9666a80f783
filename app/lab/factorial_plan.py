"""What a factorial study is asked to do: factors and their levels, read and checked, and the cells that follow from them."""

import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.asking.prompts import FindPrompt
from app.lab.cells import Cell
from backends.local.chosen import EMBEDDED, SENTENCES
from backends.local.chunking import Chunking
from backends.local.index_kinds import IndexKind
from backends.local.models import NO_RERANK
from evaluation.datasets import load_dataset, settle
from evaluation.lab.design import choose_cells
from pipeline.checks import check_top_k
from pipeline.errors import ConfigError, InputError
from pipeline.prompts import DEFAULT, PromptTemplate, read_prompt

if TYPE_CHECKING:
    from app.config import Settings

FACTORS = ("embedder", "chunking", "generator", "prompt", "rerank", "top_k", "index")
"""In the order in which cells are run: what takes longest to make is changed last."""

ELSEWHERE = ("rerank", "top_k")
"""Factors of a backend that is not put together here."""

LOCAL = ("local/embedded", "local/research")
"""Backends whose parts can be put together otherwise."""

KEYS = ("dataset", "questions", "seed", "fraction", "backend", "factors")
"""What a plan may say."""

FILLED_IN = ("study", "prompts")
"""What a checked plan says beside: the mark of the runs that belong to it, so that it finds them again, and the texts of its prompts."""


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell of a plan."""

    name: str
    """Its levels of the factors that have more than one."""
    levels: Mapping[str, str]
    """The level of each factor, in words."""
    places: tuple[int, ...]
    """The same, as places in the plan's lists."""

    @property
    def top_k(self) -> int:
        """Chunks to answer from."""
        return int(self.levels["top_k"])

    @property
    def reranked(self) -> bool:
        """Whether chunks are put into order anew."""
        return self.levels["rerank"] != NO_RERANK

    def to_cell(self) -> Cell:
        """As it is put together from the local models."""
        return Cell(**{**self.levels, "top_k": self.top_k})  # type: ignore[arg-type]


EXAMPLE = """\
dataset = "builtin"
questions = 60
seed = 0

[factors]
chunking = ["heading:800:0", "sentence:250:0"]
top_k = [1, 3, 8]
rerank = [false, true]
"""
"""A plan to begin from; docs/examples/study.toml is a larger one."""


def read_plan(text: str, name: str) -> dict[str, Any]:
    """A plan in TOML, not checked. name: what the text is called. Raises InputError for what is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{name} is no TOML: {error}. docs/examples/study.toml shows how a plan is written."
        ) from error


def find_prompts(plan: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A plan whose prompts that are files in a folder, where the plan itself is, are named by their whole paths."""
    factors = plan.get("factors")
    levels = factors.get("prompt") if isinstance(factors, Mapping) else None
    if not isinstance(factors, Mapping) or not isinstance(levels, list):
        return plan
    found = [
        str(folder / each) if isinstance(each, str) and each != DEFAULT.name and (folder / each).is_file() else each
        for each in levels
    ]
    return {**plan, "factors": {**factors, "prompt": found}}


def check_plan(
    settings: "Settings", plan: Mapping[str, Any], find: FindPrompt = lambda word: read_prompt(Path(word))
) -> dict[str, Any]:
    """A plan with what was left out filled in, levels as words. Raises InputError for one that cannot be carried out.

    find: what a prompt's word means; a file by default.
    """
    unknown = set(plan) - {*KEYS, *FILLED_IN}
    if unknown:
        raise InputError(
            f"The plan says {', '.join(sorted(map(repr, unknown)))}, which means nothing. It may say {', '.join(KEYS)}."
        )
    backend = str(plan.get("backend") or settings.backend_name)
    dataset = settle(str(plan.get("dataset", "builtin")))
    seed, questions = _whole(plan.get("seed", 0), "seed", 0), plan.get("questions")
    count = None if questions is None else _whole(questions, "questions", 1)
    load_dataset(dataset)
    factors = _factors(settings, backend, plan.get("factors", {}), checked="study" in plan)
    told = read_prompts(factors["prompt"], plan.get("prompts", {}), find)
    factors["prompt"] = list(told)
    fraction = _fraction(plan.get("fraction", 1))
    checked = {
        "dataset": dataset,
        "questions": count,
        "seed": seed,
        "fraction": str(fraction),
        "backend": backend,
        "factors": factors,
        "study": str(plan.get("study") or secrets.token_hex(4)),
        "prompts": {level: prompt.text for level, prompt in told.items() if prompt != DEFAULT},
    }
    if len(plan_cells(checked)) < 2:
        raise InputError(
            "The plan has one cell. Give a factor two levels or more; one setting alone is `raglass eval run`."
        )
    return checked


def plan_cells(plan: Mapping[str, Any]) -> list[PlannedCell]:
    """The cells of a checked plan, in the order in which they are run."""
    factors: Mapping[str, Sequence[str]] = plan["factors"]
    factors = {"prompt": [DEFAULT.name], **factors}  # plans of older versions have none
    counts = [len(factors[name]) for name in FACTORS]
    chosen = choose_cells(counts, Fraction(plan["fraction"]), seed=int(plan["seed"]))
    varied = [name for name in FACTORS if len(factors[name]) > 1]
    cells = []
    for places in chosen.tolist():
        levels = {name: factors[name][place] for name, place in zip(FACTORS, places, strict=True)}
        name = ", ".join(f"{factor} {short_level(levels[factor])}" for factor in varied) or "all"
        cells.append(PlannedCell(name, levels, tuple(places)))
    return cells


def short_level(level: str) -> str:
    """A level as it fits a line: of a path its end."""
    return Path(level).name if level.startswith(("/", ".", "~")) else level


def _factors(settings: "Settings", backend: str, given: Any, *, checked: bool) -> dict[str, list[str]]:
    """checked: the plan is one that was filled in, so that it names factors with one level that this backend does not have."""
    if not isinstance(given, Mapping):
        raise InputError("`factors` is no table. Write [factors] and a list of levels for each, as in top_k = [3, 5].")
    allowed = FACTORS if backend in LOCAL else ELSEWHERE
    fixed = [name for name in FACTORS if checked and len(given.get(name, ())) == 1]
    unknown = [name for name in given if name not in (*allowed, *fixed)]
    if unknown:
        why = "" if backend in LOCAL else f" of {backend}, whose other parts are put together elsewhere"
        raise InputError(f"{', '.join(map(repr, unknown))} is no factor{why}. There are: {', '.join(allowed)}.")
    usual = _usual(settings, backend)
    factors = {name: _levels(name, given.get(name, [usual[name]]), usual) for name in FACTORS}
    if "prompt" in given and not checked and factors["generator"] == [EMBEDDED]:
        raise InputError(
            "The plan varies what the generator is told, and its one generator quotes sentences and is told nothing. Name another one as "
            '`generator`, or leave `prompt` out: generator = ["google/flan-t5-base"].'
        )
    return factors


def kept_prompts(plan: Mapping[str, Any]) -> dict[str, PromptTemplate]:
    """The prompts of a checked plan beside the usual one, by the words that its cells have for them."""
    return {level: PromptTemplate(level.rpartition("@")[0], text) for level, text in plan.get("prompts", {}).items()}


def read_prompts(levels: Sequence[str], known: Mapping[str, str], find: FindPrompt) -> dict[str, PromptTemplate]:
    """The prompts of a factor's levels, by the words that cells have for them: DEFAULT's name, or a version.

    levels: those words, or what `find` knows. known: texts of prompts that were read before, by version. Raises InputError for one that
    is neither, and for two that are the same.
    """
    found: dict[str, PromptTemplate] = {}
    for level in levels:
        if level == DEFAULT.name:
            prompt = DEFAULT
        elif level in known:
            prompt = PromptTemplate(level.rpartition("@")[0], known[level])
        else:
            prompt = find(level)
        word = DEFAULT.name if prompt == DEFAULT else prompt.version
        if word in found:
            raise InputError(f"The factor prompt has {word} twice. Name each level once.")
        found[word] = prompt
    return found


def _usual(settings: "Settings", backend: str) -> dict[str, str]:
    """The level of a factor that a plan leaves out, and (`reranker`) what `rerank = true` means."""
    research = backend == "local/research"
    return {
        "embedder": settings.embedder if research else EMBEDDED,
        "chunking": settings.chunking,
        "generator": settings.generator if research else EMBEDDED,
        "prompt": (research and settings.prompt) or DEFAULT.name,
        "rerank": NO_RERANK,
        "top_k": str(settings.top_k),
        "index": "exact",
        "reranker": settings.reranker if research else SENTENCES,
    }


def _levels(name: str, given: Any, usual: Mapping[str, str]) -> list[str]:
    listed = given if isinstance(given, list | tuple) else [given]
    if not listed:
        raise InputError(f"The factor {name} has no level. Give it one or more, or leave it out.")
    levels = [_level(name, each, usual) for each in listed]
    twice = sorted({level for level in levels if levels.count(level) > 1})
    if twice:
        raise InputError(f"The factor {name} has {', '.join(twice)} twice. Name each level once.")
    return levels


def _level(name: str, given: Any, usual: Mapping[str, str]) -> str:
    if name == "rerank" and isinstance(given, bool):
        return usual["reranker"] if given else NO_RERANK
    if name == "top_k":
        top_k = _whole(int(given) if isinstance(given, str) and given.isdecimal() else given, "top_k", 1)
        check_top_k(top_k)
        return str(top_k)
    if not isinstance(given, str) or not given.strip():
        raise InputError(f"The factor {name} has the level {given!r}. Write it as text, in quotes.")
    word = given.strip()
    if name == "index":
        return str(IndexKind.parse(word))
    if name == "chunking":
        try:
            return str(Chunking.parse(word))
        except ConfigError as error:
            raise InputError(str(error).replace("RAGLASS_CHUNKING", "A chunking", 1)) from error
    return word


def _whole(given: Any, name: str, least: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise InputError(f"`{name}` is {given!r}. Give a whole number of {least} or more.")
    return given


def _fraction(given: Any) -> Fraction:
    try:
        found = Fraction(str(given)).limit_denominator(1000)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found <= 1:
        raise InputError(f'`fraction` is {given!r}. Give a number above 0 and at most 1, or a text such as "1/2".')
    return found
