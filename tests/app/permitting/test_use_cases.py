"""Every use case that changes something refuses whoever has not the role for it, whatever a page showed; and notes who did it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.alerting.rules import Rule
from app.asking.prompts import delete_prompts, save_prompt
from app.documents.choosing import choose_automatically
from app.documents.indexing import Upload
from app.documents.job import IndexJob, Work
from app.documents.lookup import Target, find_target, remove_target
from app.ingesting.keys import create_key, revoke_key
from app.lab.index_choosing import choose
from app.lab.records import LabRecord
from app.permitting.acting import acting_as
from app.permitting.roles import NotPermitted, Person, Role
from app.permitting.words import read_changes
from app.runs.naming import name_run, note_run, tag_run
from app.runs.record import RunPlan
from app.runs.synthesis import SynthesisPlan
from app.services import Services
from app.stability.kept import KeptStability
from app.stability.perturbed import StabilityPlan, check_stability
from app.traces.changing import delete_traces, delete_view, rate_trace, rename_view, save_view
from backends.local.documents.kept.uploads import Uploads
from evaluation.curated import DatasetRow
from pipeline.errors import InputError, RaglassError
from pipeline.prompts import PromptTemplate

BY_ROLE = {role: Person(f"{role.name.lower()}@example.com", role) for role in Role}
OTHER = Person("other@example.com", Role.EDITOR)

ROWS = [DatasetRow("1", "Who?", ("Wegener",))]
RULE = Rule("slow", "latency_p95", 2000, "above", "fake", window_s=60, for_s=0, minimum=3)
RECORD = LabRecord("r", "index", 0.0, "finished", {})
STABILITY = StabilityPlan("builtin", "fake", 5, 30.0, kinds=("case",), limit=1, variants=1)
PROMPT = PromptTemplate("short", "{context}\n\n{question}")


def document(s: Services) -> Any:
    corpus = s.backends.corpus("fake")
    assert corpus is not None
    return corpus


USE_CASES: dict[str, tuple[Role, Callable[[Services], Any]]] = {
    "rate a trace": (Role.EDITOR, lambda s: rate_trace(s.store, "a" * 32, 1, "")),
    "delete traces": (Role.ADMIN, lambda s: delete_traces(s.store, ["a" * 32])),
    "save a view": (Role.EDITOR, lambda s: save_view(s.store, "v", "error=any")),
    "rename a view": (Role.EDITOR, lambda s: rename_view(s.store, "v", "w")),
    "delete a view": (Role.EDITOR, lambda s: delete_view(s.store, "v")),
    "save a prompt": (Role.EDITOR, lambda s: save_prompt(s.store.prompts, PROMPT)),
    "delete a prompt": (Role.EDITOR, lambda s: delete_prompts(s.store.prompts, "short")),
    "make a key": (Role.ADMIN, lambda s: create_key(s.store.keys, "shop", "ingest")),
    "revoke a key": (Role.ADMIN, lambda s: revoke_key(s.store.keys, "shop")),
    "save a rule": (Role.ADMIN, lambda s: s.alarms.save(RULE)),
    "remove a rule": (Role.ADMIN, lambda s: s.alarms.remove("slow")),
    "silence": (Role.EDITOR, lambda s: s.alarms.silence("", 60, "why")),
    "end a silence": (Role.EDITOR, lambda s: s.alarms.lift("0" * 8)),
    "save a dataset": (Role.EDITOR, lambda s: s.evaluations.datasets.save("d", ROWS, "")),
    "add to a dataset": (Role.EDITOR, lambda s: s.evaluations.datasets.add("d", ROWS, "")),
    "delete a dataset": (Role.EDITOR, lambda s: s.evaluations.datasets.delete("d")),
    "send a dataset": (Role.EDITOR, lambda s: s.evaluations.keep_dataset("d.jsonl", b"{}")),
    "run": (Role.EDITOR, lambda s: next(s.evaluations.run(RunPlan("builtin", "fake", 5, 30.0)))),
    "start a run": (Role.EDITOR, lambda s: s.run_jobs.start(lambda stop: iter(()))),
    "go on with a run": (Role.EDITOR, lambda s: next(s.evaluations.resume("none"))),
    "explain a run": (Role.EDITOR, lambda s: next(s.evaluations.label("none"))),
    "judge a run": (Role.EDITOR, lambda s: next(s.judging.judge("none"))),
    "type questions": (Role.EDITOR, lambda s: s.evaluations.retype("none")),
    "calibrate": (Role.EDITOR, lambda s: s.calibrations.fit("none")),
    "name a run": (Role.EDITOR, lambda s: name_run(s.store.runs, "none", "n")),
    "note a run": (Role.EDITOR, lambda s: note_run(s.store.runs, "none", "n")),
    "tag a run": (Role.EDITOR, lambda s: tag_run(s.store.runs, "none", ["n"])),
    "write questions": (Role.EDITOR, lambda s: next(s.synthesis.write(SynthesisPlan("d", "fake")))),
    "plan a study": (Role.EDITOR, lambda s: s.lab.check("profile", {})),
    "begin a study": (Role.EDITOR, lambda s: s.lab.begin("profile", {})),
    "start a study": (Role.EDITOR, lambda s: s.lab.start("latency", {"targets": ["none"]})),
    "measure stability": (Role.EDITOR, lambda s: next(check_stability(s.evaluations, STABILITY))),
    "measure stability in the background": (Role.EDITOR, lambda s: s.stability_jobs.start(lambda stop: iter(()))),
    "compare questions": (Role.VIEWER, lambda s: s.comparisons.questions.start(lambda stop: iter(()))),
    "compare indexes": (Role.VIEWER, lambda s: s.comparisons.indexes.start(lambda stop: iter(()))),
    "remove a stability result": (Role.EDITOR, lambda s: KeptStability(s.settings.data_dir).remove("0" * 8)),
    "choose an index": (Role.ADMIN, lambda s: choose(s.backends.open("fake"), RECORD)),
    "choose automatically": (Role.ADMIN, lambda s: choose_automatically(document(s))),
    "index": (Role.EDITOR, lambda s: s.indexing.start(document(s)).wait()),
    "rebuild": (Role.ADMIN, lambda s: s.indexing.start(document(s), rebuild=True).wait()),
    "dismiss indexing": (Role.EDITOR, lambda s: s.indexing.forget()),
    "remove a document": (Role.ADMIN, lambda s: remove_target(document(s).library, Target("document", "x", "x", 1))),
    "stop following": (Role.ADMIN, lambda s: remove_target(document(s).library, Target("source", "/x", "/x", 1))),
    "read the audit log": (Role.ADMIN, lambda s: read_changes(s.store.audit, 10)),
}
"""What takes which role."""


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Iterator[Services]:
    current = make_services(corpus=True)
    document(current).library  # noqa: B018  opened here, by the machine
    yield current
    job = current.indexing.job
    if job is not None:
        job.wait()


@pytest.mark.parametrize("name", USE_CASES)
def test_it_takes_its_role(services: Services, name: str) -> None:
    role, do = USE_CASES[name]
    with acting_as(BY_ROLE[Role(role - 1)]), pytest.raises(NotPermitted):
        do(services)
    with acting_as(BY_ROLE[role]):
        try:
            do(services)
        except NotPermitted:
            raise
        except RaglassError:
            pass  # There is nothing by that name; whoever asked was allowed to.


def test_work_that_goes_on_is_of_whoever_began_it(services: Services) -> None:
    editor = BY_ROLE[Role.EDITOR]

    def steps(stop: Any) -> Iterator[Any]:
        stop.wait(60)
        return iter(())

    with acting_as(editor):
        job = services.run_jobs.start(steps)
    for other in (OTHER, BY_ROLE[Role.VIEWER]):
        with acting_as(other):
            assert job.refusal_to_stop()
            for end in (job.stop, job.pause, job.go_on):
                with pytest.raises(NotPermitted):
                    end()
    assert not job.stopping
    with acting_as(editor):
        assert job.refusal_to_stop() == ""
        job.stop()
    job.wait(60)
    assert not job.running
    assert [each.who for each in services.store.audit.newest()] == [editor.name]


def send(services: Services, who: Person, name: str, content: bytes) -> None:
    with acting_as(who):
        services.indexing.start(document(services), [Upload(name, content)]).wait()


@pytest.mark.slow
def test_a_document_is_removed_by_who_sent_it_or_an_admin(services: Services) -> None:
    editor, library = BY_ROLE[Role.EDITOR], document(services).library
    send(services, editor, "one.txt", b"Continents drift, said Wegener in 1912.")
    send(services, editor, "two.txt", b"The sea floor spreads, said Hess in 1962.")
    with acting_as(OTHER), pytest.raises(NotPermitted, match=f"was sent by {editor.name}"):
        remove_target(library, find_target(library, "one.txt"))
    assert library.count() == 2
    with acting_as(editor):
        assert remove_target(library, find_target(library, "one.txt")) == 1
    with acting_as(BY_ROLE[Role.ADMIN]):
        assert remove_target(library, find_target(library, "two.txt")) == 1
    assert [(each.who, each.subject) for each in services.store.audit.newest(2)] == [
        (BY_ROLE[Role.ADMIN].name, "two.txt"),
        (editor.name, "one.txt"),
    ]


@pytest.mark.slow
def test_a_file_takes_the_place_of_somebody_elses_only_where_an_admin_sends_it(services: Services) -> None:
    library = document(services).library
    send(services, BY_ROLE[Role.EDITOR], "one.txt", b"Continents drift, said Wegener in 1912.")
    with pytest.raises(NotPermitted):
        send(services, OTHER, "one.txt", b"They do not.")
    with acting_as(OTHER):
        beside = Upload("one.txt", b"They do not move at all.", keep_both=True)
        services.indexing.start(document(services), [beside]).wait()
    assert library.count() == 2
    with acting_as(OTHER):
        remove_target(library, find_target(library, "one.txt (2)"))
    send(services, BY_ROLE[Role.ADMIN], "one.txt", b"Plates move, as was found in 1967.")
    assert library.count() == 1


@pytest.mark.slow
def test_what_was_read_of_a_file_stays_its_senders_though_a_later_one_of_theirs_cannot_be_read(
    services: Services,
) -> None:
    library, editor = document(services).library, BY_ROLE[Role.EDITOR]
    send(services, editor, "one.txt", b"Continents drift, said Wegener in 1912.")
    send(services, editor, "one.txt", b"")
    assert (library.sources.count_failed(), library.count()) == (1, 1)
    with pytest.raises(NotPermitted):
        send(services, OTHER, "one.txt", b"They do not move at all.")
    with acting_as(OTHER):
        beside = Upload("one.txt", b"They do not move at all.", keep_both=True)
        services.indexing.start(document(services), [beside]).wait()
    assert {each.source for each in library.page().documents} == {"one.txt", "one.txt (2)"}


@pytest.mark.slow
def test_who_sent_a_file_is_noted_of_it_alone_however_soon_it_is_read(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = document(services).library
    send(services, BY_ROLE[Role.EDITOR], "one.txt", b"Continents drift, said Wegener in 1912.")
    put = Uploads.put

    def read_at_once(uploads: Uploads, name: str, content: bytes, *, keep_both: bool) -> Any:
        made = put(uploads, name, content, keep_both=keep_both)
        IndexJob(Work(document(services))).start().wait()
        return made

    monkeypatch.setattr(Uploads, "put", read_at_once)
    with acting_as(OTHER):
        beside = Upload("one.txt", b"They do not move at all.", keep_both=True)
        services.indexing.start(document(services), [beside]).wait()
        remove_target(library, find_target(library, "one.txt (2)"))
        with pytest.raises(NotPermitted):
            remove_target(library, find_target(library, "one.txt"))


def test_a_study_is_noted_once_it_goes_on_and_not_where_another_does(services: Services) -> None:
    editor, lab = BY_ROLE[Role.EDITOR], services.lab
    plan = {"targets": ["fake"], "questions": 1, "repeats": 1}
    with acting_as(editor):
        job = lab.begin("latency", plan)
        assert services.store.audit.newest() == []
        lab.jobs.job = job  # which is not at its end
        with pytest.raises(InputError, match="A study is going on"):
            lab.start("latency", plan)
    job.work()
    noted = [(each.who, each.did, each.subject) for each in services.store.audit.newest()]
    assert noted == [(editor.name, "started a study", job.record.record_id)]
