"""What the stack's roles may do."""

import re
from itertools import product

import pytest

from serving.deploy.templates import FILES, PARTS, Part
from serving.packing import ROOT
from tests.stack.reading import (
    ACCOUNT,
    NAME,
    REGION,
    VALUES,
    Statement,
    dumped,
    properties,
    resources,
    statements,
    template,
    text,
)

WITHOUT_RESOURCES = {
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    "cloudformation:DescribeStackDriftDetectionStatus",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:RegisterTaskDefinition",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "lambda:GetAccountSettings",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "secretsmanager:GetRandomPassword",
    "servicequotas:ListServiceQuotas",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Actions that AWS lets nobody narrow to a resource (or that list everything there is)."""

CI_ROLES = ("deploy", "cloudformation")


def allowed(*parts: Part) -> list[Statement]:
    return [statement for statement in statements(*parts) if statement.allows]


def of(owner: str, part: Part) -> list[Statement]:
    return [statement for statement in statements(part) if statement.owner == owner]


def may(owners: tuple[str, ...], part: Part, action: str, resource: str) -> bool:
    found = [statement for owner in owners for statement in of(owner, part) if statement.covers(action, resource)]
    return any(statement.allows for statement in found) and all(statement.allows for statement in found)


@pytest.mark.slow
def test_no_role_is_allowed_an_action_by_wildcard() -> None:
    assert [str(statement) for statement in allowed() if any("*" in action for action in statement.actions)] == []


def test_every_resource_is_given_where_the_action_has_any() -> None:
    wide = [statement for statement in allowed() if "*" in statement.resources]
    assert wide
    assert {action for statement in wide for action in statement.actions} <= WITHOUT_RESOURCES


def test_every_action_without_resources_is_used() -> None:
    wide = {action for statement in allowed() if "*" in statement.resources for action in statement.actions}
    assert WITHOUT_RESOURCES - wide == set()


@pytest.mark.parametrize("part", PARTS)
def test_every_statement_on_everything_has_its_reason_beside_it(part: Part) -> None:
    lines = FILES[part].read_text("utf-8").splitlines()
    bare = []
    for place, line in enumerate(lines):
        if re.search(r'Resource: "\*"', line):
            start = next(at for at in range(place, 0, -1) if re.match(r"\s+- (\{Effect|Effect|Sid)", lines[at]))
            if not lines[start - 1].strip().startswith("#"):
                bare.append(f"{place + 1}: {line.strip()}")
    assert bare == []


@pytest.mark.parametrize(("part", "role"), [("serving", "DashboardRole"), ("ui", "TaskRole")])
def test_metrics_are_written_into_our_namespace_alone(part: Part, role: str) -> None:
    found = [statement for statement in of(role, part) if "cloudwatch:PutMetricData" in statement.actions]
    assert [statement.condition for statement in found] == [{"StringEquals": {"cloudwatch:namespace": "RAG_MLOps"}}]
    assert found[0].actions == ("cloudwatch:PutMetricData",)


def test_a_role_is_passed_on_only_to_the_service_that_it_is_for() -> None:
    passing = [statement for statement in allowed() if "iam:PassRole" in statement.actions]
    assert passing
    for statement in passing:
        assert statement.actions == ("iam:PassRole",)
        assert "iam:PassedToService" in statement.condition["StringEquals"]


@pytest.mark.parametrize("part", ["serving", "ui"])
def test_every_role_of_the_parts_has_the_boundary(part: Part) -> None:
    boundary = text({"Ref": "Boundary"}, "storage")
    roles = resources(part, "AWS::IAM::Role")
    assert roles
    assert {text(about["Properties"]["PermissionsBoundary"], part) for about in roles.values()} == {boundary}


def test_the_boundary_takes_nothing_away_that_a_role_needs() -> None:
    boundary = of("Boundary", "storage")
    lost = [
        f"{statement.owner}: {action} on {resource}"
        for statement in allowed("serving", "ui")
        for action, resource in product(statement.actions, statement.resources)
        if not any(limit.covers(action, resource.replace("<Api>", "a1b2c3")) for limit in boundary)
    ]
    assert lost == []


def test_the_boundary_lets_no_role_change_anything() -> None:
    reads = (
        "Get",
        "Describe",
        "List",
        "BatchGet",
        "BatchCheck",
        "Filter",
        "Invoke",
        "Put",
        "CreateLogStream",
        "Decrypt",
    )
    actions = [action.split(":")[1] for statement in of("Boundary", "storage") for action in statement.actions]
    assert [action for action in actions if not action.startswith(reads)] == []
    puts = {action for action in actions if action.startswith("Put")}
    assert puts == {"PutLogEvents", "PutMetricData", "PutTelemetryRecords", "PutTraceSegments"}


def test_functions_and_endpoints_reach_the_parts_of_their_own_stack_alone() -> None:
    reached = [
        resource
        for role in ("OrchestratorRole", "ResponderRole", "AuthorizerRole")
        for statement in of(role, "serving")
        for resource in statement.resources
        if resource != "*"
    ]
    assert reached
    others = [resource for resource in reached if f"{NAME}-" not in resource]
    assert all(":bedrock:" in resource or resource == VALUES["KmsKeyArn"] for resource in others)


@pytest.mark.parametrize("model", ["amazon.nova-pro-v1:0", "eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0:24k"])
def test_the_orchestrator_may_ask_no_model_but_the_one_that_answers(model: str) -> None:
    asking = [each for each in of("OrchestratorRole", "serving") if "bedrock:InvokeModel" in each.actions]
    assert len(asking) == 2
    assert {action for each in asking for action in each.actions} == {"bedrock:InvokeModel"}
    for kind in ("foundation-model", "inference-profile"):
        for account in ("", ACCOUNT):
            assert not any(
                each.covers("bedrock:InvokeModel", f"arn:aws:bedrock:{REGION}:{account}:{kind}/{model}")
                for each in asking
            )
    elsewhere = [each for each in asking if "bedrock:*:" in str(each)]
    assert [list(each.condition["StringEquals"]) for each in elsewhere] == [["bedrock:InferenceProfileArn"]]


# ---- Continuous deployment


def test_only_one_repository_and_environment_or_branch_is_trusted() -> None:
    statement = properties("ci", "DeployRole")["AssumeRolePolicyDocument"]["Statement"][0]
    ((operator, keys),) = statement["Condition"].items()
    assert operator == "StringEquals"
    assert keys["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    condition, *subjects = keys["token.actions.githubusercontent.com:sub"]["Fn::If"]
    assert condition == "ByEnvironment"
    assert [text(subject, "ci") for subject in subjects] == [
        "repo:owner/name:environment:production",
        "repo:owner/name:ref:refs/heads/main",
    ]


@pytest.mark.parametrize("parameter", ["GitHubRepository", "Branch", "Environment"])
@pytest.mark.parametrize("value", ["*", "owner/*", "release/**", "a b", "x:ref:refs/heads/y", "o/n:pull_request"])
def test_nothing_that_widens_the_trust_can_be_given(parameter: str, value: str) -> None:
    assert not re.fullmatch(template("ci").parameters[parameter]["AllowedPattern"], value)


def test_the_deploy_role_may_do_all_that_deploying_calls() -> None:
    """The permissions that serving/deploy names where it calls AWS, without those that only `down` needs, or everybody has."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "serving" / "deploy").glob("*.py"))
    named = set(re.findall(r'(?:explained|_asked)\(\s*"([a-z0-9-]+:\w+)"', source))
    assert "cloudformation:CreateChangeSet" in named
    given = {action for statement in of("DeployRole", "ci") for action in statement.actions}
    assert named - given == {"s3:DeleteObjectVersion", "sts:GetCallerIdentity"} & named


@pytest.mark.parametrize("action", ["CreateChangeSet", "ExecuteChangeSet", "DeleteStack"])
def test_the_deploy_role_changes_three_stacks_and_not_its_own(action: str) -> None:
    def changes(stack: str) -> bool:
        arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/an-id"
        return may(("DeployRole",), "ci", f"cloudformation:{action}", arn)

    assert [stack for stack in ("storage", "serving", "ui", "ci") if changes(f"{NAME}-{stack}")] == [
        "storage",
        "serving",
        "ui",
    ]
    assert not changes("other-serving")


POLICIES = ("StorageAndRoles", "Serving", "Observing", "Dashboard")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{REGION}"
CHANGES = (
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:UpdateAssumeRolePolicy",
    "iam:PassRole",
)


def test_cloudformations_policies_are_the_ones_of_its_role() -> None:
    given = properties("ci", "CloudFormationRole")["ManagedPolicyArns"]
    assert given == [{"Ref": policy} for policy in POLICIES]


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize("role", CI_ROLES)
def test_a_deployment_cannot_give_its_own_roles_more(role: str, action: str) -> None:
    assert not may(POLICIES, "ci", action, f"{ROLE}-{role}")


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"])
def test_a_deployment_makes_and_fills_roles_only_inside_the_boundary(action: str) -> None:
    found = [statement for statement in allowed("ci") if action in statement.actions]
    assert len(found) == 1
    assert text(found[0].condition["StringEquals"]["iam:PermissionsBoundary"], "ci") == text(
        {"Ref": "Boundary"}, "storage"
    )


def test_a_deployment_cannot_change_or_lift_the_boundary() -> None:
    actions = {action for policy in POLICIES for statement in of(policy, "ci") for action in statement.actions}
    forbidden = (
        "iam:CreatePolicy",
        "iam:DeletePolicy",
        "iam:SetDefaultPolicyVersion",
        "iam:Attach",
        "iam:DeleteRolePermissions",
    )
    assert [action for action in actions if action.startswith(forbidden)] == []


@pytest.mark.parametrize("part", ["serving", "ui"])
def test_a_deployment_can_make_and_pass_every_role_of_the_parts(part: Part) -> None:
    for logical_id in resources(part, "AWS::IAM::Role"):
        arn = text({"Fn::GetAtt": [logical_id, "Arn"]}, part)
        assert may(POLICIES, "ci", "iam:CreateRole", arn), arn
        assert may(POLICIES, "ci", "iam:PassRole", arn), arn


@pytest.mark.parametrize(
    ("part", "kind", "action"),
    [
        ("storage", "AWS::S3::Bucket", "s3:CreateBucket"),
        ("serving", "AWS::Lambda::Function", "lambda:CreateFunction"),
        ("serving", "AWS::SecretsManager::Secret", "secretsmanager:CreateSecret"),
        ("serving", "AWS::Logs::LogGroup", "logs:CreateLogGroup"),
        ("ui", "AWS::Logs::LogGroup", "logs:CreateLogGroup"),
    ],
)
def test_a_deployment_can_make_every_part_by_its_name(part: Part, kind: str, action: str) -> None:
    found = resources(part, kind)
    assert found
    for logical_id in found:
        arn = text({"Fn::GetAtt": [logical_id, "Arn"]}, part)
        assert may(POLICIES, "ci", action, arn), arn


def test_managed_policies_are_as_short_as_iam_wants_them() -> None:
    """6,144 characters without white space, with the longest name and region; functions are counted with all that is in them."""
    for part in ("storage", "ci"):
        for logical_id, about in resources(part, "AWS::IAM::ManagedPolicy").items():
            document = about["Properties"]["PolicyDocument"]
            written = re.sub(r'\{"(?:Fn::Sub|Ref)": "([^"]*)"\}', r'"\1"', dumped(document))
            for parameter, longest in {
                "${Name}": "a" * 23,
                "${AWS::Region}": "ap-southeast-1",
                "${AWS::AccountId}": "1" * 12,
                "${AWS::Partition}": "aws",
            }.items():
                written = written.replace(parameter, longest)
            assert len(re.sub(r"\s", "", written)) <= 6144, logical_id
