"""A nursery hears requests for as long as there is somebody to ask."""

import socket

import pytest

from backends.local.documents.extraction.requests import LENGTH, READ, Request


@pytest.mark.parametrize("sent", [b"", READ, READ + LENGTH.pack(9) + b"{"])
def test_whoever_asks_may_be_gone_in_the_middle_of_a_request(sent: bytes) -> None:
    asking, nursery = socket.socketpair()
    with nursery:
        asking.sendall(sent)
        asking.close()
        assert Request.receive(nursery) is None


def test_whoever_asks_may_be_gone_with_an_answer_unread() -> None:
    asking, nursery = socket.socketpair()
    with nursery:
        nursery.sendall(b"how a child ended")
        asking.close()  # Linux tells the other end of this by a reset, not by an end.
        assert Request.receive(nursery) is None
