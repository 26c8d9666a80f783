"""What is received and which keys there are, as it is shown."""

from dataclasses import replace

from app.config import Settings
from app.ingesting.receiving import Received
from app.ingesting.words import keys_text, receiving_part
from metrics.keys import Key


def test_status_says_where_to_send_what_came_and_from_whom() -> None:
    received = Received(spans=1_200, rejected=3, refused=2, last_sender="shop at 192.0.2.7", last_at=0.0)
    quiet = receiving_part(Settings(), Received(), 0, keys_needed=False)
    assert (quiet.name, quiet.ready) == ("receiving", True)
    assert (
        quiet.detail == "OTLP at http://127.0.0.1:8501/v1/traces, no key needed; nothing came since this process began"
    )
    busy = receiving_part(
        replace(Settings(), host="::"), replace(received, last_at=86_400.0), 4, keys_needed=True
    ).detail
    assert "http://[::]:8501/v1/traces, with a key" in busy
    assert "spans stored 1,200, rejected 3; requests refused 2, waiting 4" in busy
    assert busy.endswith("last from shop at 192.0.2.7, 1970-01-02 00:00:00 UTC")


def test_keys_are_listed_without_what_would_act_on_a_terminal() -> None:
    keys = [
        Key("11111111", "shop\x1b[2J", "ingest", 0.0, last_used_at=60.0),
        Key("22222222", "reader", "read", 0.0, revoked_at=120.0),
    ]
    lines = keys_text(keys).splitlines()
    assert lines[0].split() == ["id", "scope", "made", "last", "used", "name"]
    assert "\x1b" not in lines[1]
    assert lines[1].endswith("1970-01-01 00:01:00 UTC  shop [2J")
    assert lines[2].endswith("never                    reader (revoked 1970-01-01 00:02:00 UTC)")
    assert "raglass keys create" in keys_text([])
