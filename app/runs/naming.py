"""What people call a run and say of it: its name, their note, its tags. Kept in the run's record."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.kit.numbers import count
from app.kit.plain import one_line
from app.permitting.acting import record, require
from app.permitting.roles import Role
from app.runs.record import CELL, named_dataset
from metrics.runs import NOTE, TAGS, TITLE, RunLog, StoredRun
from pipeline.errors import InputError
from pipeline.prompts import DEFAULT, PROMPT

MOST_NAME = 80
"""Characters of a name."""

MOST_NOTE = 2_000
"""Characters of a note."""

MOST_TAG = 30
"""Characters of a tag."""

MOST_TAGS = 10
"""Tags of a run."""


def run_name(run: StoredRun) -> str:
    """What a run is called: the name that a person gave it, else one made of what it asked, of what, how and when."""
    return given_name(run) or usual_name(run)


def given_name(run: StoredRun) -> str:
    """The name that a person gave it; empty for none."""
    return one_line(str(run.about.get(TITLE) or ""))


def usual_name(run: StoredRun) -> str:
    """A name of dataset, backend, what sets it apart, and the minute, UTC: "builtin on local/embedded, 5 chunks, 28 Nov 14:16"."""
    about = run.about
    how = one_line(str(about[CELL])) if CELL in about else count(about["top_k"], "chunk")
    reranked = ", reranked" if about.get("rerank") else ""
    at = time.strftime("%d %b %H:%M", time.gmtime(run.started_at)).lstrip("0")
    return f"{one_line(named_dataset(about))} on {about['backend']}, {how}{reranked}{prompt_words(about)}, {at}"


def prompt_words(about: Mapping[str, Any]) -> str:
    """What the generator was told, as it stands in a list; empty of the usual prompt, and where it is not known."""
    version = about.get(PROMPT)
    return "" if version in (None, DEFAULT.version) else f", prompt {one_line(str(version))}"


def run_note(run: StoredRun) -> str:
    """What a person noted of it; empty for nothing."""
    return str(run.about.get(NOTE) or "")


def run_tags(run: StoredRun) -> tuple[str, ...]:
    """Its tags, in the order in which they were given."""
    return tuple(map(str, run.about.get(TAGS) or ()))


def all_tags(runs: Iterable[StoredRun]) -> list[str]:
    """Every tag of some runs, in alphabetical order."""
    return sorted({tag for run in runs for tag in run_tags(run)})


def tagged(runs: Iterable[StoredRun], tags: Sequence[str]) -> list[StoredRun]:
    """The runs that have all of some tags."""
    return [run for run in runs if set(tags) <= set(run_tags(run))]


def name_run(log: RunLog, run_id: str, name: str) -> StoredRun:
    """Give a run a name; an empty one gives it back its usual one. Raises InputError for one that is too long, and for no run."""
    name = one_line(name)
    if len(name) > MOST_NAME:
        raise InputError(f"The name has {len(name):,} characters; give at most {MOST_NAME}.")
    return _note(log, run_id, {TITLE: name})


def note_run(log: RunLog, run_id: str, note: str) -> StoredRun:
    """Say something of a run; an empty text takes the note away. Raises InputError for one that is too long, and for no run."""
    note = note.strip()
    if len(note) > MOST_NOTE:
        raise InputError(f"The note has {len(note):,} characters; write at most {MOST_NOTE:,}.")
    return _note(log, run_id, {NOTE: note})


def tag_run(log: RunLog, run_id: str, tags: Iterable[str]) -> StoredRun:
    """Let these be a run's tags. Raises InputError for too many, for one that is too long, and for no run."""
    kept = list(dict.fromkeys(filter(None, (one_line(tag) for tag in tags))))
    if len(kept) > MOST_TAGS:
        raise InputError(f"These are {len(kept)} tags; a run has at most {MOST_TAGS}.")
    for tag in kept:
        if len(tag) > MOST_TAG:
            raise InputError(f"The tag {tag[:MOST_TAG]}… has {len(tag):,} characters; give at most {MOST_TAG}.")
    return _note(log, run_id, {TAGS: kept})


def _note(log: RunLog, run_id: str, found: dict[str, str | list[str]]) -> StoredRun:
    """Takes an editor. Raises NotPermitted."""
    require(Role.EDITOR)
    run = log.find(run_id)
    log.note(run.run_id, found)
    record("named or noted a run", run.run_id)
    return log.find(run.run_id)
