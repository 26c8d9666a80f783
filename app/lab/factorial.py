"""`FactorialStudy`: every cell of a plan as an ordinary run, what cells share computed once, and then what each factor accounts for."""

import logging
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from app.asking.prompts import find_prompt
from app.kit.numbers import count, how_often
from app.lab.cells import BATCH, SharedCells
from app.lab.factorial_analysis import analyse
from app.lab.factorial_plan import ELSEWHERE, FACTORS, LOCAL, PlannedCell, check_plan, kept_prompts, plan_cells
from app.lab.factorial_tables import result_tables
from app.lab.parts import Parts
from app.lab.study import Data, Step
from app.lab.tables import Table
from app.runs.estimate import estimate_words
from app.runs.evaluations import RunStep
from app.runs.record import CELL, STUDY, RunPlan
from evaluation.datasets import load_dataset
from pipeline.errors import BackendError, RaglassError, StoreError
from pipeline.protocols import Backend

log = logging.getLogger(__name__)

MOST_RUNS = 100_000
"""Runs among which those of a study are looked for."""


@dataclass(slots=True)
class _Sitting:
    """One sitting of a study."""

    parts: Parts
    """What the process gives to studies."""
    plan: Data
    """The plan, checked."""
    cells: Sequence[PlannedCell]
    """Its cells, in the order in which they are asked."""
    stop: threading.Event
    """Set from outside to end the sitting."""
    questions: int
    """Questions of each cell."""
    shared: SharedCells | None
    """What cells over the local models share; None where a backend answers as it is."""
    runs: dict[str, str] = field(default_factory=dict)
    """Run of each cell that was begun, by the cell's name."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why a cell failed in this sitting."""
    done: int = 0
    """Answers, those of earlier sittings among them."""
    answered_now: int = 0
    """Answers of this sitting."""
    spent_s: float = 0.0
    """Seconds of this sitting that answers took."""

    def step(self, doing: str, result: Data | None = None) -> Step:
        """Where it is. What is left is told by this sitting's mean answer: too much while later cells share more than earlier ones."""
        total = self.questions * len(self.cells)
        left = (total - self.done) * self.spent_s / self.answered_now if self.answered_now else None
        return Step(min(self.done, total), total, doing, left, result)

    def run_plan(self, cell: PlannedCell) -> RunPlan:
        """A cell as an ordinary run."""
        local = self.shared is not None
        settings = self.parts.settings
        return RunPlan(
            dataset=self.plan["dataset"],
            backend=cell.to_cell().backend if local else self.plan["backend"],
            top_k=cell.top_k,
            deadline_s=settings.deadline_s,
            limit=self.plan["questions"],
            seed=self.plan["seed"],
            rerank=cell.reranked,
            batch=BATCH if local else None,
        )


class FactorialStudy:
    """How much each choice matters."""

    name = "study"
    title = "What matters"
    about = (
        "Tells how much each choice matters, alone and together: embedder, chunking, index, reranking, number of chunks, "
        "generator, prompt. It holds for the levels that were tried, and for questions like these."
    )

    def check(self, parts: Parts, plan: Data) -> Data:
        """See `Study.check`."""
        return check_plan(parts.settings, plan, lambda word: find_prompt(word, parts.store().prompts))

    def estimate(self, parts: Parts, plan: Data) -> str:
        """See `Study.estimate`."""
        cells = plan_cells(plan)
        questions = parts.evaluations.count(RunPlan(plan["dataset"], "", 1, 1.0, plan["questions"], plan["seed"]))
        backend = cells[0].to_cell().backend if plan["backend"] in LOCAL else plan["backend"]
        asked = f"{count(len(cells), 'cell')}, {count(questions, 'question')} each: {count(len(cells) * questions, 'answer')}."
        if questions < (plan["questions"] or 0):
            asked += (
                f" The plan asks for {plan['questions']:,} questions, and the dataset has no more than {questions:,}."
            )
        if plan["backend"] not in LOCAL:
            told = estimate_words(parts.store(), backend, len(cells) * questions, 1)
            return f"{asked} {told}"
        distinct = {tuple(cell.levels[name] for name in FACTORS if name != "index") for cell in cells}
        indexes = {(cell.levels["embedder"], cell.levels["chunking"]) for cell in cells}
        shared = (
            f"Documents are cut and embedded {how_often(len(indexes))}, less what has a vector already; where cells read the "
            "same chunks, the answer is written once."
        )
        told = estimate_words(parts.store(), backend, len(distinct) * questions, 1)
        told = told.replace("About", "At most about", 1)
        return f"{asked} {shared} {told} Less is asked where two cells find the same chunks."

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """See `Study.run`."""
        cells = plan_cells(plan)
        dataset = load_dataset(plan["dataset"]).draw(plan["questions"], plan["seed"])
        prompts = kept_prompts(plan)
        shared = SharedCells(parts.config(), dataset, prompts=prompts) if plan["backend"] in LOCAL else None
        sitting = _Sitting(parts, plan, cells, stop, len(dataset.questions), shared)
        self._find_runs(sitting)
        try:
            for place, cell in enumerate(cells):
                if stop.is_set():
                    break
                if not self._is_finished(sitting, cell):
                    yield from self._ask(sitting, cell)
                if shared is not None:
                    shared.keep_for(each.to_cell() for each in cells[place + 1 :])
                yield sitting.step(f"Cell {place + 1} of {len(cells)} is done: {cell.name}")
        finally:
            if shared is not None:
                shared.close()
        yield sitting.step("Taking apart what came out")
        result = analyse(sitting.parts, plan, cells, sitting.runs, sitting.problems)
        yield sitting.step("Done", result)
        if sitting.problems and not any(cell["status"] == "finished" for cell in result["cells"]):
            raise BackendError(f"No cell was finished. The first one: {next(iter(sitting.problems.values()))}")

    def tables(self, result: Data) -> Sequence[Table]:
        """See `Study.tables`."""
        return result_tables(result)

    def _find_runs(self, sitting: _Sitting) -> None:
        """The runs of earlier sittings: the store has them, however the study ended."""
        for run in reversed(sitting.parts.evaluations.newest(MOST_RUNS)):
            if run.about.get(STUDY) == sitting.plan["study"]:
                sitting.runs[str(run.about[CELL])] = run.run_id
                sitting.done += run.answers

    def _is_finished(self, sitting: _Sitting, cell: PlannedCell) -> bool:
        run_id = sitting.runs.get(cell.name)
        return run_id is not None and sitting.parts.evaluations.find(run_id).status == "finished"

    def _ask(self, sitting: _Sitting, cell: PlannedCell) -> Generator[Step, None, None]:
        """A cell's run, begun or gone on with; what goes wrong with it is noted, and the rest goes on."""
        try:
            yield sitting.step(f"Making what {cell.name} needs")
            backend = None if sitting.shared is None else sitting.shared.backend(cell.to_cell())
            with closing(self._begin(sitting, cell, backend)) as steps:
                done, resumed = None, time.monotonic()
                for step in steps:
                    sitting.runs[cell.name] = step.run_id
                    if step.progress is not None:
                        if done is not None:
                            sitting.done += step.progress.done - done
                            sitting.answered_now += step.progress.done - done
                            sitting.spent_s += time.monotonic() - resumed
                        done, resumed = step.progress.done, time.monotonic()
                        yield sitting.step(f"Asking with {cell.name}")
                        resumed = time.monotonic()
        except StoreError:
            raise
        except RaglassError as error:
            sitting.problems[cell.name] = str(error)
        except Exception as error:
            log.exception("the cell %s failed", cell.name)
            sitting.problems[cell.name] = f"It failed with {type(error).__name__}; the details are in the log."

    def _begin(self, sitting: _Sitting, cell: PlannedCell, backend: Backend | None) -> Generator[RunStep, None, None]:
        evaluations, run_id = sitting.parts.evaluations, sitting.runs.get(cell.name)
        if run_id is None:
            about = {STUDY: sitting.plan["study"], CELL: cell.name, "levels": dict(cell.levels)}
            return evaluations.run(sitting.run_plan(cell), sitting.stop, backend=backend, about=about)
        backend = backend or sitting.parts.backend(sitting.plan["backend"])
        return evaluations.resume(run_id, sitting.stop, backend=backend)


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """A checked plan for a terminal: its cells by number, in the order in which they are run."""
    shown = FACTORS if plan["backend"] in LOCAL else ELSEWHERE
    fixed = [f"{name} {plan['factors'][name][0]}" for name in shown if len(plan["factors"][name]) == 1]
    lines = [f"{number:>4}  {cell.name}" for number, cell in enumerate(plan_cells(plan), start=1)]
    return [*lines, *([f"In all of them: {', '.join(fixed)}."] if fixed else [])]
