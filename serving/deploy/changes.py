"""What a change set would do to a stack, as far as a person wants to know it. Holds no secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.deploy.templates import Template


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What a change set would do to one resource."""

    action: str
    """`Add`, `Modify`, `Remove`, `Dynamic` or `Import`."""
    logical_id: str
    kind: str
    """Type, for example `AWS::Lambda::Function`."""
    replacement: str
    """`True`, `False`, `Conditional`, or empty where that is no question."""
    properties: tuple[str, ...]
    """Names of the properties that change."""


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """A parameter's value before and after; secret ones are `****`."""

    name: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What would be done to a stack."""

    stack: str
    creates: bool
    """Whether the stack is new."""
    resources: tuple[ResourceChange, ...]
    parameters: tuple[ParameterChange, ...] = ()

    @classmethod
    def read(
        cls,
        stack: str,
        creates: bool,
        described: Mapping[str, Any],
        template: Template,
        before: Mapping[str, str],
        values: Mapping[str, str | None],
    ) -> "ChangeSet":
        """From CloudFormation's description of it. before, values: parameters as they are and as they would be."""
        return cls(stack, creates, _resources(described), _parameters(template, before, values))


def _resources(described: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    changes = [change["ResourceChange"] for change in described["Changes"] if "ResourceChange" in change]
    return tuple(
        ResourceChange(
            change["Action"],
            change["LogicalResourceId"],
            change["ResourceType"],
            change.get("Replacement", ""),
            tuple(
                sorted({detail.get("Target", {}).get("Name", "") for detail in change.get("Details", [])} - {"", None})
            ),
        )
        for change in changes
    )


def _parameters(
    template: Template, before: Mapping[str, str], values: Mapping[str, str | None]
) -> tuple[ParameterChange, ...]:
    secret = template.secret_parameters
    return tuple(
        ParameterChange(name, before.get(name), value)
        for name, value in values.items()
        if value is not None and name in template.parameters and name not in secret and before.get(name) != value
    )
