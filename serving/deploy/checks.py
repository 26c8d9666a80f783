"""What has to be right before a deployment can work: looked at one by one, each with what to do if it is not."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Literal

from pipeline.errors import InputError, RaglassError
from serving.deploy import index
from serving.deploy.account import Account, error_code, explained
from serving.deploy.artifacts import BUILT_IN, role_package
from serving.deploy.config import DeployConfig
from serving.deploy.parameters import foundation_model
from serving.deploy.stacks import STUCK, Stack
from serving.deploy.templates import PARTS, stack_name

Verdict = Literal["ok", "missing", "unknown"]

WORST_SKEW_S = 240.0
"""AWS takes signatures that are up to five minutes off."""

LEFT_UNRESERVED = 100
"""Lambdas at once that AWS insists on leaving to the account's other functions."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    message: str
    """What was found; if it is missing, what to do."""


class Missing(Exception):
    """Raised by a look to say what is missing, and what to do."""


class Unknown(Exception):
    """Raised by a look that could not be taken, with the reason."""


Look = Callable[[DeployConfig, Account], str]


def examine(config: DeployConfig, account: Account, image: str) -> Iterator[Check]:
    """Take every look. Those that need AWS are left out, and said to be, once AWS lets nobody in."""
    yield _check("models", _models, config, account)
    yield _check("Pinecone key", _pinecone, config, account)
    region = _check("region", _region, config, account)
    yield region
    credentials = (
        _check("credentials", _credentials, config, account)
        if region.verdict == "ok"
        else Check("credentials", "unknown", "not looked at: AWS cannot be asked without a region")
    )
    yield credentials
    looks: dict[str, Look] = {"Bedrock model": _bedrock} if config.generator.bedrock_model else {}
    looks |= {
        "clock": _clock,
        "Lambda quota": _lambdas,
        "SageMaker quota": _instances,
        "stacks": _stacks,
    }
    if config.dashboard.enabled:
        looks["image"] = lambda chosen, at: _image(at, image)
    for name, look in looks.items():
        if region.verdict == credentials.verdict == "ok":
            yield _check(name, look, config, account)
        else:
            yield Check(name, "unknown", "not looked at: AWS cannot be asked yet")


def _check(name: str, look: Look, config: DeployConfig, account: Account) -> Check:
    try:
        return Check(name, "ok", look(config, account))
    except Unknown as reason:
        return Check(name, "unknown", str(reason))
    except (Missing, RaglassError) as problem:
        return Check(name, "missing", str(problem))


def _models(config: DeployConfig, account: Account) -> str:
    packages = {role: role_package(role, chosen, convert=False) for role, chosen in config.served.items()}
    found = [
        f"{role}: {chosen.engine if chosen.engine in BUILT_IN else chosen.model}, {len(packages[role].files)} files"
        for role, chosen in config.served.items()
    ]
    return "; ".join(
        [*found, *([f"generator: {model} on Bedrock"] if (model := config.generator.bedrock_model) else [])]
    )


def _pinecone(config: DeployConfig, account: Account) -> str:
    there = index.exists(config, account)
    return f"works; the index {config.index} {'is there' if there else 'will be made'}"


@cache
def _regions() -> frozenset[str]:
    """Regions with SageMaker, by the list that boto3 brings along; reading it takes half a second."""
    import boto3

    session = boto3.session.Session()
    partitions = ("aws", "aws-us-gov", "aws-cn")
    return frozenset(
        name for each in partitions for name in session.get_available_regions("sagemaker", partition_name=each)
    )


def _region(config: DeployConfig, account: Account) -> str:
    region = account.region
    if region not in _regions():
        raise Missing(
            f"{region} is no region with SageMaker. Write another into raglass-deploy.toml, for example us-east-1."
        )
    return region


def _credentials(config: DeployConfig, account: Account) -> str:
    with explained("sts:GetCallerIdentity", account.region):
        found = account.client("sts").get_caller_identity()
    return f"account {found['Account']}, {found['Arn']}"


def _clock(config: DeployConfig, account: Account) -> str:
    with explained("sts:GetCallerIdentity"):
        headers = account.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        raise Unknown("AWS did not say what time it is")
    off_s = time.time() - parsedate_to_datetime(headers["date"]).timestamp()
    if abs(off_s) > WORST_SKEW_S:
        raise Missing(
            f"This machine's clock is {off_s:+.0f} s off AWS's, which refuses signatures then. Set the clock."
        )
    return f"{off_s:+.0f} s off AWS's"


def _lambdas(config: DeployConfig, account: Account) -> str:
    limits = _asked(
        "lambda:GetAccountSettings", lambda: account.client("lambda").get_account_settings()["AccountLimit"]
    )
    free = int(limits["UnreservedConcurrentExecutions"]) - LEFT_UNRESERVED
    if config.api.concurrency > max(free, 0):
        raise Missing(
            f"api.concurrency reserves {config.api.concurrency} Lambdas, but the account has {max(free, 0)} to reserve. "
            "Set it to 0, or ask for more concurrent executions in Service Quotas."
        )
    return f"{limits['ConcurrentExecutions']} at once, {max(free, 0)} can be reserved"


def _bedrock(config: DeployConfig, account: Account) -> str:
    """Whether the account may ask the model. That the model answers is seen by the smoke question."""
    from botocore.exceptions import ClientError

    model = config.generator.bedrock_model
    plain = foundation_model(model)
    if plain != model:
        raise Unknown(f"{model} is an inference profile, whose model may lie in other regions")
    try:
        found = account.client("bedrock").get_foundation_model_availability(modelId=plain)
    except ClientError as error:
        if error_code(error) in ("ResourceNotFoundException", "ValidationException"):
            raise Missing(
                f"Bedrock has no model {model} in {account.region}. Correct generator in raglass-deploy.toml, or choose another region."
            ) from None
        raise Unknown(
            f"Bedrock did not say ({error_code(error)}); bedrock:GetFoundationModelAvailability allows it"
        ) from None
    wanting = [
        name
        for name, value, good in (
            ("agreement", found["agreementAvailability"]["status"], "AVAILABLE"),
            ("authorization", found["authorizationStatus"], "AUTHORIZED"),
            ("entitlement", found["entitlementAvailability"], "AVAILABLE"),
            ("region", found["regionAvailability"], "AVAILABLE"),
        )
        if value != good
    ]
    if wanting:
        raise Missing(
            f"The account may not ask {model} in {account.region} yet: its {', '.join(wanting)} is missing. Enable the model in Bedrock's "
            "console."
        )
    return f"{model} may be asked"


def _instances(config: DeployConfig, account: Account) -> str:
    if config.endpoints.endpoint == "serverless":
        return "none: the endpoints are serverless"
    wanted: dict[str, int] = {}
    for kind in (each.instance_type for each in config.served.values()):
        wanted[kind] = wanted.get(kind, 0) + config.endpoints.max_instances
    quotas = _asked("servicequotas:ListServiceQuotas", lambda: _endpoint_quotas(account))
    found = []
    for kind, count in wanted.items():
        quota = quotas.get(f"{kind} for endpoint usage")
        if quota is None:
            raise Unknown(f"Service Quotas has no figure for {kind}")
        if quota < count:
            raise Missing(
                f"The account may run {quota:.0f} × {kind} behind endpoints, and {count} are wanted at most. Ask for more in Service "
                "Quotas (SageMaker, “for endpoint usage”), or lower endpoints.max_instances."
            )
        found.append(f"{quota:.0f} × {kind}, {count} wanted")
    return "; ".join(found)


def _endpoint_quotas(account: Account) -> dict[str, float]:
    pages = account.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}


def _stacks(config: DeployConfig, account: Account) -> str:
    found = []
    for part in PARTS:
        state = Stack(account.client("cloudformation"), stack_name(config.stack, part)).state()
        if state is None:
            continue
        if state.status in STUCK:
            raise Missing(f"{state.name} is {state.status}. `raglass deploy down` removes what is left of it.")
        found.append(f"{state.name} {state.status}")
    return ", ".join(found) or f"none yet of the name {config.stack}"


def _image(account: Account, image: str) -> str:
    if "@sha256:" not in image:
        raise Missing(
            "The dashboard's image is not given by digest. Push one (docs/deploy.md) and write it into dashboard.image, or give --image."
        )
    registry, _, rest = image.partition("/")
    if ".dkr.ecr." not in registry:
        raise Unknown(f"{registry} is not ECR, so whether the image is there is seen only when a task starts")
    repository, digest = rest.split("@")
    found = _asked("ecr:DescribeImages", lambda: _described(account, repository, digest))
    if found is None:
        raise Missing(f"{image} is not in ECR. Push it first (docs/deploy.md), or give another digest.")
    return f"{found.get('imageSizeInBytes', 0) / 1e6:.0f} MB in ECR"


def _described(account: Account, repository: str, digest: str) -> Mapping[str, Any] | None:
    """What ECR says of an image; None if it is not there."""
    from botocore.exceptions import ClientError

    try:
        found = account.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    except ClientError as error:
        if error_code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return None
        raise
    details: list[Mapping[str, Any]] = found["imageDetails"]
    return details[0] if details else None


def refuse_missing_image(account: Account, image: str) -> None:
    """Raise InputError if ECR says that the dashboard's image is not there; where ECR cannot be asked, a task says it later."""
    try:
        _image(account, image)
    except Unknown:
        return
    except Missing as problem:
        raise InputError(str(problem)) from None


def _asked(action: str, ask: Callable[[], Any]) -> Any:
    """What AWS answers; a look that only lacks a permission is unknown, for nothing is wrong with what it would have seen."""
    try:
        with explained(action):
            return ask()
    except RaglassError as error:
        raise Unknown(str(error)) from error
