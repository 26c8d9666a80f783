"""What the first line of the status says."""

from dataclasses import replace

from app.services import Services
from app.status.words import backends_heading, headline
from pipeline.types import PartReadiness


def test_the_first_line_says_whether_all_is_well_or_which_parts_are_not(services: Services) -> None:
    status = services.status()
    assert headline(status) == "All is well: fake can answer, and traces are stored."
    away = replace(status, sending=PartReadiness("sending traces", False, "The collector is away."))
    assert "can answer" in headline(away)
    assert "Not well: sending traces" in headline(away)
    broken = replace(status, parts=(PartReadiness("index", False, "Build it."), PartReadiness("embed", False, "No.")))
    assert headline(broken) == "Not ready: index and embed. What to do stands below."


def test_the_backends_that_can_be_chosen_are_counted(services: Services) -> None:
    status = replace(services.status(), backends={"one": None, "two": "needs a package"})
    assert backends_heading(status) == "Backends: 1 of 2 can be chosen here"
