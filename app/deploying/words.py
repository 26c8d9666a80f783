"""The text that `raglass deploy` prints."""

from collections import Counter
from collections.abc import Iterable, Iterator

from app.kit.numbers import count, usd
from app.kit.plain import printable
from metrics.prices import Estimate
from serving.deploy.changes import ChangeSet
from serving.deploy.checks import Check
from serving.deploy.deployment import Outcome
from serving.deploy.planning import Plan
from serving.deploy.standing import Standing

MARKS = {"ok": "ok     ", "missing": "MISSING", "unknown": "unknown"}
ACTIONS = {"Add": "+", "Remove": "-", "Modify": "~", "Import": "+", "Dynamic": "?"}


def plan_text(plan: Plan) -> str:
    """A plan: what would be made or changed, what a month costs, what is missing."""
    lines = [f"Plan for the stack {plan.stack}", ""]
    for stack, resources in plan.creates.items():
        lines += [
            f"{stack}: would be made, with {count(len(resources), 'resource')}",
            *_counted(kind for _, kind in resources),
        ]
    for change in plan.changes:
        lines += [f"{change.stack}: {count(len(change.resources), 'resource')} would change", *_diff(change)]
    if not plan.creates and not plan.changes:
        lines.append("Nothing would change.")
    lines += ["", *_cost(plan.cost), "", checks_text(plan.checks), ""]
    lines.append(
        f"{count(len(plan.missing), 'thing')} missing: {', '.join(check.name for check in plan.missing)}. "
        "Put that right, then `raglass deploy up`."
        if plan.missing
        else "Nothing is missing. `raglass deploy up` does it."
    )
    return "\n".join(lines)


def _counted(kinds: Iterable[str]) -> Iterator[str]:
    for kind, number in sorted(Counter(kinds).items()):
        yield f"  + {number} × {kind.removeprefix('AWS::')}"


def _diff(change: ChangeSet) -> Iterator[str]:
    for parameter in change.parameters:
        before = "not set" if parameter.before is None else repr(parameter.before)
        yield f"  parameter {parameter.name}: {printable(before)} → {printable(repr(parameter.after))}"
    for resource in change.resources:
        replaced = {"True": ", replaced", "Conditional": ", perhaps replaced"}.get(resource.replacement, "")
        what = f": {', '.join(resource.properties)}" if resource.properties else ""
        yield f"  {ACTIONS.get(resource.action, '?')} {resource.logical_id} ({resource.kind}{replaced}){what}"


def _cost(cost: Estimate) -> Iterator[str]:
    width = max(len(line.what) for line in cost.lines)
    yield f"A month costs about {usd(cost.total_usd)} (list prices of {cost.region}, {cost.as_of})"
    for line in cost.lines:
        price = "no price known" if line.usd is None else usd(line.usd)
        yield f"  {line.what:<{width}}  {price:>14}  {line.basis}"
    yield f"  Prices: {cost.source}."


def checks_text(checks: Iterable[Check]) -> str:
    """What was looked at, a line each."""
    return "\n".join(f"{MARKS[check.verdict]}  {check.name}: {printable(check.message)}" for check in checks)


def outcome_text(done: Outcome) -> str:
    """What `up` or `rollback` did, and where the stack is now."""
    lines = [
        f"Changed: {', '.join(done.changed) or 'nothing'}. Uploaded: {len(done.uploaded)} artifacts.",
        f"Answer to the smoke question: {printable(done.answer) or 'none asked'}",
        f"Release {done.release_id} stands ({done.seconds:.0f} s).",
        f"API:       {done.outputs.get('ApiUrl', '')}",
    ]
    if "Url" in done.outputs:
        lines.append(f"Dashboard: {done.outputs['Url']}")
    return "\n".join(lines)


def standing_text(found: Standing) -> str:
    """What stands."""
    if not found.parts:
        return f"There is nothing of {found.stack}. `raglass deploy up` makes it."
    lines = []
    for state in found.parts:
        lines.append(f"{state.name}: {state.status}, since {state.changed_at or 'an unknown time'}")
        lines += [f"  {name}: {value}" for name, value in sorted(state.outputs.items())]
    lines += [f"{name}: {printable(state)}" for name, state in found.endpoints.items()]
    for release in found.releases:
        lines.append(
            f"release {release.release_id}, version {release.version}{', withdrawn' if release.withdrawn else ''}"
        )
    if found.drifted:
        lines.append(
            "Changed by hand, so that CloudFormation no longer knows it (undo that by hand, or make it part of the configuration):"
        )
        lines += [f"  {each}" for each in found.drifted]
    return "\n".join(lines)
