"""Templates as far as tests read them: statements of policies, rules of parameters, and what a reference comes to."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from serving.deploy.templates import PARTS, Part, Template

ACCOUNT, REGION = "123456789012", "us-east-1"
NAME = "demo"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"

VALUES: Mapping[str, str] = {
    "Name": NAME,
    "ArtifactBucket": f"{NAME}-artifacts-{ACCOUNT}-{REGION}",
    "ApiId": "a1b2c3",
    "ApiKeySecretArn": f"{SECRET}{NAME}-api-key-AbCdEf",
    "DatabaseUrlSecretArn": f"{SECRET}{NAME}-database-AbCdEf",
    "OidcSecretArn": f"{SECRET}{NAME}-oidc-AbCdEf",
    "GitHubRepository": "owner/name",
    "Branch": "main",
    "Environment": "production",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d",
    "BedrockModel": "us.amazon.nova-lite-v1:0",
    "BedrockFoundationModel": "amazon.nova-lite-v1:0",
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
}
"""Of parameters and pseudo parameters."""

ARNS = {
    "AWS::IAM::Role": (f"arn:aws:iam::{ACCOUNT}:role/", "RoleName", ""),
    "AWS::IAM::ManagedPolicy": (f"arn:aws:iam::{ACCOUNT}:policy/", "ManagedPolicyName", ""),
    "AWS::Lambda::Function": (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:", "FunctionName", ""),
    "AWS::Logs::LogGroup": (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:", "LogGroupName", ":*"),
    "AWS::S3::Bucket": ("arn:aws:s3:::", "BucketName", ""),
    "AWS::SecretsManager::Secret": (SECRET, "Name", "-AbCdEf"),
}
"""How an ARN begins, which property names the resource, and how the ARN ends."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    part: Part
    owner: str
    """Logical id of the role, policy or bucket policy."""
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """With references come to text."""
    condition: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.part} {self.owner}: {', '.join(self.actions)} on {', '.join(self.resources)}"

    def covers(self, action: str, resource: str) -> bool:
        """Whether it is about an action on a resource. A pattern as the resource is covered by itself and by wider ones."""
        named = any(fnmatchcase(action, pattern) for pattern in self.actions)
        return named and any(fnmatchcase(resource, pattern) for pattern in self.resources)


@cache
def template(part: Part) -> Template:
    """The template of a part."""
    return Template.of(part)


def resources(part: Part, kind: str = "") -> dict[str, dict[str, Any]]:
    """Resources by logical id, all or those of a type."""
    found: dict[str, dict[str, Any]] = template(part).data["Resources"]
    return {name: about for name, about in found.items() if not kind or about["Type"] == kind}


def properties(part: Part, logical_id: str) -> dict[str, Any]:
    """Properties of a resource."""
    found: dict[str, Any] = resources(part)[logical_id]["Properties"]
    return found


def text(value: Any, part: Part) -> str:
    """What a value comes to with `VALUES`; a reference to another resource comes to its ARN if it has one, else to its id.

    Of a choice the side counts that the defaults take.
    """
    if isinstance(value, str):
        return value
    ((function, given),) = value.items()
    match function:
        case "Ref":
            return VALUES.get(given) or _reference(given, part)
        case "Fn::GetAtt":
            return _reference(given[0], part)
        case "Fn::Sub":
            pattern = given if isinstance(given, str) else given[0]
            return re.sub(r"\$\{([\w:.]+)\}", lambda name: _substituted(name[1], part), pattern)
        case "Fn::If":
            return text(given[1 if template(part).holds(given[0]) else 2], part)
    raise AssertionError(f"{function} is not read here")


def _substituted(name: str, part: Part) -> str:
    if name in VALUES:
        return VALUES[name]
    logical_id, _, attribute = name.partition(".")
    if attribute.endswith("Name"):
        return text(properties(part, logical_id)[attribute], part)
    return _reference(logical_id, part)


def _reference(logical_id: str, part: Part) -> str:
    about = resources(part)[logical_id]
    begin, named_by, end = ARNS.get(about["Type"], ("", "", ""))
    return begin + text(about["Properties"][named_by], part) + end if named_by else f"<{logical_id}>"


def statements(*parts: Part) -> Iterator[Statement]:
    """Every statement of every policy in these parts, with both sides of a choice; trust policies left out."""
    for part in parts or PARTS:
        for logical_id, about in resources(part).items():
            given = about["Properties"]
            documents = [policy["PolicyDocument"] for policy in given.get("Policies", [])]
            documents += [given["PolicyDocument"]] if "PolicyDocument" in given else []
            for document in documents:
                for statement in chosen(document["Statement"]):
                    yield Statement(
                        part,
                        logical_id,
                        statement["Effect"] == "Allow",
                        tuple(as_list(statement["Action"])),
                        tuple(text(resource, part) for resource in chosen(as_list(statement["Resource"]))),
                        statement.get("Condition", {}),
                    )


def chosen(values: list[Any]) -> list[Any]:
    """A list with both sides of each `Fn::If` in it, and without `AWS::NoValue`."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, dict) and "Fn::If" in value:
            for side in value["Fn::If"][1:]:
                found += chosen(as_list(side))
        elif value != {"Ref": "AWS::NoValue"}:
            found.append(value)
    return found


def as_list(value: Any) -> list[Any]:
    """One thing or many, as many."""
    return value if isinstance(value, list) else [value]


def inside(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from inside(item)
    elif isinstance(value, list):
        for item in value:
            yield from inside(item)


def dumped(value: Any) -> str:
    """As one text, to look for something anywhere in it."""
    return json.dumps(value)
