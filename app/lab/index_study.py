"""`IndexStudy`: which FAISS index, and how hard it is to be searched, over the vectors in use and a dataset's questions."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from app.kit.numbers import rough_time
from app.lab.index_material import Material, gather
from app.lab.index_measuring import Row, measure_variant, search_timed
from app.lab.index_pace import expected_seconds
from app.lab.index_tables import index_tables
from app.lab.pace import Ahead
from app.lab.parts import Parts
from app.lab.study import Data, Step
from app.lab.tables import Table
from backends.local.faiss_variants import LeftOut, Variant, plan_variants
from backends.local.fusion import CANDIDATES
from backends.local.protocols import HoldsCorpus
from evaluation.datasets import BUILTIN, Dataset, load_dataset, settle
from pipeline.errors import InputError

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus
    from backends.local.manifest import Manifest

KS = (5, 10)
"""Numbers of chunks at which recall is measured, unless others are asked for."""

MOST_K = 1_000

AUTOMATIC = {"hnsw": "HNSW32", "rabitq": "RaBitQfs,RFlat"}
"""What a build makes of a kind that it chooses itself."""


class IndexStudy:
    """Recall, time, memory and build time of every index that can be had."""

    name = "index"
    title = "Which index"
    about = (
        "Measures FAISS indexes on your own vectors: how much each finds of what an exact search finds, how often it finds the "
        "chunk with the answer, and how long a question takes. It is the search by meaning alone, before words are weighed in. "
        "Times are of this machine, as busy as it was: believe a ratio of two, not one of 1.1."
    )

    def check(self, parts: Parts, plan: Data) -> Data:
        """As `Study.check`. plan: backend, dataset, limit, seed, ks, depth; each may be left out."""
        backend = str(plan.get("backend") or parts.settings.backend_name)
        dataset, limit, seed = str(plan.get("dataset") or BUILTIN), plan.get("limit"), int(plan.get("seed") or 0)
        ks = tuple(sorted({_whole(k, "k") for k in plan.get("ks") or KS}))
        depth = _whole(plan.get("depth") or max(CANDIDATES, *ks), "depth")
        if depth < ks[-1]:
            raise InputError(
                f"Of {depth} chunks the first {ks[-1]} cannot be looked at. Ask for a depth of {ks[-1]} or more."
            )
        _corpus_of(parts.backend(backend), backend)
        load_dataset(dataset).draw(limit, seed)
        return {
            "backend": backend,
            "dataset": settle(dataset),
            "limit": limit,
            "seed": seed,
            "ks": list(ks),
            "depth": depth,
        }

    def estimate(self, parts: Parts, plan: Data) -> str:
        """As `Study.estimate`."""
        dataset = load_dataset(plan["dataset"]).draw(plan["limit"], plan["seed"])
        asked = f"{len(dataset.questions):,} questions are embedded, and searched for with every setting"
        if dataset.documents:
            return (
                f"The dataset's own documents are indexed first; then {asked}. How long it takes is told once they are."
            )
        manifest = _corpus_of(parts.backend(plan["backend"]), plan["backend"]).index.manifest
        variants, _ = plan_variants(manifest.chunks, manifest.dimension, min(plan["depth"], manifest.chunks))
        settings = sum(len(each.efforts) for each in variants)
        over = f"{len(variants)} indexes in {settings} settings over {manifest.chunks:,} vectors"
        seconds, kept = expected_seconds(parts, variants, manifest.chunks, manifest.dimension, len(dataset.questions))
        by = "an earlier study here" if kept else "a trial on a few random vectors, just now"
        told = f"About {rough_time(sum(seconds.values()))} by {by}, beside embedding questions that have no vector yet."
        return f"{over}: {asked}. {told} Nothing leaves this machine."

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """As `Study.run`: an index that was measured is not built again."""
        dataset = load_dataset(plan["dataset"]).draw(plan["limit"], plan["seed"])
        if dataset.documents:
            yield Step(0, 0, "Indexing the dataset's own documents")
        with parts.evaluations.opened_for(plan["backend"], dataset) as backend:
            corpus = _corpus_of(backend, plan["backend"])
            about = describe(corpus.index.manifest, dataset, plan)
            check_same(about, before)
            gathering, begun = gather(corpus, dataset), time.monotonic()
            while True:
                try:
                    done, total = next(gathering)
                except StopIteration as end:
                    material: Material = end.value
                    break
                left_s = (time.monotonic() - begun) / done * (total - done) if done else None
                yield Step(0, 0, f"Embedding questions: {done:,} of {total:,}", left_s)
                if stop.is_set():
                    return
            if plan["ks"][-1] > len(material.vectors):
                raise InputError(
                    f"There are {len(material.vectors):,} vectors, fewer than the {plan['ks'][-1]} nearest. Ask for a smaller k."
                )

            def expect(variants: Sequence[Variant], size: int) -> Mapping[str, float]:
                return expected_seconds(parts, variants, size, about["dimension"], about["questions"])[0]

            yield from measure_all(material, plan, about, before, stop, expect)

    def tables(self, result: Data) -> Sequence[Table]:
        """As `Study.tables`: the front, all settings, and what was left out."""
        return index_tables(result)


@dataclass(slots=True)
class _Measured:
    """What is measured so far."""

    about: Data
    """What is measured: the result's."""
    ahead: Ahead
    """What is left."""
    total: int
    """Settings in all."""
    rows: list[Row]
    """Settings that were measured."""
    refused: list[Row]
    """Indexes that cannot be had."""
    done: list[str]
    """Indexes whose settings all were."""

    def step(self, doing: str, variant: Variant | None = None) -> Step:
        """Where it is. variant: the index that it is at."""
        result = {"about": self.about, "rows": list(self.rows), "left_out": self.refused, "done": list(self.done)}
        left_s = None
        if variant is not None:
            found = sum(row["factory"] == variant.factory for row in self.rows)
            left_s = self.ahead.left_s(variant.factory, found / len(variant.efforts))
        return Step(len(self.rows), self.total, doing, left_s, result)


def measure_all(
    material: Material,
    plan: Data,
    about: Data,
    before: Data | None,
    stop: threading.Event,
    expect: Callable[[Sequence[Variant], int], Mapping[str, float]] = lambda variants, size: {},
) -> Generator[Step, None, None]:
    """Measure every index that can be had; those that `before` holds are not measured again.

    about: the result's, of `describe`. expect: the seconds that indexes over so many vectors will take, by FAISS's name.
    """
    size, dimension = material.vectors.shape
    depth = min(plan["depth"], size)
    planned, left = plan_variants(size, dimension, depth)
    variants = with_in_use(planned, about["in_use"])
    done: list[str] = list(before["done"]) if before else []
    todo = [each for each in variants if each.factory not in done]
    measured = _Measured(
        {**about, **_about_material(material), "depth": depth},
        Ahead([each.factory for each in todo], expect(todo, size)),
        sum(len(each.efforts) for each in variants),
        [row for row in before["rows"] if row["factory"] in done] if before else [],
        list(before["left_out"]) if before else [asdict(each) for each in left],
        done,
    )
    yield measured.step(f"Searching {size:,} vectors exactly, to compare with", todo[0] if todo else None)
    exact_ids = search_timed(_exact(material), material.questions, depth).ids
    for variant in todo:
        yield from _measure(variant, measured, material, plan["ks"], depth, exact_ids, stop)
        if stop.is_set() and variant.factory not in done:
            return
        measured.ahead.passed(variant.factory)
        yield measured.step(f"{variant.factory} is measured")


def _measure(
    variant: Variant,
    measured: _Measured,
    material: Material,
    ks: Sequence[int],
    depth: int,
    exact_ids: Any,
    stop: threading.Event,
) -> Generator[Step, None, None]:
    """All settings of an index; it is done unless it was stopped on the way."""
    try:
        for found in measure_variant(variant, material, ks, depth, exact_ids):
            if isinstance(found, str):
                yield measured.step(found, variant)
            else:
                measured.rows.append(found)
            if stop.is_set():
                return
    except RuntimeError as error:
        measured.rows[:] = [row for row in measured.rows if row["factory"] != variant.factory]
        measured.refused.append(asdict(LeftOut(variant.factory, f"FAISS could not build it ({type(error).__name__}).")))
    measured.done.append(variant.factory)


def _about_material(material: Material) -> dict[str, int]:
    return {
        "vectors": len(material.vectors),
        "duplicates": material.duplicates,
        "gold_questions": sum(bool(gold) for gold in material.gold),
    }


def describe(manifest: "Manifest", dataset: Dataset, plan: Data) -> dict[str, Any]:
    """What is measured: the index and the questions, and which of the settings is in use."""
    import faiss

    return {
        "backend": plan["backend"],
        "own": not dataset.documents,
        "ks": list(plan["ks"]),
        "embedder": manifest.embedder,
        "dimension": manifest.dimension,
        "index": f"{manifest.embedder_fingerprint}/{manifest.corpus_hash}",
        "questions": len(dataset.questions),
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "in_use": list(in_use(manifest)),
        "threads": faiss.omp_get_max_threads(),
        "faiss": faiss.__version__,
    }


def check_same(about: Data, before: Data | None) -> None:
    """Raise InputError where a study that is gone on with was begun on other vectors or questions."""
    for name in ("index", "dataset_fingerprint"):
        if before and before["about"][name] != about[name]:
            what = "documents are others" if name == "index" else "questions are others"
            raise InputError(f"The {what} than when the study was begun. Start a new one.")


def in_use(manifest: "Manifest") -> tuple[str, int]:
    """The index in use, as settings are named: what FAISS calls it, and its effort; ("", 0) where something else holds the vectors."""
    if manifest.held_by != "faiss":
        return "", 0
    if manifest.tuning is None:
        return "Flat", 0
    return manifest.tuning.built or AUTOMATIC[manifest.kind], manifest.tuning.effort


def with_in_use(variants: Sequence[Variant], used: Sequence[Any]) -> list[Variant]:
    """The variants with the setting in use among them."""
    factory, effort = str(used[0]), int(used[1])
    if not factory:
        return list(variants)
    if all(each.factory != factory for each in variants):
        return [*variants, Variant(factory, (effort,))]
    return [
        Variant(each.factory, tuple(sorted({*each.efforts, effort}))) if each.factory == factory else each
        for each in variants
    ]


def _exact(material: Material) -> Any:
    import faiss

    index = faiss.IndexFlatIP(material.vectors.shape[1])
    index.add(material.vectors)
    return index


def _corpus_of(backend: object, name: str) -> "LocalCorpus":
    if not isinstance(backend, HoldsCorpus):
        raise InputError(f"{name} keeps its vectors elsewhere. Choose a local backend, for example local/embedded.")
    return backend.corpus


def _whole(value: object, what: str) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= MOST_K:
        raise InputError(f"A {what} of {value!r} is none. Give whole numbers from 1 to {MOST_K:,}.")
    return number
