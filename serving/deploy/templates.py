"""The CloudFormation templates, as files and as far as they can be read without AWS."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import yaml

Part = Literal["storage", "serving", "ui", "ci"]

PARTS: tuple[Part, ...] = get_args(Part)
"""In the order in which they are made."""

REMOVED: tuple[Part, ...] = ("ui", "serving", "storage", "ci")
"""In the order in which they are removed: `ci` holds the role with which CloudFormation may have made the others, and which it needs to
remove them."""

ROOT = Path(__file__).resolve().parents[2]

FILES: Mapping[Part, Path] = {
    "storage": ROOT / "serving" / "stack" / "storage.yaml",
    "serving": ROOT / "serving" / "stack" / "serving.yaml",
    "ui": ROOT / "ecs" / "ui.yaml",
    "ci": ROOT / "serving" / "stack" / "ci.yaml",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads `!Sub` and its like into the long form, `{"Fn::Sub": …}`."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if tag == "GetAtt" else text}


_Loader.add_multi_constructor("!", _intrinsic)


@dataclass(frozen=True)
class Template:
    """The template of one part."""

    part: Part
    body: str
    """Its text, as CloudFormation gets it."""

    @classmethod
    def of(cls, part: Part) -> "Template":
        """The template that comes with this version."""
        return cls(part, FILES[part].read_text("utf-8"))

    @property
    def digest(self) -> str:
        """Changes with the text."""
        return hashlib.sha256(self.body.encode()).hexdigest()[:12]

    @cached_property
    def data(self) -> dict[str, Any]:
        """The parsed text."""
        loaded: dict[str, Any] = yaml.load(
            self.body, _Loader
        )  # A SafeLoader: only CloudFormation's own tags are added.
        return loaded

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Declared parameters by name."""
        found: dict[str, dict[str, Any]] = self.data.get("Parameters", {})
        return found

    @property
    def secret_parameters(self) -> frozenset[str]:
        """Parameters whose values CloudFormation does not show."""
        return frozenset(name for name, about in self.parameters.items() if about.get("NoEcho"))

    def resources(self, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Logical id and type of each resource that these parameters' values make."""
        known = {name: str(about.get("Default", "")) for name, about in self.parameters.items()} | dict(values)
        conditions: dict[str, Any] = self.data.get("Conditions", {})
        for logical_id, resource in self.data["Resources"].items():
            condition = resource.get("Condition")
            if condition is None or _holds(conditions[condition], conditions, known):
                yield logical_id, resource["Type"]

    def holds(self, condition: str, values: Mapping[str, str] = MappingProxyType({})) -> bool:
        """Whether a condition holds with these parameters' values, and the defaults of the others."""
        known = {name: str(about.get("Default", "")) for name, about in self.parameters.items()} | dict(values)
        conditions: dict[str, Any] = self.data["Conditions"]
        return _holds(conditions[condition], conditions, known)


def _holds(condition: Any, conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether a condition holds, of the kinds that templates have here: comparisons of parameters, joined."""
    ((operator, operand),) = condition.items()
    match operator:
        case "Condition":
            return _holds(conditions[operand], conditions, values)
        case "Fn::Equals":
            first, second = (values.get(side["Ref"], "") if isinstance(side, dict) else str(side) for side in operand)
            return first == second
        case "Fn::Not":
            return not _holds(operand[0], conditions, values)
        case "Fn::And":
            return all(_holds(part, conditions, values) for part in operand)
        case "Fn::Or":
            return any(_holds(part, conditions, values) for part in operand)
        case _:
            raise ValueError(f"a condition with {operator} cannot be read without AWS")


def stack_name(name: str, part: Part) -> str:
    """Name of a part's CloudFormation stack."""
    return f"{name}-{part}"
