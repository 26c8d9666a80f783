"""What `up` would do, without doing it."""

from collections.abc import Mapping
from dataclasses import dataclass

from metrics.prices import Estimate
from serving.deploy.artifacts import artifacts
from serving.deploy.changes import ChangeSet
from serving.deploy.checks import Check, examine
from serving.deploy.parameters import part_values
from serving.deploy.prices import estimate
from serving.deploy.site import Site
from serving.deploy.templates import Template, stack_name


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` would do."""

    stack: str
    checks: tuple[Check, ...]
    creates: Mapping[str, tuple[tuple[str, str], ...]]
    """Logical ids and types of what stacks that are not there yet would hold, by stack."""
    changes: tuple[ChangeSet, ...]
    """Of stacks that are there, as CloudFormation works it out."""
    cost: Estimate

    @property
    def missing(self) -> tuple[Check, ...]:
        """What has to be put right first."""
        return tuple(check for check in self.checks if check.verdict == "missing")


def plan(site: Site, *, ci: bool = False) -> Plan:
    """Work out what `up` would do, and change nothing. Works without an account too; then it says what is missing.

    Raises BackendError for what CloudFormation refuses.
    """
    checks = tuple(examine(site.config, site.account, site.image))
    verdicts = {check.name: check.verdict for check in checks}
    asked = verdicts["region"] == verdicts["credentials"] == "ok"
    packed = verdicts["models"] == "ok"
    creates: dict[str, tuple[tuple[str, str], ...]] = {}
    changes: list[ChangeSet] = []
    for part in site.parts(ci=ci):
        if asked and site.stack(part).state() is not None:
            if part != "serving" or packed:
                change = _worked_out(site, Template.of(part), packed)
                changes += [] if change is None else [change]
        else:
            known = {
                name: value
                for name, value in part_values(part, site.config, image=site.image).items()
                if value is not None
            }
            creates[stack_name(site.config.stack, part)] = tuple(Template.of(part).resources(known))
    return Plan(site.config.stack, checks, creates, tuple(changes), estimate(site.config))


def _worked_out(site: Site, template: Template, packed: bool) -> ChangeSet | None:
    keys = {artifact.parameter: artifact.key for artifact in artifacts(site.config)} if packed else {}
    change = site.propose(template, site.values(template.part, keys))
    if change is not None:
        site.stack(template.part).discard(change)
    return change
