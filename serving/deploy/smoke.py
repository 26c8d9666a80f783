"""The question that shows whether what was deployed answers."""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from backends.aws.backend import open_aws
from backends.registry import BackendConfig
from pipeline.errors import RaglassError, StageFailed
from pipeline.types import Trace
from serving.deploy.account import Account, explained
from serving.deploy.config import DeployConfig

TRIES = 5
PAUSE_S = 3.0
"""A new API answers 404, and a new role is refused, for some seconds."""

DEADLINE_S = 28.0


def ask(
    config: DeployConfig,
    account: Account,
    outputs: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Trace:
    """Ask the stack with these outputs; returns the trace of an answer. Raises StageFailed naming the stage that failed."""
    problem = ""
    with tempfile.TemporaryDirectory() as scratch:
        backend = open_aws(backend_config(config, account, outputs, Path(scratch)))
        try:
            for attempt in range(TRIES):
                if attempt:
                    sleep(PAUSE_S)
                try:
                    trace = backend.answer(config.smoke_question, top_k=5, deadline_s=DEADLINE_S)
                except RaglassError as error:
                    problem = str(error)
                    continue
                if trace.error is None:
                    return trace
                problem = f"stage {trace.error.stage}: {trace.error.message}"
        finally:
            backend.close()
    raise StageFailed(f"The smoke question {config.smoke_question!r} was not answered in {TRIES} tries ({problem}).")


def backend_config(config: DeployConfig, account: Account, outputs: Mapping[str, str], folder: Path) -> BackendConfig:
    """The settings with which the product's own backend asks this stack."""
    key = ""
    if config.api.auth == "key":
        with explained("secretsmanager:GetSecretValue"):
            key = account.client("secretsmanager").get_secret_value(SecretId=outputs["ApiKeySecret"])["SecretString"]
    return BackendConfig(
        data_dir=folder,
        api_url=outputs["ApiUrl"],
        api_auth=config.api.auth,
        api_key=key,
        aws_region=account.region,
        environ=dict(account.environ),
    )
