"""A trace by its id."""

import pytest

from app.services import Services
from app.traces.lookup import find_trace
from pipeline.errors import InputError


def test_last_is_the_trace_that_was_stored_last(services: Services) -> None:
    with pytest.raises(InputError, match="no trace 'LAST'"):
        find_trace(services.store, "LAST")
    services.asking.ask(services.asking.question("First?"))
    second = services.asking.ask(services.asking.question("Second?")).trace
    assert find_trace(services.store, "LAST") == second
