"""The stack with IAM enforced: roles may do what they need and no more."""

import json
from collections.abc import Iterator

import pytest
import urllib3
from botocore.exceptions import ClientError

from serving.rehearsal import running
from serving.rehearsal.session import Rehearsal
from serving.rehearsal.trial import try_denial, try_out


@pytest.fixture(scope="module")
def enforced() -> Iterator[Rehearsal]:
    with running(auth=True) as rehearsal:
        yield rehearsal


def test_least_privilege_is_enough_for_questions_metrics_logs_and_alarms(enforced: Rehearsal) -> None:
    assert try_out(enforced, 3, lambda line: None) == []


def test_the_dashboards_role_may_do_nothing_else(enforced: Rehearsal) -> None:
    assert try_denial(enforced, lambda line: None) == []
    for service, call in (("s3", "list_buckets"), ("secretsmanager", "list_secrets"), ("sagemaker", "list_models")):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(enforced.dashboard_client(service), call)()


def test_a_role_that_lacks_the_permission_may_not_call_the_generator(enforced: Rehearsal) -> None:
    with pytest.raises(ClientError, match=r"not authorized to perform: sagemaker:InvokeEndpoint.*raglass-generator"):
        enforced.dashboard_client("sagemaker-runtime").invoke_endpoint(EndpointName="raglass-generator", Body=b"{}")


def test_an_orchestrator_without_its_permission_names_the_stage(enforced: Rehearsal) -> None:
    iam = enforced.client("iam")
    role = next(role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].endswith("-orchestrator"))
    kept = iam.get_role_policy(RoleName=role, PolicyName="orchestrator")["PolicyDocument"]
    iam.put_role_policy(
        RoleName=role, PolicyName="orchestrator", PolicyDocument=_without(kept, "sagemaker:InvokeEndpoint")
    )
    try:
        backend = enforced.open_backend()
        error = backend.answer("Who?", top_k=5, deadline_s=20).error
        backend.close()
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="orchestrator", PolicyDocument=_without(kept, "nothing"))
    assert error is not None
    assert error.stage == "embed"
    assert "AccessDenied" in error.message
    assert "arn:aws" not in error.message


def test_api_refuses_who_does_not_sign_and_who_may_not_call_it(enforced: Rehearsal) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        unsigned = pool.request("POST", f"{enforced.api_url}/query", json={"question": "Who?"})
    assert unsigned.status == 403
    backend = enforced.open_backend()
    assert backend.answer("Who proposed that continents drift?", top_k=5, deadline_s=20).error is None
    backend.close()
    iam = enforced.client("iam")
    role = enforced.outputs["DashboardRole"].rsplit("/", 1)[-1]
    kept = iam.get_role_policy(RoleName=role, PolicyName="look")["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName="look", PolicyDocument=_without(kept, "execute-api:Invoke"))
    try:
        backend = enforced.open_backend()
        refused = backend.answer("Who proposed that continents drift?", top_k=5, deadline_s=20).error
        backend.close()
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="look", PolicyDocument=_without(kept, "nothing"))
    assert refused is not None
    assert "refused the caller (HTTP 403)" in refused.message


def _without(policy: dict[str, object], action: str) -> str:
    statements = policy["Statement"]
    assert isinstance(statements, list)
    return json.dumps({**policy, "Statement": [given for given in statements if given["Action"] != action]})


def test_the_endpoints_role_may_read_its_model_and_write_its_log(enforced: Rehearsal) -> None:
    said = (enforced.folder / "sagemaker.log").read_text("utf-8")
    assert said.splitlines() == [enforced.sagemaker_url]
    streams = enforced.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/raglass-generator")
    assert len(streams["logStreams"]) == 1
