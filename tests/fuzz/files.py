"""Targets that read files: documents, datasets, the deploy file, the file of endpoints; and the settings of the environment."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

import corpus
from app.config import Settings, about
from app.setting import variable
from backends.http.endpoints import read_endpoints
from backends.local.documents import Extractor, ReadLimits, read_documents
from evaluation.datasets import load_dataset, read_table
from serving.deploy.config import read_config
from serving.deploy.config_file import example
from tests.backends.application import ENDPOINTS
from tests.fuzz.material import SEEDS, as_json, documents, json_bytes, mutated, mutated_text
from tests.fuzz.mutating import mutate_bytes
from tests.fuzz.trying import Target, TryOne

LIMITS = ReadLimits(memory_mb=600, time_s=20)
"""Of one file; as in the product, but sooner given up."""

AGAIN = 10
"""Of files that its own process survived, each so many-th is read in this one too, where lines are counted."""

NamedBytes = tuple[str, bytes]
"""A file's name and bytes."""


def _named(files: dict[str, list[bytes]]) -> st.SearchStrategy[NamedBytes]:
    every = [data for several in files.values() for data in several]

    def one(suffix: str, seed: int) -> NamedBytes:
        of_its_kind = files[suffix]
        return f"file{suffix}", mutate_bytes(of_its_kind[seed % len(of_its_kind)], seed, every)

    mixed = st.tuples(st.sampled_from(sorted(files)).map("file{}".format), mutated(every))
    made = st.builds(one, st.sampled_from(sorted(files)), SEEDS)
    return st.one_of(made, made, made, made, mixed)


@contextmanager
def extracted(_: Path) -> Iterator[TryOne]:
    """A file in a process of its own, with limits, as the product reads it."""
    count = 0
    with Extractor(LIMITS) as extractor:

        def read(made: NamedBytes) -> None:
            nonlocal count
            count += 1
            name, data = made
            for document in extractor.read(name, data):
                document.text.encode()
            if count % AGAIN == 0:
                read_documents(name, data, max_bytes=LIMITS.max_bytes)

        yield read


def datasets() -> st.SearchStrategy[NamedBytes]:
    """SQuAD, CSV and JSON lines of the corpus's own questions, made wrong."""
    asked = corpus.questions()[:5]
    squad = {"data": [{"title": "Earth", "paragraphs": [{"context": "Wegener proposed drift.", "qas": [
        {"id": f"q{n}", "question": each.question, "answers": [{"text": text} for text in each.answers]}
        for n, each in enumerate(asked)]}]}]}  # fmt: skip
    rows = [{"id": f"q{n}", "question": each.question, "answers": list(each.answers), "type": each.type, "article": "a/b"}
            for n, each in enumerate(asked)]  # fmt: skip
    lines = b"\n".join(map(as_json, rows))
    table = "id,question,answer,context\n" + "".join(
        f'{row["id"]},"{row["question"]}",a|b,"two\nlines"\n' for row in rows
    )
    wrong_lines = st.lists(json_bytes(rows), min_size=1, max_size=4).map(b"\n".join)
    return st.one_of(
        st.tuples(st.just("a.json"), json_bytes([squad])),
        st.tuples(st.just("a.jsonl"), wrong_lines | mutated([lines])),
        st.tuples(st.just("a.csv"), mutated([table.encode(), table.replace(",", ";").encode("utf-16")])),
    )


@contextmanager
def loaded(folder: Path) -> Iterator[TryOne]:
    """A dataset as a run reads it, and as a table that is looked at."""

    def load(made: NamedBytes) -> None:
        path = folder / made[0]
        path.write_bytes(made[1])
        if path.suffix != ".json":
            read_table(path)
        found = load_dataset(str(path))
        assert found.questions
        assert found.fingerprint
        assert found.documents_fingerprint

    yield load


def _of_file(name: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
    @contextmanager
    def opened(folder: Path) -> Iterator[TryOne]:
        path = folder / name

        def read_one(data: bytes) -> None:
            path.write_bytes(data)
            read(path)

        yield read_one

    return opened


def deploy_files() -> st.SearchStrategy[bytes]:
    """The commented file made wrong, and files with a few settings of odd values."""
    whole = example()
    names = sorted(
        {line.partition(" = ")[0] for line in whole.splitlines() if " = " in line and not line.startswith("#")}
    )
    tables = sorted({line for line in whole.splitlines() if line.startswith("[")})
    values = st.one_of(
        st.text(max_size=40).map(json.dumps), st.integers().map(str), st.floats().map(str), st.booleans().map(str),
        st.sampled_from(["[]", '["a", "a"]', "{}", "2026-01-01", "''", "true", "false", "inf", "nan", '"*"', '"../a"', '"eu-central-1"']),
    )  # fmt: skip
    line = st.tuples(st.sampled_from(names), values).map(" = ".join)
    few = st.lists(st.one_of(line, line, st.sampled_from(tables)), max_size=6, unique=True).map("\n".join)
    return st.one_of(mutated([whole.encode()]), few.map(lambda text: text.encode("utf-8", "surrogatepass")))


def settings_of_environment() -> st.SearchStrategy[dict[str, str]]:
    """Environments with a few settings of odd values. None holds a zero byte, which no system lets through."""
    names = st.sampled_from([variable(name) for name, _ in about()])
    plain = ["1", "0", "yes", "nan", "inf", "-1", "1e9", "9" * 400, "~", "~nobody-of-this-name/a", "/", "..", "local", "aws", "a:b",
             "sqlite:///", "postgresql+psycopg://u:p@h/d", "https://user:key@example.org", "http://[", "::1", "[::1]", "*",
             ",", "³"]  # fmt: skip
    texts = st.one_of(st.sampled_from(plain), mutated_text(plain), st.text(max_size=30))
    values = texts.map(
        lambda text: os.fsencode(text.replace("\0", "").encode("utf-8", "replace")).decode("utf-8", "surrogateescape")
    )
    return st.dictionaries(names, values, min_size=1, max_size=4)


@contextmanager
def configured(_: Path) -> Iterator[TryOne]:
    """The settings, and what is made of them before anything is opened."""

    def read(environ: dict[str, str]) -> None:
        settings = Settings.from_environ(environ)
        assert repr(settings)
        assert settings.backend_name
        assert settings.store_url
        assert settings.public_base
        settings.read_limits()
        settings.backend_config()

    yield read


DOCUMENTS = Target("documents, each in its own process", ("backends/local/documents/*.py", "backends/local/documents/markup/*.py",
    "backends/local/documents/office/*.py", "backends/local/documents/pdf/*.py", "backends/local/documents/tables/*.py",
    "backends/local/documents/plaintext/*.py", "backends/local/documents/archives/*.py"),
    lambda: _named(documents()), extracted)  # fmt: skip
DATASETS = Target("datasets", ("evaluation/datasets.py",), datasets, loaded)
DEPLOY_FILE = Target(
    "deploy file", ("serving/deploy/config.py",), deploy_files, _of_file("raglass-deploy.toml", read_config)
)
ENDPOINTS_FILE = Target(
    "file of endpoints",
    ("backends/http/endpoints.py", "backends/http/template.py", "backends/http/expressions.py"),
    lambda: mutated([ENDPOINTS.replace("URL", "http://127.0.0.1:9").encode()]),
    _of_file("backends.toml", lambda path: read_endpoints(path, {"APPLICATION_KEY": "a key of some length"})),
)
SETTINGS = Target("settings", ("app/config.py",), settings_of_environment, configured)
