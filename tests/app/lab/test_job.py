"""A study's job: steps, results that are kept, stopping, going on, failing."""

import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from app.lab import job as lab_job
from app.lab.job import LabJob, LabJobs
from app.lab.records import LAST, LabRecord, LabRecords
from app.lab.study import Step
from pipeline.errors import InputError, Unavailable
from pipeline.locks import held_alone


@pytest.fixture
def records(tmp_path: Path) -> LabRecords:
    return LabRecords(tmp_path / "lab")


def counted(record: LabRecord, stop: threading.Event) -> Generator[Step, None, None]:
    """Counts to five from where it was."""
    done = 0 if record.result is None else int(record.result["done"])
    while done < 5 and not stop.is_set():
        done += 1
        yield Step(done, 5, f"Counting to {done}", result={"done": done})


def job_over(records: LabRecords, record: LabRecord) -> LabJob:
    return LabJob(records, record, lambda stop: counted(record, stop))


def test_a_study_ends_with_its_last_result_kept(records: LabRecords) -> None:
    done = job_over(records, records.begin("count", {"to": 5})).start().wait(10)
    assert (done.status, done.result) == ("finished", {"done": 5})
    assert records.find(LAST) == done
    assert done.spent_s > 0


def test_a_stopped_study_goes_on_from_what_was_kept(records: LabRecords) -> None:
    record = records.begin("count", {})

    def stopping(stop: threading.Event) -> Iterator[Step]:
        for step in counted(record, stop):
            if step.done == 2:
                stop.set()
            yield step

    stopped = LabJob(records, record, stopping).work()  # type: ignore[arg-type]
    assert (stopped.status, stopped.result) == ("stopped", {"done": 2})
    again = records.find(stopped.record_id)
    assert job_over(records, again).work().result == {"done": 5}


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Unavailable("The model is not there. Name another."), "The model is not there"),
        (KeyError("secret"), "KeyError"),
    ],
)
def test_what_goes_wrong_is_said_and_what_was_measured_is_kept(
    records: LabRecords, raised: Exception, said: str
) -> None:
    def failing(stop: threading.Event) -> Iterator[Step]:
        yield Step(1, 5, "Counting", result={"done": 1})
        raise raised

    failed = LabJob(records, records.begin("count", {}), failing).work()  # type: ignore[arg-type]
    assert (failed.status, failed.result) == ("failed", {"done": 1})
    assert said in failed.problem
    assert "secret" not in failed.problem


def test_what_is_known_is_kept_while_the_study_goes_on(records: LabRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_job, "KEEP_S", 0.0)
    seen: list[object] = []

    def watched(stop: threading.Event) -> Iterator[Step]:
        for step in counted(record, stop):
            yield step
            seen.append(records.find(LAST).result)

    record = records.begin("count", {})
    LabJob(records, record, watched).work()  # type: ignore[arg-type]
    assert seen == [{"done": number} for number in range(1, 6)]


def test_a_second_study_is_refused_while_one_goes_on(records: LabRecords) -> None:
    going = threading.Event()

    def waiting(stop: threading.Event) -> Iterator[Step]:
        while not stop.is_set():
            going.set()
            yield Step(0, 0, "Waiting")

    jobs = LabJobs()
    first = jobs.start(LabJob(records, records.begin("wait", {}), waiting))  # type: ignore[arg-type]
    assert going.wait(10)
    with pytest.raises(InputError, match="A study is going on"):
        jobs.start(job_over(records, records.begin("count", {})))
    jobs.close(10)
    assert first.record.status == "stopped"


def test_a_record_is_found_by_how_its_id_begins_and_a_damaged_one_is_passed_over(records: LabRecords) -> None:
    record = records.begin("count", {})
    (records.folder / "0000ffff.json").write_text("{")
    assert records.find(record.record_id[:5]) == record
    with pytest.raises(InputError, match="no study"):
        records.find("zz")
    records.remove(record.record_id)
    with pytest.raises(InputError, match="no such study yet"):
        records.find(LAST)


def test_a_record_says_running_only_while_a_process_is_at_it(records: LabRecords) -> None:
    killed = records.begin("count", {})
    stopped = records.begin("count", {}).went_on(status="stopped")
    assert [records.standing(each) for each in (killed, stopped)] == ["stopped", "stopped"]
    for each in (killed, stopped):
        with held_alone(records.lock_path(each.record_id), RuntimeError()):
            assert records.standing(each) == "running"
    assert records.standing(killed.went_on(status="finished")) == "finished"
