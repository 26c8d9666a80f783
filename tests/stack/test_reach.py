"""What the two roles of continuous deployment reach: a list of what must be refused, and of what a deployment cannot do without."""

import pytest

from serving.deploy.stacks import TAG
from serving.packing import ROOT
from tests.stack.evaluating import Context, decides
from tests.stack.reading import ACCOUNT, NAME, REGION, Statement, statements

OURS = {f"aws:ResourceTag/{TAG}": NAME}
"""A thing that this stack made."""
THEIRS = {f"aws:ResourceTag/{TAG}": f"{NAME}-two"}
"""Of another stack of Raglass, whose name begins with ours."""
BARE: Context = {}
"""A thing that has nothing to do with Raglass."""
MAKING = {f"aws:RequestTag/{TAG}": NAME}
"""A request that puts our tag on what it makes."""

SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
API = f"arn:aws:apigateway:{REGION}::/apis"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
TARGET = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/0a1b"
SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
GROUPS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
ALARMS = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
BALANCERS = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
STACKS = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack"
BUCKET = f"arn:aws:s3:::{NAME}-artifacts-{ACCOUNT}-{REGION}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key"

CLOUDFORMATION = ("StorageAndRoles", "Serving", "Observing", "Dashboard")
WITH_ROLE = {"cloudformation:RoleArn": f"{ROLES}/{NAME}-{REGION}-cloudformation"}
BOUNDARY = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/{NAME}-{REGION}-boundary"}


def of(*owners: str) -> list[Statement]:
    return [each for each in statements("ci") if each.owner in owners]


REFUSED_CHANGES: list[tuple[str, str, Context]] = [
    # Names that AWS makes up: of others, and of nobody.
    *[
        (action, resource, whose)
        for whose in (BARE, THEIRS)
        for action, resource in (
            ("sagemaker:DeleteModel", f"{SAGEMAKER}:model/theirs"),
            ("sagemaker:DeleteEndpointConfig", f"{SAGEMAKER}:endpoint-config/theirs"),
            ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint-config/theirs"),
            ("sagemaker:DeleteTags", f"{SAGEMAKER}:model/theirs"),
            ("apigateway:DELETE", f"{API}/theirs1"),
            ("apigateway:PATCH", f"{API}/theirs1/routes/r1"),
            ("apigateway:POST", f"{API}/theirs1/integrations"),
            ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-theirs"),
            ("ec2:RevokeSecurityGroupEgress", f"{EC2}:security-group/sg-theirs"),
            ("ec2:DeleteSecurityGroup", f"{EC2}:security-group/sg-theirs"),
            ("ec2:CreateTags", f"{EC2}:security-group/sg-theirs"),
            ("application-autoscaling:DeregisterScalableTarget", TARGET),
            ("application-autoscaling:PutScalingPolicy", TARGET),
        )
    ],
    # Taking somebody else's thing over by putting our tag on it.
    ("sagemaker:AddTags", f"{SAGEMAKER}:model/theirs", MAKING),
    ("ec2:CreateTags", f"{EC2}:security-group/sg-theirs", MAKING),
    # Making things that nobody would know whose they are.
    ("sagemaker:CreateModel", f"{SAGEMAKER}:model/new", BARE),
    ("ec2:CreateSecurityGroup", f"{EC2}:security-group/*", BARE),
    ("ecs:RegisterTaskDefinition", "*", BARE),
    ("apigateway:POST", API, MAKING | {"apigateway:Request/ApiName": "other"}),
    (
        "application-autoscaling:RegisterScalableTarget",
        TARGET,
        {"application-autoscaling:service-namespace": "dynamodb"},
    ),
    # Names of another stack that begins with ours.
    ("lambda:UpdateFunctionCode", f"{LAMBDA}:{NAME}-two-orchestrator", BARE),
    ("sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/{NAME}-two-embedder", BARE),
    ("secretsmanager:UpdateSecret", f"{SECRETS}:{NAME}-two-pinecone-AbCdEf", BARE),
    ("secretsmanager:DeleteSecret", f"{SECRETS}:{NAME}-database-AbCdEf", BARE),
    ("logs:DeleteLogGroup", f"{GROUPS}:/aws/lambda/{NAME}-two-orchestrator", BARE),
    ("logs:DeleteLogGroup", f"{GROUPS}:/aws/apigateway/{NAME}-two", BARE),
    ("cloudwatch:DeleteAlarms", f"{ALARMS}:{NAME}-two-slow", BARE),
    ("elasticloadbalancing:DeleteLoadBalancer", f"{BALANCERS}:loadbalancer/app/{NAME}-two-ui/1", BARE),
    ("s3:PutBucketPolicy", f"arn:aws:s3:::{NAME}-two-artifacts-{ACCOUNT}-{REGION}", BARE),
    # More rights.
    ("iam:CreateRole", f"{ROLES}/{NAME}-{REGION}-task", BARE),
    ("iam:CreateRole", f"{ROLES}/other", BOUNDARY),
    ("iam:PutRolePolicy", f"{ROLES}/{NAME}-{REGION}-deploy", BOUNDARY),
    ("iam:UpdateAssumeRolePolicy", f"{ROLES}/{NAME}-{REGION}-cloudformation", BARE),
    ("iam:PassRole", f"{ROLES}/{NAME}-{REGION}-task", {"iam:PassedToService": "ec2.amazonaws.com"}),
    ("iam:AttachRolePolicy", f"{ROLES}/{NAME}-{REGION}-task", BOUNDARY),
    ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/{NAME}-{REGION}-boundary", BARE),
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/somebody", BARE),
    ("sts:AssumeRole", f"{ROLES}/other", BARE),
    ("kms:PutKeyPolicy", f"{KEY}/0a1b2c3d", BARE),
    ("kms:Decrypt", f"{KEY}/another", BARE),
    ("kms:CreateGrant", f"{KEY}/0a1b2c3d", {"kms:GrantIsForAWSResource": "false"}),
    # What lies in the bucket is the deploy role's affair.
    ("s3:PutObject", f"{BUCKET}/models/x", BARE),
    ("s3:DeleteObject", f"{BUCKET}/models/x", BARE),
    ("lambda:InvokeFunction", f"{LAMBDA}:{NAME}-orchestrator", BARE),
    ("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/{NAME}-embedder", BARE),
]

NEEDED_CHANGES: list[tuple[str, str, Context]] = [
    ("sagemaker:CreateModel", f"{SAGEMAKER}:model/EmbedderModel-1", MAKING),
    ("sagemaker:AddTags", f"{SAGEMAKER}:model/EmbedderModel-1", MAKING | {"sagemaker:TaggingAction": "CreateModel"}),
    ("sagemaker:DeleteModel", f"{SAGEMAKER}:model/EmbedderModel-1", OURS),
    ("sagemaker:DescribeModel", f"{SAGEMAKER}:model/EmbedderModel-1", BARE),
    ("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/{NAME}-embedder", MAKING),
    ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint-config/EmbedderConfig-1", OURS),
    ("apigateway:POST", API, MAKING | {"apigateway:Request/ApiName": NAME}),
    ("apigateway:POST", f"{API}/ours1/routes", OURS),
    ("apigateway:DELETE", f"{API}/ours1", OURS),
    ("apigateway:PUT", f"arn:aws:apigateway:{REGION}::/tags/an-arn", MAKING),
    ("lambda:UpdateFunctionCode", f"{LAMBDA}:{NAME}-orchestrator", BARE),
    ("logs:CreateLogGroup", f"{GROUPS}:/aws/lambda/{NAME}-orchestrator:log-stream:", BARE),
    ("logs:TagResource", f"{GROUPS}:/aws/apigateway/{NAME}", MAKING),
    ("cloudwatch:PutMetricAlarm", f"{ALARMS}:{NAME}-slow-embed", BARE),
    ("ec2:CreateSecurityGroup", f"{EC2}:security-group/*", MAKING),
    ("ec2:CreateSecurityGroup", f"{EC2}:vpc/vpc-1", BARE),
    ("ec2:CreateTags", f"{EC2}:security-group/sg-1", MAKING | {"ec2:CreateAction": "CreateSecurityGroup"}),
    ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", OURS),
    ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group-rule/*", BARE),
    ("ecs:RegisterTaskDefinition", "*", MAKING),
    (
        "application-autoscaling:RegisterScalableTarget",
        TARGET,
        MAKING | {"application-autoscaling:service-namespace": "ecs"},
    ),
    ("application-autoscaling:PutScalingPolicy", TARGET, OURS),
    ("secretsmanager:CreateSecret", f"{SECRETS}:{NAME}-pinecone-AbCdEf", BARE),
    ("secretsmanager:GetSecretValue", f"{SECRETS}:{NAME}-login-AbCdEf", BARE),
    ("iam:CreateRole", f"{ROLES}/{NAME}-{REGION}-task", BOUNDARY),
    ("iam:PassRole", f"{ROLES}/{NAME}-{REGION}-task", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ("kms:CreateGrant", f"{KEY}/0a1b2c3d", {"kms:GrantIsForAWSResource": "true"}),
    ("s3:PutBucketLogging", BUCKET, BARE),
]

REFUSED_WORKFLOWS: list[tuple[str, str, Context]] = [
    ("cloudformation:CreateChangeSet", f"{STACKS}/{NAME}-serving/1", BARE),
    ("cloudformation:CreateChangeSet", f"{STACKS}/{NAME}-serving/1", {"cloudformation:RoleArn": f"{ROLES}/admin"}),
    (
        "cloudformation:CreateChangeSet",
        f"{STACKS}/{NAME}-serving/1",
        WITH_ROLE | {"cloudformation:ImportResourceTypes": "AWS::S3::Bucket"},
    ),
    ("cloudformation:CreateChangeSet", f"{STACKS}/{NAME}-ci/1", WITH_ROLE),
    ("cloudformation:DeleteStack", f"{STACKS}/{NAME}-two-serving/1", BARE),
    ("cloudformation:CreateStack", f"{STACKS}/{NAME}-serving/1", WITH_ROLE),
    ("iam:PassRole", f"{ROLES}/{NAME}-{REGION}-cloudformation", {"iam:PassedToService": "lambda.amazonaws.com"}),
    ("iam:PassRole", f"{ROLES}/admin", {"iam:PassedToService": "cloudformation.amazonaws.com"}),
    ("secretsmanager:GetSecretValue", f"{SECRETS}:{NAME}-pinecone-AbCdEf", BARE),
    ("s3:DeleteObject", f"{BUCKET}/releases/1", BARE),
    ("s3:GetObject", f"arn:aws:s3:::other/{NAME}", BARE),
    ("ecr:BatchDeleteImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}-dashboard", BARE),
    ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/{NAME}-embedder", OURS),
    ("lambda:UpdateFunctionCode", f"{LAMBDA}:{NAME}-orchestrator", OURS),
    ("kms:CreateGrant", f"{KEY}/0a1b2c3d", {"kms:GrantIsForAWSResource": "true"}),
]

NEEDED_WORKFLOWS: list[tuple[str, str, Context]] = [
    ("cloudformation:CreateChangeSet", f"{STACKS}/{NAME}-serving/1", WITH_ROLE),
    ("cloudformation:ExecuteChangeSet", f"{STACKS}/{NAME}-ui/1", BARE),
    ("cloudformation:DeleteStack", f"{STACKS}/{NAME}-serving/1", WITH_ROLE),
    (
        "iam:PassRole",
        f"{ROLES}/{NAME}-{REGION}-cloudformation",
        {"iam:PassedToService": "cloudformation.amazonaws.com"},
    ),
    ("s3:PutObject", f"{BUCKET}/models/x", BARE),
    ("kms:GenerateDataKey", f"{KEY}/0a1b2c3d", BARE),
]


@pytest.mark.parametrize(("action", "resource", "context"), REFUSED_CHANGES)
def test_cloudformation_is_refused_what_the_stack_did_not_make(action: str, resource: str, context: Context) -> None:
    assert not decides(of(*CLOUDFORMATION), action, resource, context)


@pytest.mark.parametrize(("action", "resource", "context"), NEEDED_CHANGES)
def test_cloudformation_may_do_what_a_deployment_needs(action: str, resource: str, context: Context) -> None:
    assert decides(of(*CLOUDFORMATION), action, resource, context)


@pytest.mark.parametrize(("action", "resource", "context"), REFUSED_WORKFLOWS)
def test_a_workflow_is_refused(action: str, resource: str, context: Context) -> None:
    assert not decides(of("DeployRole"), action, resource, context)


@pytest.mark.parametrize(("action", "resource", "context"), NEEDED_WORKFLOWS)
def test_a_workflow_may(action: str, resource: str, context: Context) -> None:
    assert decides(of("DeployRole"), action, resource, context)


UNNARROWED = {
    "apigateway:POST", "apigateway:PUT",  # of /tags/*, which holds the ARN of an API that AWS has named
    "ecs:DeregisterTaskDefinition",
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
}  # fmt: skip
"""Changes that IAM cannot hold to one stack; docs/deploy.md names them."""

READS = ("Get", "Describe", "List", "GET", "BatchGet")


def test_every_change_goes_by_the_stacks_name_or_tag_but_for_those_that_the_docs_name() -> None:
    wide = {
        action
        for each in of(*CLOUDFORMATION)
        if each.allows
        and not any(f"ResourceTag/{TAG}" in str(each.condition) or key in str(each.condition) for key in _MAKING_KEYS)
        for action in each.actions
        if any(NAME not in resource for resource in each.resources) and not action.split(":")[1].startswith(READS)
    }
    own_key = {"kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"}
    in_any_network = {
        "ec2:CreateSecurityGroup",
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
    }
    assert wide - own_key - in_any_network <= UNNARROWED


_MAKING_KEYS = (f"RequestTag/{TAG}", "ec2:CreateAction", "iam:AWSServiceName")
"""Conditions of what is being made."""


@pytest.mark.parametrize("action", sorted(UNNARROWED - {"apigateway:POST", "apigateway:PUT"}))
def test_what_iam_cannot_narrow_is_named_in_the_docs(action: str) -> None:
    assert f"`{action}`" in DOC


DOC = (ROOT / "docs" / "deploy.md").read_text("utf-8")
