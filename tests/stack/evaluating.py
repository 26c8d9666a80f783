"""IAM's decision over statements of policies, as far as the templates use its language: wildcards, denials, conditions."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.stack.reading import Statement, as_list, text

Context = Mapping[str, str]
"""Values of condition keys in a request; a key that is not there was not sent, or is not known of the resource."""


def decides(statements: Iterable[Statement], action: str, resource: str, context: Context) -> bool:
    """Whether a request is allowed: a statement that fits allows it, and none that fits denies it."""
    fitting = [each for each in statements if each.covers(action, resource) and _holds(each, context)]
    return any(each.allows for each in fitting) and all(each.allows for each in fitting)


def _holds(statement: Statement, context: Context) -> bool:
    """All operators and all their keys have to hold; of a key's values one is enough."""
    return all(
        _compares(operator, context.get(key), [_said(value, statement) for value in as_list(wanted)])
        for operator, keys in statement.condition.items()
        for key, wanted in keys.items()
    )


def _said(value: Any, statement: Statement) -> str:
    return text(value, statement.part)


def _compares(operator: str, found: str | None, wanted: list[str]) -> bool:
    """Raises AssertionError for an operator that no template uses, so that none is taken for one that holds."""
    match operator:
        case "StringEquals" | "Bool":
            return found in wanted
        case "StringLike":
            return found is not None and any(fnmatchcase(found, pattern) for pattern in wanted)
        case "Null":
            return (found is None) == (wanted == ["true"])
    raise AssertionError(f"{operator} is not read here")
