"""`Lab`: the studies that there are, begun, gone on with and taken away."""

import importlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from app.kit.wording import when
from app.lab.job import LabJob, LabJobs
from app.lab.parts import Parts
from app.lab.records import LabRecord, LabRecords
from app.lab.report import Picture, report_html
from app.lab.study import Data, Study
from app.lab.tables import Table, tables_csv, to_markdown
from app.lab.targets import check_targets
from app.permitting.acting import record, require
from app.permitting.roles import Role
from pipeline.errors import InputError, Unavailable
from pipeline.locks import held_alone

if TYPE_CHECKING:
    pass

STUDIES: Mapping[str, str] = {
    "profile": "app.lab.profile:ProfileStudy",
    "index": "app.lab.index_study:IndexStudy",
    "embedders": "app.lab.embedders:EmbedderStudy",
    "generators": "app.lab.generators:GeneratorStudy",
    "chunks": "app.lab.chunkings:ChunkingStudy",
    "study": "app.lab.factorial:FactorialStudy",
    "latency": "app.lab.latency:LatencyStudy",
    "load": "app.lab.load:LoadStudy",
}
"""`module:class` of each study, by its name; imported when it is first asked for."""


TITLES: Mapping[str, str] = {
    "profile": "Profile",
    "index": "Which index",
    "embedders": "Which embedder",
    "generators": "Which generator",
    "chunks": "How to cut",
    "study": "What matters",
    "latency": "How fast",
    "load": "Load",
}
"""As a page offers them: known without importing a study, some of which need the local backend's libraries."""

TERMS: Mapping[str, tuple[str, ...]] = {
    "profile": ("dataset", "gold answer", "gold chunk"),
    "index": ("index", "recall@k", "interval"),
    "embedders": ("embedder", "cosine", "recall@k"),
    "generators": ("generator", "right", "gold chunk", "nats"),
    "chunks": ("chunk", "recall@k", "right"),
    "study": ("variance", "interval"),
    "latency": ("p50, p95, p99", "stage"),
    "load": ("p50, p95, p99",),
}
"""Terms that each uses, as the glossary has them."""


class Lab:
    """The studies of a data folder."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.records = LabRecords(parts.settings.data_dir / "lab")
        self.jobs = LabJobs()

    def study(self, name: str) -> Study:
        """A study by its name. Raises InputError for one that there is not."""
        if name not in STUDIES:
            raise InputError(f"There is no study {name!r}. There are: {', '.join(STUDIES)}.")
        return _load(name)

    def check(self, name: str, plan: Mapping[str, Any]) -> Data:
        """A plan with what was left out filled in. Takes an editor, and an admin for what `check_targets` says.

        Raises InputError for one that cannot be carried out, NotPermitted.
        """
        require(Role.EDITOR)
        checked = self.study(name).check(self.parts, plan)
        check_targets(name, checked, self.parts.settings)
        return checked

    def begin(self, name: str, plan: Mapping[str, Any]) -> LabJob:
        """A new study's job, not started. Raises as `check`."""
        if isinstance(named := plan.get("dataset"), str):
            plan = {**plan, "dataset": self.parts.evaluations.datasets.resolve(named)}
        return self._job(self.study(name), self.records.begin(name, self.check(name, plan)), "started a study")

    def start(self, name: str, plan: Mapping[str, Any]) -> LabJob:
        """Begin a study in a thread of this process. Raises InputError for a plan that cannot be carried out, or while another goes on."""
        job = self.begin(name, plan)
        try:
            return self.jobs.start(job)
        except InputError:
            self.records.remove(job.record.record_id)
            raise

    def resume(self, record_id: str) -> LabJob:
        """The job that goes on with a study, not started. Raises as `check`, and InputError for one that is finished or attended to."""
        found = self.records.find(record_id)
        if self.records.is_attended(found.record_id):
            raise _taken(found)
        if found.status == "finished":
            raise InputError(f"The study {found.record_id} is finished. Start a new one.")
        self.check(found.study, found.plan)
        going = found.went_on(status="running", problem="")
        return self._job(self.study(found.study), going, "went on with a study")

    def tables(self, record: LabRecord) -> Sequence[Table]:
        """What came out of a study so far; nothing of one that has not come to anything yet."""
        return () if record.result is None else self.study(record.study).tables(record.result)

    def export(self, record: LabRecord, form: str, pictures: Sequence[Picture] = ()) -> str:
        """A record as `json`, `md`, `csv` or `html`. Raises InputError for another, or where nothing is known.

        pictures: what stands above the tables of the page.
        """
        if form == "json":
            return json.dumps(asdict(record), indent=1, allow_nan=False)
        tables = self.tables(record)
        if not tables:
            raise InputError("The study has no result yet. Wait for it, or go on with it.")
        if form == "csv":
            return tables_csv(tables)
        if form == "md":
            return "\n".join([f"## {self.heading(record)}\n", f"{self._made(record)}\n", *map(to_markdown, tables)])
        if form == "html":
            return report_html(self.heading(record), self._made(record), record.plan, tables, pictures)
        raise InputError(f"There is no form {form!r}. There are json, csv, md and html.")

    def heading(self, record: LabRecord) -> str:
        """A study's title, its id, and when it was started."""
        return f"{self.study(record.study).title}: {record.record_id}, started {when(record.started_at)}"

    def _made(self, record: LabRecord) -> str:
        """How a study stands, and when what is taken away of it was made."""
        return f"The study is {self.records.standing(record)}. This file was made at {when(time.time())}."

    def _job(self, study: Study, found: LabRecord, did: str) -> LabJob:
        """did: what is noted once it goes on."""

        def begin(stop: Any) -> Any:
            with held_alone(self.records.lock_path(found.record_id), _taken(found)):
                record(did, found.record_id)
                yield from study.run(self.parts, found.plan, found.result, stop)

        return LabJob(self.records, found, begin)


def _taken(record: LabRecord) -> InputError:
    return InputError(
        f"The study {record.record_id} is going on already, on a page or in another shell. Wait for it to end, or stop it there."
    )


@cache
def _load(name: str) -> Study:
    module, kind = STUDIES[name].split(":")
    try:
        return cast(Study, getattr(importlib.import_module(module), kind)())
    except ImportError as error:
        raise Unavailable(
            f"The study {name} needs libraries of the local backend, which are not installed here ({error.name}). Run it where they are."
        ) from error
