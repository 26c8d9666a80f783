import time
from collections.abc import Iterator

import pytest
import urllib3

from serving.rehearsal.faults import FaultControls
from serving.rehearsal.loopback import Call, LoopbackServer, Reply, Service
from tests.rehearsal.served import served


class Echo(Service):
    """Answers with the path."""

    def answer(self, call: Call) -> Reply:
        return Reply.of(200, {"path": call.path})

    def failure(self, call: Call, status: int) -> Reply:
        return Reply.of(status, {"oops": status})

    def of_wrong_dimension(self, call: Call, reply: Reply) -> Reply:
        return Reply.of(200, {"path": call.path[:2]})


@pytest.fixture
def echo() -> Iterator[LoopbackServer]:
    with served(Echo()) as server:
        yield server


@pytest.fixture
def controls(echo: LoopbackServer) -> FaultControls:
    return FaultControls(echo.url)


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


def test_without_a_fault_the_service_answers(echo: LoopbackServer, http: urllib3.PoolManager) -> None:
    assert http.request("GET", f"{echo.url}/here/").json() == {"path": "/here"}


def test_a_status_is_answered_in_the_services_own_words(
    echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager
) -> None:
    controls.inject("status", status=429)
    reply = http.request("GET", f"{echo.url}/here")
    assert (reply.status, reply.json()) == (429, {"oops": 429})


def test_a_delay_answers_late(echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager) -> None:
    controls.inject("delay", seconds=0.2)
    began = time.monotonic()
    assert http.request("GET", f"{echo.url}/here").status == 200
    assert time.monotonic() - began >= 0.2


def test_a_close_hangs_up_without_an_answer(
    echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager
) -> None:
    controls.inject("close")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("GET", f"{echo.url}/here")


def test_garbage_is_no_json(echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager) -> None:
    controls.inject("garbage")
    reply = http.request("GET", f"{echo.url}/here")
    assert reply.status == 200
    with pytest.raises(ValueError, match="decode"):
        reply.json()


def test_a_wrong_dimension_is_the_services_to_make(
    echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager
) -> None:
    controls.inject("wrong_dimension")
    assert http.request("GET", f"{echo.url}/here").json() == {"path": "/h"}


def test_a_fault_spoils_only_what_it_names_and_only_so_often(
    echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager
) -> None:
    controls.inject("status", where="/a.*", status=500, times=2)
    statuses = [http.request("GET", echo.url + path).status for path in ("/b", "/a", "/a1", "/a")]
    assert statuses == [200, 500, 500, 200]


def test_calls_are_counted_by_path_until_cleared(
    echo: LoopbackServer, controls: FaultControls, http: urllib3.PoolManager
) -> None:
    for path in ("/a", "/a", "/b"):
        http.request("GET", echo.url + path)
    assert (controls.calls("/a"), controls.calls("/b"), controls.calls()) == (2, 1, 3)
    controls.inject("status")
    controls.clear()
    assert controls.calls() == 0
    assert http.request("GET", f"{echo.url}/a").status == 200


def test_a_call_after_a_pause_is_answered_by_a_service_to_which_a_pause_matters(http: urllib3.PoolManager) -> None:
    class Sleepy(Echo):
        def answer_cold(self, call: Call) -> Reply:
            return Reply.of(200, "yawn")

    for service, answered in ((Echo(), {"path": "/here"}), (Sleepy(), "yawn")):
        with served(service) as server:
            FaultControls(server.url).inject("cold", times=1)
            assert [http.request("GET", f"{server.url}/here").json() for _ in range(2)] == [answered, {"path": "/here"}]


@pytest.mark.parametrize(
    ("kind", "where", "complaint"), [("melt", ".*", "no fault 'melt'"), ("close", "(", "no regular expression")]
)
def test_a_fault_that_does_not_exist_is_refused(controls: FaultControls, kind: str, where: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        controls.inject(kind, where=where)  # type: ignore[arg-type]
