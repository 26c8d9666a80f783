"""A PostgreSQL server that falls silent under an open store: `put` says so in its time, and works again with the server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url

from metrics.postgres_patience import CONNECT_TIMEOUT_S, SHORTEST_CONNECT_S, connect_timeout_s, hurrying
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import make_trace
from tests.metrics.postgres_cluster import PostgresCluster
from tests.withstand.gate import Fault, gated


@contextmanager
def store_behind_a_gate(postgres: PostgresCluster, fault: Fault) -> Iterator[TraceStore]:
    with postgres.database() as url, gated(postgres.port, late_s=30.0, raw=True) as gate:
        through = make_url(url).set(port=gate.port).render_as_string(hide_password=False)
        with TraceStore.open(through, busy_timeout_s=0.3) as store:
            with gate.breaking(fault):
                yield store
            store.put(make_trace())
            assert store.count() == 1


@pytest.mark.parametrize("fault", ["hang", "late"])
def test_put_does_not_wait_for_a_server_that_is_silent(postgres: PostgresCluster, fault: Fault) -> None:
    complaints: list[str] = []

    def put(store: TraceStore) -> None:
        try:
            store.put(make_trace())
        except StoreError as error:
            complaints.append(str(error))

    with store_behind_a_gate(postgres, fault) as store:
        putting = threading.Thread(target=put, args=(store,), daemon=True)
        putting.start()
        putting.join(20)  # a wait without end would be one here
        assert not putting.is_alive()
    assert len(complaints) == 1
    assert "cannot be reached, or the connection broke" in complaints[0]


def test_who_is_in_a_hurry_connects_in_the_time_that_is_left() -> None:
    assert connect_timeout_s() == CONNECT_TIMEOUT_S
    with hurrying(3.0):
        assert connect_timeout_s() == 3
    with hurrying(0.5):
        assert connect_timeout_s() == SHORTEST_CONNECT_S
    assert connect_timeout_s() == CONNECT_TIMEOUT_S
