"""Who may come in: from this machine, with a key, or by a link of a page."""

from dataclasses import replace

import pytest

from app.config import Settings
from app.ingesting.guarding import PASS_S, Forbidden, Guard, KeyNeeded, sent_secret
from app.kit.loopback import is_loopback
from metrics.keys import Key

INGEST, READ = Key("11111111", "sender", "ingest", 0.0), Key("22222222", "reader", "read", 0.0)
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


class Ring:
    """Keys by their secrets."""

    def find(self, secret: str) -> Key | None:
        return {"in": INGEST, "out": READ}.get(secret)


def guard(**changes: object) -> Guard:
    return Guard(replace(Settings(), **changes), Ring)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reached", "needed"),
    [
        ({}, HERE, False),
        ({}, "::1", False),
        ({}, None, False),
        ({"host": "localhost"}, HERE, False),
        ({"host": "0.0.0.0"}, HERE, True),
        ({"host": "::"}, None, True),
        ({"host": "192.0.2.7"}, ELSEWHERE, True),
        ({"require_keys": True}, HERE, True),
        ({}, ELSEWHERE, True),  # a server that was started with another address than the settings tell
    ],
)
def test_key_is_needed_beyond_this_machine(changes: dict[str, object], reached: str | None, needed: bool) -> None:
    assert guard(**changes).needs_key(reached) is needed


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("LocalHost", True),
        ("shop.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:192.0.2.7", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer in"},
        {"authorization": "bearer  in "},
        {"x-api-key": "in"},
        {"api_key": "in"},
        {"api-key": "in"},
        {"authorization": "Basic xyz", "x-api-key": "in"},
    ],
)
def test_key_is_taken_from_the_headers_that_exporters_send(headers: dict[str, str]) -> None:
    assert sent_secret(headers) == "in"
    assert guard(require_keys=True).check("ingest", headers, HERE) == INGEST.key_id


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}]
)
def test_without_a_good_key_one_is_asked_for(headers: dict[str, str]) -> None:
    with pytest.raises(KeyNeeded, match="raglass keys create NAME --scope ingest") as raised:
        guard(require_keys=True).check("ingest", headers, HERE)
    assert "wrong" not in str(raised.value)


def test_key_of_the_other_scope_is_forbidden() -> None:
    with pytest.raises(Forbidden, match="'reader' is for read"):
        guard(require_keys=True).check("ingest", {"x-api-key": "out"}, HERE)
    with pytest.raises(Forbidden, match="'sender' is for ingest"):
        guard(require_keys=True).check("read", {"x-api-key": "in"}, HERE)


def test_where_no_key_is_needed_none_is_looked_at() -> None:
    assert guard().check("ingest", {"authorization": "Bearer of another product"}, HERE) == ""


def signed(keeper: Guard, now_s: float) -> tuple[str, str]:
    path, _, query = keeper.sign("/export/traces.csv", "search=a+b&sort=newest", now_s).partition("?")
    return path, query


def test_link_of_a_page_is_good_for_an_hour_at_least() -> None:
    keeper = guard()
    path, query = signed(keeper, 10_000)
    assert query.startswith("search=a+b&sort=newest&pass=")
    assert keeper.has_pass(path, query, 10_000)
    assert keeper.has_pass(path, query, 10_000 + PASS_S)
    assert not keeper.has_pass(path, query, 10_000 + 2 * PASS_S)


def test_link_stays_the_same_while_a_page_is_drawn_again() -> None:
    keeper = guard()
    assert signed(keeper, 7_200) == signed(keeper, 7_200 + PASS_S - 1)


def test_link_opens_what_it_was_made_for_and_nothing_else() -> None:
    keeper = guard()
    path, query = signed(keeper, 10_000)
    until = query.rpartition("=")[2].partition(".")[0]
    later = query.replace(until, str(int(until) + 1))
    wrong = [
        query.replace("a+b", ""),
        f"{query}0",
        later,
        "pass=1.2",
        "&pass=.",
        "&pass=x.y",
        "&pass=²." + "0" * 64,
        "",
        f"{query}&more=1",
    ]
    assert not any(keeper.has_pass(path, each, 10_000) for each in wrong)
    assert not keeper.has_pass("/export/traces.jsonl", query, 10_000)
    assert not guard().has_pass(path, query, 10_000), "another process has another secret"
