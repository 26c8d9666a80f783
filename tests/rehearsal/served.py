"""A stand-in served from this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from serving.rehearsal.loopback import LoopbackServer, Service


@contextmanager
def served(service: Service) -> Iterator[LoopbackServer]:
    """Serve on a free port for as long as the block runs."""
    server = LoopbackServer(service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
