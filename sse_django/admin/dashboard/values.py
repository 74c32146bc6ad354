"""What sources return, as the JSON that browsers format: plain numbers, cells of a table, lines of a log.

Numbers and times go over as such, since each viewer has a language and a time zone. NaN and infinity are None; whole numbers
beyond 2**53 and Decimals are text, which `Intl.NumberFormat` writes digit by digit. Refuses what is no number at all.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone

#: Characters of a text that a cell or a line keeps.
LONGEST = 500
#: Whole numbers up to here are exact in JavaScript.
EXACT = 2**53
#: Seconds from 1970 to beyond any datetime. What is more is of another unit; a browser may have no such date.
LATEST = 2.6e11


def number(value: Any) -> int | float | str | None:
    """A number for JSON.

    Raises:
        TypeError: if it is none.
    """
    if value is None or isinstance(value, float):
        return value if value is None or math.isfinite(value) else None
    if isinstance(value, int):
        return int(value) if abs(value) <= EXACT else str(value)
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else None
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if hasattr(value, "__float__") and not isinstance(value, str):  # NumPy's, Fraction
        return number(float(value))
    raise TypeError(f"a number (int, float, Decimal, timedelta or None) is expected, got {type(value).__name__}")


def cell(value: Any) -> Any:
    """A value for a table: None, bool, numbers and text as they are, times as `{"time": ISO 8601}` or `{"date": …}`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float, Decimal, dt.timedelta)):
        return {"number": number(value)}
    if isinstance(value, dt.datetime):
        return {"time": seconds(value)}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    return text(value)


def text(value: Any) -> str:
    """One text, cut at LONGEST characters."""
    whole = str(value)
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 1] + "…"


def seconds(value: Any) -> float:
    """A moment as seconds since 1970: a datetime (naive ones are in the current time zone), or such a number already.

    Raises:
        TypeError: if it is neither.
        ValueError: if it is out of any datetime's range, as milliseconds are.
    """
    if isinstance(value, dt.datetime):
        if timezone.is_naive(value):
            value = timezone.make_aware(value)
        return float(value.timestamp())
    if isinstance(value, dt.date):
        return seconds(dt.datetime(value.year, value.month, value.day))  # noqa: DTZ001 made aware there
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not abs(value) <= LATEST:
            raise ValueError(f"seconds since 1970 are expected, got {value!r}")
        return float(value)
    raise TypeError(f"a datetime or seconds since 1970 are expected, got {type(value).__name__}")


def named(value: Any, single: str = "") -> dict[str, Any]:
    """A mapping of names to numbers; one number alone stands under `single`.

    Raises:
        TypeError: if a value is no number.
    """
    if isinstance(value, Mapping):
        return {text(name): number(one) for name, one in value.items()}
    return {single: number(value)}
