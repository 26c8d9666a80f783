"""Saved prompts on both databases: named, numbered by what they say, found by name and by version."""

import pytest

from metrics import prompts as prompts_module
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError
from pipeline.prompts import DEFAULT, PromptTemplate

FIRST, SECOND = PromptTemplate("short", "{context} {question}"), PromptTemplate("short", "{question}\n\n{context}")
OTHER = PromptTemplate("Äußerst.kurz", "„{question}“ 🦄\\ % ' \" {x}")


def versions(store: TraceStore) -> list[tuple[str, int]]:
    return [(each.prompt.version, each.number) for each in store.prompts.all()]


def test_each_text_of_a_name_is_a_version(store: TraceStore) -> None:
    assert store.prompts.find("short") is None
    for prompt in (FIRST, SECOND, OTHER):
        assert store.prompts.save(prompt).prompt == prompt
    assert versions(store) == [(SECOND.version, 2), (FIRST.version, 1), (OTHER.version, 1)]
    assert [each.prompt for each in store.prompts.newest()] == [SECOND, OTHER]


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("short", SECOND),
        (FIRST.version, FIRST),
        (OTHER.name, OTHER),
        ("short@00000000", None),
        ("shor", None),
        ("", None),
        ("sh\0ort", None),
    ],
)
def test_name_means_its_newest_version_and_a_version_itself(
    store: TraceStore, named: str, meant: PromptTemplate | None
) -> None:
    for prompt in (FIRST, SECOND, OTHER):
        store.prompts.save(prompt)
    found = store.prompts.find(named)
    assert (None if found is None else found.prompt) == meant


def test_same_text_again_is_no_new_version_but_an_older_one_becomes_the_newest(store: TraceStore) -> None:
    store.prompts.save(FIRST)
    assert store.prompts.save(FIRST).number == 1
    store.prompts.save(SECOND)
    assert store.prompts.save(FIRST).number == 3
    assert store.prompts.newest()[0].prompt == FIRST


def test_version_or_a_whole_name_is_deleted(store: TraceStore) -> None:
    for prompt in (FIRST, SECOND, OTHER):
        store.prompts.save(prompt)
    assert store.prompts.delete(SECOND.version) == 1
    assert store.prompts.find("short") is not None
    assert store.prompts.delete("short") == 1
    assert versions(store) == [(OTHER.version, 1)]
    with pytest.raises(InputError, match="no prompt 'short' to delete"):
        store.prompts.delete("short")


def test_usual_prompts_name_is_taken_and_there_is_an_end_of_versions(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="what the usual prompt is called"):
        store.prompts.save(DEFAULT)
    monkeypatch.setattr(prompts_module, "MAX_VERSIONS", 1)
    store.prompts.save(FIRST)
    with pytest.raises(InputError, match="1 versions of prompts"):
        store.prompts.save(SECOND)


def test_store_that_cannot_be_read_says_so(store: TraceStore) -> None:
    with store._database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE prompts")
    with pytest.raises(StoreError):
        store.prompts.all()
