"""Names: all from one, none too long, and the ones that the dashboard looks for."""

import json
import re

import pytest

from metrics.catalogue import ENDPOINTS, FUNCTIONS, VARIANT, log_groups, part_name, rag_queries, stack_queries
from pipeline.measures import NAMESPACE
from serving.deploy.templates import PARTS, Part
from tests.stack.reading import NAME, chosen, properties, resources, template, text

NAMING = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::ApiGatewayV2::Authorizer": "Name",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SageMaker::Endpoint": "EndpointName",
    "AWS::SecretsManager::Secret": "Name",
}
"""The property that names a resource, by type."""

NAMELESS = {
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::IAM::OIDCProvider",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SageMaker::EndpointConfig",  # A new one has to be there beside the old, so CloudFormation names both.
    "AWS::SageMaker::Model",
}
"""Types that have no name, or must not."""

LONGEST = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 32,
    "AWS::ElasticLoadBalancingV2::TargetGroup": 32,
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::S3::Bucket": 63,
    "AWS::SageMaker::Endpoint": 63,
}
"""Characters that AWS allows a name."""

METRICS = {"Latency", "ErrorCount"}


def named(part: Part) -> list[tuple[str, str, str]]:
    """Logical id, type and name, with references as they are written."""
    found = []
    for logical_id, about in resources(part).items():
        kind = about["Type"]
        if kind in NAMING:
            for name in chosen([about["Properties"][NAMING[kind]]]):
                found.append((logical_id, kind, name.get("Fn::Sub") or "${" + name["Ref"] + "}"))
    return found


@pytest.mark.parametrize("part", PARTS)
def test_every_type_is_known_to_these_tests(part: Part) -> None:
    assert {about["Type"] for about in resources(part).values()} <= {*NAMING, *NAMELESS}


@pytest.mark.parametrize("part", PARTS)
def test_every_name_begins_with_the_stacks(part: Part) -> None:
    folders = r"(/aws/(lambda|sagemaker/Endpoints|apigateway)/|/ecs/)?"
    wrong = [
        (logical_id, name) for logical_id, _, name in named(part) if not re.match(folders + r"\$\{Name\}(-|$)", name)
    ]
    assert wrong == []


@pytest.mark.parametrize("part", PARTS)
def test_no_name_comes_from_the_name_of_cloudformations_stack(part: Part) -> None:
    assert "AWS::StackName" not in template(part).body


@pytest.mark.parametrize("part", PARTS)
def test_the_longest_name_in_the_longest_region_is_short_enough(part: Part) -> None:
    longest = re.sub(r"[^\d,]", "", template(part).parameters["Name"]["AllowedPattern"].rpartition("{")[2])
    values = {
        "Name": "a" * (1 + int(longest.split(",")[1])),
        "AWS::Region": "ap-southeast-1",
        "AWS::AccountId": "1" * 12,
    }
    for logical_id, kind, name in named(part):
        written = re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], name)
        assert len(written) <= LONGEST.get(kind, 128), (logical_id, written)


def test_functions_and_endpoints_are_named_as_the_dashboard_looks_for_them() -> None:
    functions = {
        text(each["Properties"]["FunctionName"], "serving")
        for each in resources("serving", "AWS::Lambda::Function").values()
    }
    endpoints = {
        text(each["Properties"]["EndpointName"], "serving")
        for each in resources("serving", "AWS::SageMaker::Endpoint").values()
    }
    assert functions == {part_name(NAME, role) for role in (*FUNCTIONS, "authorizer")}
    assert endpoints == {part_name(NAME, role) for role in ENDPOINTS}


def test_log_groups_are_named_as_the_dashboard_reads_them() -> None:
    groups = {
        text(each["Properties"]["LogGroupName"], "serving")
        for each in resources("serving", "AWS::Logs::LogGroup").values()
    }
    assert set(log_groups(NAME)) <= groups


def test_variants_are_named_as_their_metrics_are_read() -> None:
    configs = resources("serving", "AWS::SageMaker::EndpointConfig").values()
    assert {variant["VariantName"] for each in configs for variant in each["Properties"]["ProductionVariants"]} == {
        VARIANT
    }
    targets = resources("serving", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert all(each["Properties"]["ResourceId"]["Fn::Sub"].endswith(f"/variant/{VARIANT}") for each in targets)


def test_alarms_on_our_own_metrics_name_metrics_that_there_are() -> None:
    own = [each["Properties"] for each in resources("serving", "AWS::CloudWatch::Alarm").values()]
    own = [about for about in own if about["Namespace"] == NAMESPACE]
    assert {about["MetricName"] for about in own} == METRICS
    for about in own:
        dimensions = {each["Name"]: each["Value"] for each in about["Dimensions"]}
        assert dimensions["Backend"] == "aws"
        assert dimensions["Stage"] in ("gateway", "embed", "retrieve", "generate")
        assert about["Unit"] == ("Milliseconds" if about["MetricName"] == "Latency" else "Count")


def test_the_overview_shows_metrics_that_there_are() -> None:
    body, lines = properties("serving", "Overview")["DashboardBody"]["Fn::Sub"]
    queries = [*rag_queries("aws"), *stack_queries(NAME, "api")]
    for answering in lines["Answering"]["Fn::If"][1:]:
        filled = body.replace("${Answering}", text(answering, "serving"))
        widgets = json.loads(filled.replace("${Name}", NAME).replace("${AWS::Region}", "us-east-1"))["widgets"]
        shown = {tuple(widget["properties"]["metrics"][0][:2]) for widget in widgets}
        assert shown
        assert shown <= {(query.namespace, query.name) for query in queries}
