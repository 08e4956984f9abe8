"""Days of an annotator's own calendar as intervals of universal time, through every change of the clocks.

A day begins at the first moment whose local date is its date or later, and ends where the next one begins:
days divide time without gap or overlap, though in some years and places midnight does not exist, comes twice,
or a whole date is left out (Samoa, 30 December 2011). Times are UTC seconds.
"""

import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from damer.core.errors import DamerError

_DAY = datetime.timedelta(days=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name such as `Europe/Berlin`.

    Raises:
        DamerError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DamerError(f"time zone {name!r}: is not known; use a name such as Europe/Berlin") from error


def day_bounds(moment: float, name: str) -> tuple[float, float]:
    """Return (start, end) of the day that a moment lies in: start <= moment < end.

    Args:
        moment: UTC seconds.
        name: IANA name of the time zone.
    """
    date = datetime.datetime.fromtimestamp(moment, zone(name)).date()
    while day_start(date + _DAY, name) <= moment:  # the evening that is lived again after its midnight
        date += _DAY
    return day_start(date, name), day_start(date + _DAY, name)


@lru_cache(maxsize=65536)
def day_start(date: datetime.date, name: str) -> float:
    """Return the first moment whose local date is `date` or later, UTC seconds."""
    where = zone(name)
    midnight = datetime.datetime(date.year, date.month, date.day, tzinfo=where)
    start = int(midnight.timestamp())
    if _local_date(start - 1, where) < date:
        return float(start)
    # The clocks jumped over midnight; the jump lies in the hours before.
    before = start - 26 * 3600
    while start - before > 1:
        middle = (before + start) // 2
        if _local_date(middle, where) < date:
            before = middle
        else:
            start = middle
    return float(start)


def _local_date(moment: float, where: ZoneInfo) -> datetime.date:
    return datetime.datetime.fromtimestamp(moment, where).date()
