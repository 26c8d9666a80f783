"""An end to waiting: for whoever asks a server that may fall silent. Refuses to know what is asked."""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")


def ending(
    waiting: Generator[Any, Any, Result], ends_s: float, give_up: Callable[[], NoReturn]
) -> Generator[Any, Any, Result]:
    """The same generator, until `ends_s` of the monotonic clock; then `give_up` is called, which raises.

    waiting: as psycopg's, resumed whenever something comes, and several times a second while nothing does.
    """
    try:
        asked = next(waiting)
        while True:
            ready = yield asked
            asked = waiting.send(ready) or asked
            if time.monotonic() > ends_s:
                try:
                    give_up()
                finally:
                    with suppress(Exception):  # whatever it says when it is left is no news
                        waiting.close()
    except StopIteration as done:
        result: Result = done.value
        return result
