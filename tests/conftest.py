"""What tests of several folders share: one rehearsal of the AWS stack, started when the first test asks for it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from serving.rehearsal import running

if TYPE_CHECKING:
    from serving.rehearsal.session import Rehearsal


# An example that takes long says that the machine is busy, not that the code is wrong.
settings.register_profile("raglass", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raglass")


@pytest.fixture(scope="session")
def deployed() -> Iterator["Rehearsal"]:
    """The deployed stack with the built-in corpus in its index."""
    with running() as rehearsal:
        yield rehearsal


@pytest.fixture
def rehearsal(deployed: "Rehearsal") -> Iterator["Rehearsal"]:
    """The deployed stack, without faults and with counts of calls at 0 before and after the test."""
    for controls in (deployed.sagemaker, deployed.pinecone):
        controls.clear()
    yield deployed
    for controls in (deployed.sagemaker, deployed.pinecone):
        controls.clear()
