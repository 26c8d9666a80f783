"""A setting of the index study, put into the index settings, and taken out again."""

import time
from typing import TYPE_CHECKING

from app.lab.index_tables import recommended
from app.lab.records import LabRecord
from app.permitting import acting
from app.permitting.roles import Role
from backends.local.index_choice import IndexChoice, write_choice
from backends.local.protocols import HoldsCorpus
from pipeline.errors import InputError
from pipeline.protocols import Backend

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus


def corpus_of(backend: Backend, record: LabRecord) -> "LocalCorpus":
    """The corpus whose index a study measured. Raises InputError where that is not the backend's own, or no longer its embedder's."""
    if not isinstance(backend, HoldsCorpus) or record.study != "index" or not record.result:
        raise InputError("There is no setting to choose from. Run `raglass lab index` first.")
    about = record.result["about"]
    if not about["own"]:
        raise InputError(
            "This study measured the documents of its dataset, not the corpus. "
            "To choose, study the built-in questions, or a file without contexts."
        )
    corpus = backend.corpus
    if not corpus.index.holder.follows_choices:
        raise InputError(
            f"The study measured FAISS, and RAGLASS_INDEX={corpus.index.holder.name} holds the vectors: nothing to choose. "
            "Set RAGLASS_INDEX=faiss to follow the study."
        )
    if about["index"].split("/")[0] != corpus.embedder_fingerprint.split("/")[0]:
        raise InputError(
            f"This study measured vectors of {about['embedder']}, the embedder is {corpus.embedder} now. Start a new study."
        )
    return corpus


def choose(backend: Backend, record: LabRecord, factory: str | None = None, effort: int | None = None) -> IndexChoice:
    """Let the next builds follow a setting of a study: the one that is recommended, unless one is named.

    Takes an admin. Raises InputError for a setting that was not measured or cannot be used, StoreError where it cannot be kept,
    NotPermitted.
    """
    acting.require(Role.ADMIN)
    corpus = corpus_of(backend, record)
    result = record.result or {}
    if factory is None:
        row = recommended(result)
        if row is None:
            raise InputError("The study recommends no setting yet. Go on with it, or name one.")
    else:
        rows = [row for row in result["rows"] if row["factory"] == factory and effort in (None, row["effort"])]
        if len(rows) != 1:
            known = ", ".join(f"{row['factory']} {row['effort']}" for row in result["rows"] if row["usable"])
            raise InputError(f"The study measured no one setting {factory!r} with effort {effort}. There are: {known}.")
        row = rows[0]
    choice = IndexChoice(row["factory"], row["effort"], result["about"]["depth"], record.record_id, time.time())
    write_choice(corpus.index.root, choice)
    acting.record("chose an index", choice.name)
    return choice
