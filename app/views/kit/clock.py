"""The clock of whoever looks, by the time zone of their browser; and ticks of a time axis in it."""

import streamlit as st

from app.kit.clock import DAY_S, Clock, find_zone

STEPS_S = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, DAY_S, 2 * DAY_S, 7 * DAY_S)
"""Between two ticks."""

MOST_TICKS = 7


def their_clock() -> Clock:
    """How times are told to whoever looks."""
    return Clock(find_zone(st.context.timezone, st.context.timezone_offset))


def time_ticks(start_s: int, end_s: int, clock: Clock, most: int = MOST_TICKS) -> tuple[list[int], list[str]]:
    """Places of ticks, in ms since the epoch, and their words: UTC, and below it the time of whoever looks where that is another.

    The first of them says which is which. most: how many steps there may be.
    """
    step_s = next((step for step in STEPS_S if (end_s - start_s) / step <= most), STEPS_S[-1])
    places = range(-(-start_s // step_s) * step_s, end_s + 1, step_s)
    days, day_long = end_s - start_s > DAY_S, step_s >= DAY_S
    words: list[str] = []
    for at in places:
        utc = Clock().time(at, days=days).removesuffix(" UTC")
        here = clock.here(at, days=days)
        if here and not words:
            utc, here = f"{utc} UTC", f"{here} {clock.offset(at)}"
        words.append(utc.removesuffix(" 00:00") if day_long and not here else f"{utc}<br>{here}" if here else utc)
    return [1000 * at for at in places], words
