"""Roles, and people who have one."""

from dataclasses import dataclass
from enum import IntEnum

from pipeline.errors import InputError


class Role(IntEnum):
    """What somebody may do; each may all that those before it may."""

    NOBODY = 0
    """Nothing: not let in."""
    VIEWER = 1
    """Look at everything, and ask."""
    EDITOR = 2
    """Also give feedback, start runs and studies, add documents, and keep datasets, views, prompts and silences."""
    ADMIN = 3
    """Also delete traces, rebuild the index, change alert rules, and stop or remove what others began."""


NAMED_IN = {
    Role.VIEWER: "RAGLASS_ALLOW_PEOPLE",
    Role.EDITOR: "RAGLASS_EDITORS",
    Role.ADMIN: "RAGLASS_ADMINS",
}
"""The setting that names people of a role."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts."""

    name: str
    """The address they signed in with, or what stands for who did not."""
    role: Role
    """What they may do."""


MACHINE = Person("this machine", Role.ADMIN)
"""Whoever uses the machine itself: its shell, its background work, and its pages where they have no login."""


class NotPermitted(InputError):
    """Something that takes another role, or another person."""
