"""Times of day for whoever looks: UTC, and beside it their own, as short as they can be told apart."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.kit.numbers import MINUS

DAY_S = 86_400


def find_zone(name: str | None, offset_min: int | None = None) -> tzinfo | None:
    """The zone that a browser says it is in, by its name or else its minutes behind UTC; None where it says nothing."""
    try:
        if name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    return None if offset_min is None or abs(offset_min) >= DAY_S // 60 else timezone(timedelta(minutes=-offset_min))


@dataclass(frozen=True, slots=True)
class Clock:
    """How times are told."""

    zone: tzinfo | None = None
    """Where whoever looks is; None where that is not known."""

    def time(self, epoch_s: float, *, days: bool = False) -> str:
        """A time of day: "14:05 UTC (16:05 UTC+2)", the second left out where both are the same. days: with the day."""
        form = "%d %b %H:%M" if days else "%H:%M"
        utc, here = datetime.fromtimestamp(epoch_s, UTC), self.here(epoch_s, days=days)
        return f"{utc.strftime(form)} UTC{f' ({here} {self.offset(epoch_s)})' if here else ''}"

    def here(self, epoch_s: float, *, days: bool = False) -> str:
        """The same time where whoever looks is, with the day where it is another one; empty where it is that of UTC, or not known."""
        if self.zone is None:
            return ""
        utc, here = datetime.fromtimestamp(epoch_s, UTC), datetime.fromtimestamp(epoch_s, self.zone)
        if here.utcoffset() == timedelta(0):
            return ""
        return here.strftime("%d %b %H:%M" if days or here.date() != utc.date() else "%H:%M")

    def offset(self, epoch_s: float) -> str:
        """How far the clocks of whoever looks are from UTC then: "UTC+2", "UTC−3:30"; "UTC" where that is not known."""
        ahead = datetime.fromtimestamp(epoch_s, self.zone or UTC).utcoffset() or timedelta(0)
        hours, minutes = divmod(int(abs(ahead).total_seconds()) // 60, 60)
        sign = MINUS if ahead < timedelta(0) else "+"
        return f"UTC{sign}{hours}{f':{minutes:02}' if minutes else ''}" if ahead else "UTC"
