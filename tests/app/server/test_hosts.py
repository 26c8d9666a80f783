"""By which names a dashboard may be called, and whose pages may call it."""

import socket

import pytest

from app.server.hosts import Hosts
from pipeline.errors import ConfigError

HERE, EVERYWHERE = "127.0.0.1", "0.0.0.0"


def status(hosts: Hosts, host: str | None, origin: str | None = None, path: str = "/") -> int:
    """What a request is answered with; 200 for one that comes in."""
    named = {b"host": host, b"origin": origin}
    refusal = hosts.refuse(path, [(name, value.encode()) for name, value in named.items() if value is not None])
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    "host",
    ["localhost:8501", "LOCALHOST", "localhost.:8501", "shop.localhost", "127.0.0.1:8501", "127.1.2.3", "[::1]:8501"],
)
def test_this_machine_may_be_called_by_its_own_names(host: str) -> None:
    assert status(Hosts(HERE, ""), host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8501",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example#localhost",
        "localhost:8501:1",
        "localhost/",
        "192.0.2.7:8501",
        "",
        None,
    ],
)
def test_every_other_name_is_misdirected(host: str | None) -> None:
    assert status(Hosts(HERE, ""), host) == 421


def test_two_hosts_are_none() -> None:
    refusal = Hosts(HERE, "").refuse("/", [(b"host", b"localhost"), (b"host", b"evil.example")])
    assert refusal is not None
    assert refusal.status == 421


@pytest.mark.parametrize("host", ["192.0.2.7:8501", "10.0.0.4", "[2001:db8::1]:8501", socket.gethostname()])
def test_beyond_this_machine_addresses_in_figures_and_its_own_name_do(host: str) -> None:
    assert status(Hosts(EVERYWHERE, ""), host) == 200
    assert status(Hosts(EVERYWHERE, ""), "evil.example") == 421


def test_name_that_it_listens_on_is_its_own() -> None:
    assert status(Hosts("raglass.internal", ""), "raglass.internal:8501") == 200


@pytest.mark.parametrize(
    ("entry", "host", "expected"),
    [
        ("raglass.example.com", "raglass.example.com", 200),
        ("raglass.example.com", "RAGLASS.example.com:8501", 200),
        ("other.example.com, raglass.example.com", "raglass.example.com", 200),
        ("*.example.com", "a.b.example.com", 200),
        ("*.example.com", "example.com", 421),
        ("*.example.com", "evilexample.com", 421),
        ("raglass.example.com:443", "raglass.example.com:443", 200),
        ("raglass.example.com:443", "raglass.example.com:8501", 421),
        ("*", "evil.example", 200),
    ],
)
def test_setting_adds_names(entry: str, host: str, expected: int) -> None:
    assert status(Hosts(HERE, entry), host) == expected


@pytest.mark.parametrize("entry", ["https://raglass.example.com", "raglass.example.com/", "a b", "*.", "[::1"])
def test_entry_that_is_no_host_is_refused_with_what_to_write(entry: str) -> None:
    with pytest.raises(ConfigError, match="RAGLASS_ALLOWED_HOSTS"):
        Hosts(HERE, entry)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "http://localhost",
        "https://evil.example",
        "http://127.0.0.1:8501",
        "null",
        "file://",
        "ftp://localhost:8501",
        "http://[",
        "",
    ],
)
def test_page_of_another_origin_is_refused_even_on_this_machine(origin: str) -> None:
    for path in ("/", "/_stcore/stream", "/v1/traces", "/export/traces.csv"):
        assert status(Hosts(HERE, ""), "localhost:8501", origin, path) == 403


def test_own_page_may_call_with_and_without_the_usual_port() -> None:
    assert status(Hosts(HERE, ""), "localhost:8501", "http://localhost:8501") == 200
    assert status(Hosts(HERE, "raglass.example.com"), "raglass.example.com", "https://raglass.example.com") == 200
    assert status(Hosts(HERE, "raglass.example.com"), "raglass.example.com:443", "https://raglass.example.com") == 200


def test_page_behind_a_proxy_that_rewrites_the_host_is_known_by_the_setting_and_its_port_is_the_usual_one() -> None:
    hosts = Hosts(HERE, "raglass.example.com")
    assert status(hosts, "localhost:8501", "https://raglass.example.com") == 200
    assert status(hosts, "localhost:8501", "https://raglass.example.com:8443") == 403
    assert status(Hosts(HERE, "raglass.example.com:8443"), "localhost:8501", "https://raglass.example.com:8443") == 200


def test_every_name_is_not_every_page() -> None:
    assert status(Hosts(HERE, "*"), "localhost:8501", "https://evil.example") == 403


def test_program_that_sends_traces_may_call_by_any_name_but_a_rebound_page_may_not_send() -> None:
    hosts = Hosts(HERE, "")
    assert status(hosts, "host.docker.internal:8501", path="/v1/traces") == 200
    assert status(hosts, "evil.example:8501", "http://evil.example:8501", "/v1/traces") == 421
    assert status(hosts, "host.docker.internal:8501", path="/export/traces.csv") == 421
