"""Every part of a deployment with IAM enforced: GitHub's role deploys and can do no more, and the dashboard's template is taken."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.errors import RaglassError
from serving.deploy.account import Account
from serving.deploy.config import Ci, DeployConfig, Observe
from serving.deploy.deployment import up
from serving.deploy.site import Site
from serving.deploy.stacks import Stack
from serving.deploy.standing import down
from serving.deploy.templates import Template
from serving.rehearsal.emulator import REGION
from serving.rehearsal.session import POLL_S, STACK, StandIns, make_client, rehearsed, root_client, stand_ins

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = {"aud": "sts.amazonaws.com", "sub": "repo:owner/name:environment:production"}
QUESTION = "Who proposed that continents drift?"


@dataclass(frozen=True)
class Deployed:
    """A stack with its role for GitHub, on stand-ins."""

    there: StandIns
    config: DeployConfig
    ci: dict[str, str]
    """Outputs of the part `ci`."""

    def root(self, service: str) -> Any:
        return root_client(service, self.there.url_of(service))

    def workflow_keys(self, **claims: str) -> tuple[str, str, str]:
        """What a workflow whose token says this is given. Raises ClientError if it is not trusted."""
        given = self.root("sts").assume_role_with_web_identity(
            RoleArn=self.ci["DeployRoleArn"], RoleSessionName="workflow", WebIdentityToken=token(iss=ISSUER, **claims)
        )["Credentials"]
        return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]

    def workflow(self, config: DeployConfig) -> Site:
        """What a workflow deploys to, with CloudFormation's own role."""
        key, secret, session = self.workflow_keys(**WORKFLOW)
        given = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": session}
        account = Account(
            REGION,
            environ=self.there.environ | given,
            make_client=lambda service: make_client(service, self.there.url_of(service), key, secret, session),
        )
        return Site(config, account, role_arn=self.ci["CloudFormationRoleArn"], poll_s=POLL_S)

    def workflow_client(self, service: str) -> Any:
        return make_client(service, self.there.url_of(service), *self.workflow_keys(**WORKFLOW))


def token(**claims: str) -> str:
    """A token as GitHub gives it; the emulator reads its claims and takes its signature on trust."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "RS256"}, claims)
    ]
    return ".".join([*parts, "c2lnbmF0dXJl"])


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    config = rehearsed(ingest=False).model_copy(update={"ci": Ci(repository="owner/name"), "smoke_question": QUESTION})
    with stand_ins(auth=True, tell=lambda line: None) as there:
        site = Site(config, there.account(), poll_s=POLL_S)
        up(site, ci=True)
        yield Deployed(there, config, site.stack("ci").outputs())


@pytest.mark.parametrize(
    "claims",
    [
        WORKFLOW | {"sub": "repo:owner/other:environment:production"},
        WORKFLOW | {"sub": "repo:owner/name:environment:staging"},
        WORKFLOW | {"sub": "repo:owner/name:ref:refs/heads/main"},
        WORKFLOW | {"sub": "repo:owner/name:pull_request"},
        WORKFLOW | {"aud": "elsewhere"},
    ],
    ids=["another repository", "another environment", "no environment", "a pull request", "another audience"],
)
def test_no_other_workflow_gets_the_deploy_role(deployed: Deployed, claims: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        deployed.workflow_keys(**claims)


def test_a_workflow_deploys_a_change_and_asks_the_smoke_question(deployed: Deployed) -> None:
    assert up(deployed.workflow(deployed.config)).changed == ()
    changed = deployed.config.model_copy(update={"observe": Observe(latency_alarm_ms=2_500)})
    outcome = up(deployed.workflow(changed))
    assert outcome.changed == (f"{STACK}-serving",)
    assert outcome.answer


def test_a_workflow_cannot_change_its_own_role(deployed: Deployed) -> None:
    with pytest.raises(RaglassError, match="The permission cloudformation:"):
        up(deployed.workflow(deployed.config), ci=True)


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("iam", "list_roles", {}),
        ("lambda", "invoke", {"FunctionName": f"{STACK}-orchestrator"}),
        ("s3", "list_buckets", {}),
        ("secretsmanager", "get_secret_value", {"SecretId": f"{STACK}-pinecone"}),
        ("sagemaker", "delete_endpoint", {"EndpointName": f"{STACK}-embedder"}),
        ("cloudformation", "delete_stack", {"StackName": f"{STACK}-ci"}),
        ("cloudformation", "create_stack", {"StackName": "other", "TemplateBody": Template.of("storage").body}),
    ],
)
def test_a_workflow_can_do_nothing_else(
    deployed: Deployed, service: str, operation: str, given: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(deployed.workflow_client(service), operation)(**given)


# ---- The dashboard


def dashboard(deployed: Deployed) -> tuple[Stack, dict[str, str]]:
    """Its stack, and parameters that fit."""
    ec2 = deployed.root("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    values = {
        "Name": STACK,
        "Image": f"{STACK}-dashboard@sha256:{'a' * 64}",
        "VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "SubnetIds": ",".join(subnets),
        "AllowedCidr": "203.0.113.7/32",
        "ApiUrl": "https://api.example",
        "ApiId": "a1b2c3",
    }
    return Stack(deployed.root("cloudformation"), f"{STACK}-ui", poll_s=POLL_S), values


def test_a_dashboard_that_would_be_open_to_everybody_is_refused(deployed: Deployed) -> None:
    stack, values = dashboard(deployed)
    with pytest.raises(RaglassError, match="lets everybody in, which needs HTTPS and a login"):
        stack.propose(Template.of("ui"), values | {"AllowedCidr": "0.0.0.0/0"})


def test_the_dashboards_template_is_taken_once_and_then_changes_nothing(deployed: Deployed) -> None:
    stack, values = dashboard(deployed)
    change = stack.propose(Template.of("ui"), values)
    assert change is not None
    outputs = stack.carry_out(change).outputs
    assert (outputs["Cluster"], outputs["Service"], outputs["LogGroup"]) == (
        STACK,
        f"{STACK}-dashboard",
        f"/ecs/{STACK}-dashboard",
    )
    assert outputs["Url"].startswith("http://")
    assert stack.propose(Template.of("ui"), values) is None
    services = deployed.root("ecs").describe_services(cluster=STACK, services=[f"{STACK}-dashboard"])["services"]
    assert services[0]["desiredCount"] == 1


def test_nothing_of_any_part_is_left_after_its_removal(deployed: Deployed) -> None:
    down(Site(deployed.config, deployed.there.account(), poll_s=POLL_S))
    iam = deployed.root("iam")
    left = {
        "roles": [role["RoleName"] for role in iam.list_roles()["Roles"]],
        "policies": [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]],
        "identity providers": iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        "clusters": deployed.root("ecs").list_clusters()["clusterArns"],
        "load balancers": deployed.root("elbv2").describe_load_balancers()["LoadBalancers"],
        "log groups": deployed.root("logs").describe_log_groups()["logGroups"],
    }
    assert {kind: found for kind, found in left.items() if found} == {}
