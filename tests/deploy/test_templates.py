"""What can be read of a template without AWS."""

import pytest

from serving.deploy.templates import PARTS, REMOVED, Template

BODY = """
Parameters:
  Name: {Type: String}
  Auth: {Type: String, Default: iam}
  Key: {Type: String, NoEcho: true}
Conditions:
  ByKey: !Equals [!Ref Auth, key]
  Named: !Not [!Equals [!Ref Name, ""]]
  Both: !And [!Condition ByKey, !Condition Named]
  Either: !Or [!Condition ByKey, !Condition Named]
Resources:
  Always: {Type: A, Properties: {Arn: !GetAtt Other.Arn, Text: !Sub "${Name}-x"}}
  Keyed: {Type: B, Condition: ByKey}
  Two: {Type: C, Condition: Both}
  One: {Type: D, Condition: Either}
"""


@pytest.mark.parametrize(
    ("values", "made"),
    [
        ({"Name": "n"}, ["Always", "One"]),
        ({"Name": "n", "Auth": "key"}, ["Always", "Keyed", "Two", "One"]),
        ({"Name": "", "Auth": "key"}, ["Always", "Keyed", "One"]),
        ({}, ["Always"]),
    ],
)
def test_resources_are_those_whose_conditions_hold(values: dict[str, str], made: list[str]) -> None:
    assert [logical_id for logical_id, _ in Template("serving", BODY).resources(values)] == made


def test_short_forms_are_read_into_long_ones() -> None:
    properties = Template("serving", BODY).data["Resources"]["Always"]["Properties"]
    assert properties == {"Arn": {"Fn::GetAtt": ["Other", "Arn"]}, "Text": {"Fn::Sub": "${Name}-x"}}


def test_secret_parameters_are_known() -> None:
    assert Template("serving", BODY).secret_parameters == {"Key"}


def test_digest_changes_with_the_text() -> None:
    assert Template("serving", BODY).digest != Template("serving", BODY + " ").digest


@pytest.mark.slow
def test_every_part_has_a_template_that_can_be_read() -> None:
    for part in PARTS:
        template = Template.of(part)
        assert list(template.resources({"Name": "demo"}))
        assert all(about.get("Description") for about in template.parameters.values()), part


def test_role_that_cloudformation_works_with_is_removed_last_and_the_bucket_after_what_needs_it() -> None:
    assert set(REMOVED) == set(PARTS)
    assert REMOVED[-2:] == ("storage", "ci")
