"""Log groups in IAM policies as AWS takes them: by an ARN that ends in `:*`, which is what CloudFormation gives for a log group."""

from collections.abc import Callable
from typing import Any

from serving.rehearsal.patches.points import Point

MATCHES = Point("ministack.core.iam_evaluator", "_resource_matches")
POINTS = (MATCHES,)

LOG_GROUP_PARTS = 7
"""arn:aws:logs:region:account:log-group:name; a stream would be an eighth."""


def apply() -> None:
    """Ask policies about a log group by its full ARN."""
    MATCHES.replace(_by_full_arn)


def _by_full_arn(matches: Callable[..., bool]) -> Callable[..., bool]:
    def matches_full(resource_arn: str, *arguments: Any, **options: Any) -> bool:
        return matches(full_arn(resource_arn), *arguments, **options)

    return matches_full


def full_arn(resource_arn: str) -> str:
    """The ARN under which AWS looks a resource up in policies."""
    is_log_group = ":log-group:" in resource_arn and len(resource_arn.split(":")) == LOG_GROUP_PARTS
    return f"{resource_arn}:*" if is_log_group else resource_arn
