"""What is deployed: one TOML file, read into `DeployConfig`. `config_file` writes the commented file and the JSON Schema of it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pipeline.errors import InputError
from serving.deploy.model_tables import Embedder, Endpoints, Generator
from serving.deploy.shapes import ARN, BEDROCK, BUCKET, CIDR, INDEX, KEY_ARN, REPOSITORY, SHAPES, STACK, Table
from serving.packing import Role

FILE_NAME = "raglass-deploy.toml"
"""Looked for in the working directory."""


class Api(Table):
    """The HTTP API and its Lambdas."""

    auth: Annotated[
        Literal["iam", "key"],
        Field(description="How callers prove who they are: signed as an IAM role, or with a generated key."),
    ] = "iam"
    cors_origin: Annotated[str, Field(description="Origin whose pages may call the API; empty for none.")] = ""
    requests_per_second: Annotated[int, Field(ge=1, le=10_000, description="More than this is refused with 429.")] = 10
    burst: Annotated[int, Field(ge=1, le=5_000, description="Requests that may come at once.")] = 20
    concurrency: Annotated[
        int,
        Field(ge=0, le=1_000, description="Lambdas at once that are reserved and allowed; 0 shares the account's."),
    ] = 0


class PineconeTable(Table):
    """The index."""

    index: Annotated[str, Field(pattern=INDEX, description="Its name; empty for the stack's.")] = ""
    namespace: Annotated[str, Field(description="Namespace in it.")] = ""
    cloud: Annotated[str, Field(description="Cloud of an index that has to be made.")] = "aws"
    region: Annotated[str, Field(description="Region of an index that has to be made.")] = "us-east-1"


class Corpus(Table):
    """What the index holds."""

    builtin: Annotated[bool, Field(description="Whether `up` puts the built-in articles there.")] = True
    paths: Annotated[
        tuple[str, ...], Field(description="Files and folders that `up` puts there instead of the built-in articles.")
    ] = ()


class Observe(Table):
    """Logs and alarms."""

    log_retention_days: Annotated[
        Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365], Field(description="Days that log lines are kept.")
    ] = 30
    latency_alarm_ms: Annotated[
        int, Field(ge=1, description="The alarm is raised when the slowest 5 % of questions take longer.")
    ] = 3000
    alarm_email: Annotated[str, Field(description="Told about alarms, once confirmed by mail; empty for nobody.")] = ""


class Oidc(Table):
    """Login with an OpenID Connect provider, at the load balancer."""

    issuer: Annotated[str, Field(description="Issuer URL; empty for no such login.")] = ""
    client_id: Annotated[str, Field(description="Client id there.")] = ""
    secret_arn: Annotated[str, Field(pattern=ARN, description="ARN of the secret that holds the client's secret.")] = ""
    authorization_endpoint: Annotated[str, Field(description="URL.")] = ""
    token_endpoint: Annotated[str, Field(description="URL.")] = ""
    user_info_endpoint: Annotated[str, Field(description="URL.")] = ""


class Cognito(Table):
    """Login with a Cognito user pool, at the load balancer."""

    pool_arn: Annotated[str, Field(pattern=ARN, description="ARN of the user pool; empty for no such login.")] = ""
    client_id: Annotated[str, Field(description="App client's id.")] = ""
    domain: Annotated[str, Field(description="Domain prefix of the pool.")] = ""


class Dashboard(Table):
    """The dashboard on ECS Fargate."""

    enabled: Annotated[bool, Field(description="Whether it is deployed; it needs the values below.")] = False
    image: Annotated[
        str, Field(description="Its image by digest, for example ….amazonaws.com/raglass-dashboard@sha256:…")
    ] = ""
    vpc_id: Annotated[str, Field(description="VPC.")] = ""
    subnet_ids: Annotated[
        tuple[str, ...], Field(description="Two public subnets in different zones, for the load balancer.")
    ] = ()
    task_subnet_ids: Annotated[
        tuple[str, ...],
        Field(description="Subnets of the tasks; empty for the same, where tasks get public addresses."),
    ] = ()
    allowed_cidr: Annotated[
        str,
        Field(
            pattern=CIDR,
            description="Addresses that are admitted, for example 203.0.113.7/32.",
        ),
    ] = ""
    certificate_arn: Annotated[
        str, Field(pattern=ARN, description="ACM certificate; without it there is only HTTP.")
    ] = ""
    host_names: Annotated[
        tuple[str, ...],
        Field(
            description="Names that people open it by, for example raglass.example.com; by others than these and the load balancer's own "
            "it answers nothing."
        ),
    ] = ()
    database_url_secret_arn: Annotated[
        str,
        Field(
            pattern=ARN, description="Secret with a PostgreSQL URL; without it one task keeps its traces for itself."
        ),
    ] = ""
    cpu: Annotated[Literal[256, 512, 1024, 2048, 4096], Field(description="CPU units of a task, 1024 a core.")] = 512
    memory: Annotated[int, Field(ge=512, le=30_720, description="Memory of a task in MiB.")] = 1024
    min_tasks: Annotated[int, Field(ge=1, le=50, description="Tasks that always run.")] = 1
    max_tasks: Annotated[int, Field(ge=1, le=50, description="Tasks under load; needs a database.")] = 1
    open_to: Annotated[
        Literal["viewer", "editor", "admin"],
        Field(description="What everybody may do whom the load balancer lets in, unless people are named below."),
    ] = "editor"
    people: Annotated[
        tuple[str, ...],
        Field(
            description="Who may look and ask: addresses and @domains. With any of these three the dashboard has a login of its own too, "
            "by oidc, and knows who is who."
        ),
    ] = ()
    editors: Annotated[tuple[str, ...], Field(description="Who may also change things.")] = ()
    admins: Annotated[
        tuple[str, ...], Field(description="Who may also delete, rebuild and stop what others began.")
    ] = ()
    oidc: Oidc = Oidc()
    cognito: Cognito = Cognito()

    @model_validator(mode="after")
    def _is_complete(self) -> "Dashboard":
        if not self.enabled:
            return self
        missing = [name for name in ("vpc_id", "subnet_ids", "allowed_cidr") if not getattr(self, name)]
        if missing:
            raise ValueError(f"it is enabled, so give {', '.join(missing)} too")
        if len(self.subnet_ids) < 2:
            raise ValueError("subnet_ids needs two subnets in different zones, since the load balancer does")
        if self.max_tasks > 1 and not self.database_url_secret_arn:
            raise ValueError("more than one task needs a shared store: give database_url_secret_arn, or max_tasks = 1")
        if self.allowed_cidr.endswith("/0") and not (self.oidc.issuer or self.cognito.pool_arn):
            raise ValueError("allowed_cidr admits everybody without a login: narrow it, or configure oidc or cognito")
        if (self.oidc.issuer or self.cognito.pool_arn) and not self.certificate_arn:
            raise ValueError("a login needs HTTPS: give certificate_arn")
        if (self.people or self.editors or self.admins) and not self.oidc.issuer:
            raise ValueError("people are known by a login: configure oidc, or leave people, editors and admins empty")
        if self.oidc.issuer and "*" in "".join(self.host_names[:1]):
            raise ValueError("the first of host_names is the one that a login sends people back to: write it in full")
        if self.certificate_arn and not self.host_names:
            raise ValueError("a certificate is for a name that people open: give it in host_names")
        return self


class Ci(Table):
    """The role with which GitHub Actions deploys; made by `raglass deploy up --ci`."""

    repository: Annotated[str, Field(pattern=REPOSITORY, description="owner/name on GitHub; empty for none.")] = ""
    branch: Annotated[str, Field(description="Branch that may deploy.")] = "main"
    environment: Annotated[str, Field(description="GitHub environment that may deploy.")] = "production"
    provider_arn: Annotated[
        str, Field(pattern=ARN, description="GitHub's OIDC provider, if the account has one: there can be only one.")
    ] = ""


class Encryption(Table):
    """A key of one's own in place of AWS's; its policy lets CloudWatch Logs use it."""

    kms_key_arn: Annotated[
        str,
        Field(
            pattern=KEY_ARN,
            description="Encrypts the bucket, secrets, logs and the disks of instances; empty for AWS's own.",
        ),
    ] = ""


class AccessLogs(Table):
    """Who read or wrote what in the stack's bucket, and every request to the load balancer."""

    bucket: Annotated[
        str,
        Field(
            pattern=BUCKET,
            description="A bucket of yours in the region, whose policy lets S3 and the load balancer write; empty for none.",
        ),
    ] = ""


class Expected(Table):
    """What the cost is estimated for."""

    questions_per_month: Annotated[int, Field(ge=0, description="Questions in a month.")] = 10_000


def _read_generator(given: Any) -> Any:
    """A table, or a model on Bedrock in one word."""
    if not isinstance(given, str):
        return given
    if not given.startswith(BEDROCK):
        raise ValueError(f'{given!r} is no generator: write "bedrock:MODEL", or a table [generator]')
    return {"engine": "bedrock", "model": given.removeprefix(BEDROCK)}


class DeployConfig(Table):
    """Everything that can be chosen about a deployment."""

    stack: Annotated[
        str,
        Field(pattern=STACK, description="Name from which every part is named: two names live side by side."),
    ] = "raglass"
    region: Annotated[str, Field(description="AWS region; empty for that of the AWS profile or environment.")] = ""
    smoke_question: Annotated[
        str,
        Field(
            description="Asked after every deployment; if it fails, the last one that worked comes back. Empty for none."
        ),
    ] = "Who proposed that continents drift?"
    embedder: Embedder = Embedder()
    generator: Annotated[
        Generator,
        BeforeValidator(_read_generator, json_schema_input_type=Generator | str),
    ] = Generator()
    endpoints: Endpoints = Endpoints()
    api: Api = Api()
    pinecone: PineconeTable = PineconeTable()
    corpus: Corpus = Corpus()
    observe: Observe = Observe()
    dashboard: Dashboard = Dashboard()
    ci: Ci = Ci()
    encryption: Encryption = Encryption()
    access_logs: AccessLogs = AccessLogs()
    expected: Expected = Expected()

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> "DeployConfig":
        if self.endpoints.min_instances > self.endpoints.max_instances:
            raise ValueError("endpoints.min_instances is above endpoints.max_instances")
        if self.dashboard.min_tasks > self.dashboard.max_tasks:
            raise ValueError("dashboard.min_tasks is above dashboard.max_tasks")
        secrets = {
            "dashboard.database_url_secret_arn": self.dashboard.database_url_secret_arn,
            "dashboard.oidc.secret_arn": self.dashboard.oidc.secret_arn,
        }
        for name, arn in secrets.items():
            # The roles of the stack may read only secrets of its own name.
            if arn and f":secret:{self.stack}-" not in arn:
                raise ValueError(f"{name} is {arn}, but the name of that secret must begin with {self.stack}-")
        return self

    @property
    def served(self) -> dict[Role, "Embedder | Generator"]:
        """What runs behind endpoints, by role."""
        found: dict[Role, Embedder | Generator] = {"embedder": self.embedder}
        return found if self.generator.bedrock_model else {**found, "generator": self.generator}

    @property
    def index(self) -> str:
        """Name of the Pinecone index."""
        return self.pinecone.index or self.stack


def read_config(path: Path | None, **changes: Any) -> DeployConfig:
    """Read a file, or the defaults if there is none at the usual place.

    path: the file; None for `raglass-deploy.toml` in the working directory, which may be missing. changes: top-level values that
    win over the file's; None changes nothing.
    Raises InputError naming every value that is wrong.
    """
    data: dict[str, Any] = {}
    if path is not None or Path(FILE_NAME).is_file():
        data = _load(path or Path(FILE_NAME))
    given = {name: value for name, value in changes.items() if value is not None}
    data |= given
    source = str(path or FILE_NAME) if data.keys() - given.keys() else "The configuration"
    try:
        return DeployConfig.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{source} cannot be used: {'; '.join(_sentences(error))}.") from None


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}. `raglass deploy init` writes one with comments.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}).") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}. `raglass deploy init` shows how it is written.") from None


def _sentences(error: ValidationError) -> Iterator[str]:
    """What is wrong, value by value. Pydantic's own text is left out where ours is plainer."""
    for found in error.errors(include_url=False):
        place = ".".join(str(part) for part in found["loc"]) or "the file"
        if found["type"] == "extra_forbidden":
            yield f"there is no setting {place}"
        elif found["type"] == "string_pattern_mismatch":
            yield f"{place} is {found['input']!r}: give {SHAPES[found['ctx']['pattern']]}"
        elif found["type"] == "value_error":
            yield f"{place}: {found['ctx']['error']}"
        else:
            yield f"{place} is {found['input']!r}: {found['msg'][:1].lower()}{found['msg'][1:]}"
