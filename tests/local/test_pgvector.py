"""An index in a real PostgreSQL: builds that stop, tables that are not ours, a server that goes, and what each of them says."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from backends.local.build import Progress
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary
from backends.local.index import LocalIndex
from backends.local.manifest import Manifest
from backends.local.pgvector import building, faults
from backends.local.pgvector import index as searching
from backends.local.pgvector.connecting import VectorDatabase
from backends.local.pgvector.holder import PgvectorHolder
from backends.local.vectors import VectorCache
from pipeline.deadline import Deadline
from pipeline.errors import DimensionMismatch, StageFailed, Timeout, Unavailable
from tests.local.conftest import DOCUMENTS, make_document
from tests.local.fake_embedder import FakeEmbedder
from tests.metrics.postgres_cluster import PostgresCluster

Build = Callable[..., Manifest]
MANY = [make_document(f"d{n}", f"Fact number {n} is about subject {n % 17}.") for n in range(300)]


class Stop(Exception):
    pass


@pytest.fixture
def url(vector_postgres: PostgresCluster) -> Iterator[str]:
    """A database of one's own."""
    with vector_postgres.database() as made:
        yield made


@pytest.fixture
def holder(url: str) -> PgvectorHolder:
    return PgvectorHolder(url)


def ask(url: str, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement, values)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def tables(url: str) -> list[str]:
    return [
        row[0]
        for row in ask(
            url, "SELECT relname FROM pg_class WHERE relname ~ '^raglass_vectors_[0-9a-z_]+$' AND relkind = 'r'"
        )
    ]


def search(index: LocalIndex, question: str, **given: Any) -> list[Any]:
    vectors = FakeEmbedder().embed([question], "query")
    [chunks] = index.search(vectors, 5, texts=[question], **given)
    return chunks


def test_manifest_and_fingerprint_say_what_holds_the_vectors(build: Build, url: str) -> None:
    manifest = build()
    assert (manifest.held_by, [manifest.place]) == ("pgvector", tables(url))
    assert manifest.search == "exact search in PostgreSQL (pgvector)"
    assert manifest.fingerprint != build(holder=None).fingerprint


def test_rebuild_drops_the_table_before(build: Build, url: str, index: LocalIndex) -> None:
    build()
    search(index, "volcanoes")
    manifest = build([*DOCUMENTS, make_document("q", "Quokkas smile.")], corpus_hash="new")
    assert tables(url) == [manifest.place]
    assert search(index, "quokkas")[0].document_id == "q"


@pytest.mark.parametrize("step", ["send", "index"])
def test_build_that_stops_leaves_the_index_in_use_and_is_gone_on_with(
    build: Build, url: str, index: LocalIndex, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "COPY_BATCH", 100)
    monkeypatch.setattr(building, "POLL_S", 0.0)
    monkeypatch.setitem(building.build_table.__kwdefaults__, "exact_below", 10)
    before = build()
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if progress.step == step and (step == "index" or progress.done == 200):
            raise Stop

    with pytest.raises(Stop):
        build(MANY, corpus_hash="new", on_progress=stop)
    assert len(tables(url)) == 2
    assert index.manifest == before
    assert search(index, "volcanoes")
    went_on: list[Progress] = []
    manifest = build(MANY, corpus_hash="new", on_progress=went_on.append)
    sent = [progress.done for progress in went_on if progress.step == "send"]
    assert sent == ([200, 300] if step == "send" else [300])
    assert tables(url) == [manifest.place]
    assert manifest.kind == "hnsw"
    assert ask(url, f"SELECT count(*), count(DISTINCT row) FROM {manifest.place}") == [(300, 300)]


def test_half_built_table_of_other_vectors_is_not_gone_on_with(
    build: Build, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "COPY_BATCH", 100)

    def stop(progress: Progress) -> None:
        if progress.step == "send" and progress.done == 200:
            raise Stop

    with pytest.raises(Stop):
        build(MANY, on_progress=stop)
    [half] = tables(url)
    manifest = build(MANY[1:])
    assert tables(url) == [manifest.place] != [half]


def test_progress_goes_through_sending_and_indexing(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(building.build_table.__kwdefaults__, "exact_below", 10)
    seen: list[Progress] = []
    build(MANY, on_progress=seen.append)
    assert list(dict.fromkeys(progress.step for progress in seen)) == ["cut", "embed", "send", "index", "write"]
    last = {progress.step: progress for progress in seen}
    assert all(progress.done == progress.total for progress in last.values())


def test_graph_that_finds_no_shared_memory_is_made_by_one_worker(
    build: Build, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's 64 MB of shared memory are too few for several."""
    monkeypatch.setitem(building.build_table.__kwdefaults__, "exact_below", 10)
    real, workers = building._watched, list[str]()

    def watched(database: Any, connection: Any, *given: Any) -> None:
        workers.append(connection.execute("SHOW max_parallel_maintenance_workers").fetchone()[0])
        if len(workers) == 1:
            raise psycopg.errors.DiskFull("could not resize shared memory segment")
        real(database, connection, *given)

    monkeypatch.setattr(building, "_watched", watched)
    assert build(MANY).kind == "hnsw"
    assert workers == ["2", "0"]


def test_table_that_was_dropped_says_so_and_the_next_index_builds_it_anew(
    tmp_path: Path, root: Path, url: str, holder: PgvectorHolder, embedder: FakeEmbedder, cache: VectorCache
) -> None:
    library = DocumentLibrary(tmp_path / "documents.sqlite")
    library.add(make_document("volcano", "Volcanoes erupt."))
    index = LocalIndex(root, embedder, holder)
    corpus = LocalCorpus(lambda: library, index, embedder, cache, builtin=False, with_sentences=False)
    corpus.build()
    search(index, "volcanoes")
    ask(url, f"DROP TABLE {index.manifest.place}")
    with pytest.raises(Unavailable, match="Run `raglass index`"):
        search(index, "volcanoes")
    index.close()
    with pytest.raises(Unavailable, match=r"is gone\. Run `raglass index`"):
        search(index, "volcanoes")
    corpus.build()
    assert search(index, "volcanoes")[0].document_id == "volcano"


def test_table_of_another_corpus_is_refused(build: Build, url: str, index: LocalIndex) -> None:
    manifest = build()
    place = manifest.place
    [(note,)] = ask(url, "SELECT obj_description(to_regclass(%s))", (place,))
    changed = note.replace(manifest.checksums["vectors.npy"], "0" * 32)
    ask(url, f"COMMENT ON TABLE {place} IS '{changed}'")
    with pytest.raises(Unavailable, match=rf"{place} .*another corpus. Run `raglass index`") as caught:
        search(index, "volcanoes")
    assert caught.value.stage == "retrieve"
    assert not index.opened().vectors.is_whole()


def test_server_without_the_extension_says_which_package(
    build: Build, vector_postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector' AND false"
    real = psycopg.Connection.execute

    def without(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        return real(self, hidden if "pg_available_extensions" in str(query) else query, *given, **more)

    monkeypatch.setattr(psycopg.Connection, "execute", without)
    with pytest.raises(Unavailable, match=r"lacks pgvector.*postgresql-\d\d-pgvector.*raglass index"):
        build()


def test_user_who_may_not_create_the_extension_is_told_the_line(build: Build, url: str) -> None:
    name = url.rsplit("/", 1)[1]
    ask(url, "DO $$ BEGIN CREATE ROLE plain LOGIN PASSWORD 'plain'; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    ask(url, "GRANT USAGE ON SCHEMA public TO PUBLIC")
    host = url.rsplit("@", 1)[1]
    with pytest.raises(Unavailable, match=rf"{name} lacks .*superuser.*CREATE EXTENSION vector;") as caught:
        build(holder=PgvectorHolder(f"postgresql+psycopg://plain:plain@{host}"))
    assert "plain:plain" not in str(caught.value)
    ask(url, "CREATE EXTENSION vector")
    with pytest.raises(Unavailable, match="GRANT CREATE"):
        build(holder=PgvectorHolder(f"postgresql+psycopg://plain:plain@{host}"))


def test_connection_that_was_cut_is_opened_again(build: Build, url: str, index: LocalIndex) -> None:
    build()
    expected = search(index, "volcanoes")
    ask(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'raglass'")
    assert search(index, "volcanoes") == expected


def test_database_that_goes_away_in_the_middle_of_a_question_is_unavailable(
    build: Build, url: str, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    search(index, "volcanoes")
    monkeypatch.setattr(searching, "SETTINGS", "SELECT pg_terminate_backend(pg_backend_pid()), %s, %s")
    with pytest.raises(Unavailable, match=r"index's database postgresql://127\.0\.0\.1") as caught:
        search(index, "volcanoes")
    assert caught.value.stage == "retrieve"
    assert "raglass:" not in str(caught.value)


def test_server_that_is_not_there_leaves_the_documents_to_be_seen(
    build: Build, root: Path, embedder: FakeEmbedder, vector_postgres: PostgresCluster, url: str
) -> None:
    build()
    away = PgvectorHolder(vector_postgres.url(url.rsplit("/", 1)[1], port=9))
    index = LocalIndex(root, embedder, away)
    assert index.manifest.documents == 4
    assert index.chunks_of("d1")
    with pytest.raises(Unavailable, match="cannot be reached"):
        search(index, "volcanoes")
    with pytest.raises(Unavailable, match="cannot be reached"):
        index.opened().vectors.is_whole()


def test_wrong_password_is_named_and_not_shown(build: Build, vector_postgres: PostgresCluster, url: str) -> None:
    wrong = vector_postgres.url(url.rsplit("/", 1)[1], password="hunter2")
    with pytest.raises(Unavailable, match=r"cannot be reached|refused the user") as caught:
        build(holder=PgvectorHolder(wrong))
    assert "hunter2" not in str(caught.value) + repr(PgvectorHolder(wrong).database)


def test_question_that_runs_out_of_time_is_a_timeout(
    build: Build, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    search(index, "volcanoes")
    monkeypatch.setattr(PgvectorHolder, "close", lambda self: None)
    opened = index.opened().vectors
    slow = f"SELECT row, embedding <#> %(asked)s::vector FROM {opened.place}, pg_sleep(5) ORDER BY 2 LIMIT %(top_k)s"
    monkeypatch.setattr(opened, "_statement", slow)
    monkeypatch.setattr(VectorDatabase, "_open", lambda *_: pytest.fail("it was asked a second time"))
    with pytest.raises(Timeout, match="RAGLASS_DEADLINE_S"):
        search(index, "volcanoes", deadline=Deadline(0.2))


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (psycopg.errors.UndefinedTable(), Unavailable, "no longer holds"),
        (psycopg.errors.UndefinedObject(), Unavailable, "lost the extension pgvector"),
        (psycopg.errors.DataException("different vector dimensions 3 and 4"), DimensionMismatch, "another dimension"),
        (psycopg.errors.DiskFull(), Unavailable, "disk is full"),
        (psycopg.errors.TooManyConnections(), Unavailable, "no room"),
        (psycopg.errors.InvalidCatalogName(), Unavailable, "createdb"),
        (psycopg.errors.AdminShutdown(), Unavailable, "shutting down"),
        (psycopg.OperationalError("secret words"), Unavailable, "cannot be reached"),
        (psycopg.DatabaseError("lost synchronization with secret words"), Unavailable, "cannot be reached"),
        (psycopg.errors.SyntaxError("secret words"), StageFailed, "SQLSTATE 42601"),
    ],
)
def test_every_error_says_what_to_do_and_quotes_nothing(error: psycopg.Error, kind: type, says: str) -> None:
    found = faults.explain(error, "postgresql://host/db", "retrieve")
    assert type(found) is kind
    assert says in str(found)
    assert "postgresql://host/db" in str(found)
    assert "secret words" not in str(found)


def test_rows_are_encoded_as_the_server_reads_them(url: str) -> None:
    """Held against pgvector's own reading of the same numbers as text."""
    ask(url, "CREATE EXTENSION vector")
    ask(url, "CREATE TABLE given (row integer, embedding vector(3))")
    vectors = np.array([[0.1, -2.5, 3e-8], [1, 0, -0.0]], np.float32)
    copying = "COPY given FROM STDIN (FORMAT BINARY)"
    with VectorDatabase(url).connected() as connection, connection.cursor().copy(copying) as copy:
        copy.write(building.encode_rows(vectors, 7))
    texts = [searching.literal(vector) for vector in vectors]
    found = ask(
        url, "SELECT row, embedding = %s::vector OR embedding = %s::vector FROM given ORDER BY row", tuple(texts)
    )
    assert found == [(7, True), (8, True)]
