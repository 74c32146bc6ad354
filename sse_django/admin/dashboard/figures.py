"""Widgets of numbers: one, a line through many, a bar each, a part of a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet

from sse_django.admin.dashboard.sources import Call
from sse_django.admin.dashboard.tracks import Points, Track
from sse_django.admin.dashboard.values import named, number, seconds, text
from sse_django.admin.dashboard.widget import Measured, Widget

#: Seconds for which a small line is remembered when nobody looks: a page that is loaded again still has it.
MEMORY = 600.0


class Number(Measured):
    """One number, its small line, and how much it has changed along it. The source returns a number, or a queryset to count.

    Args:
        points: of the small line; 0 for none.
    """

    kind = "number"

    def __init__(self, source: Any, *, points: int = 60, **options: Any) -> None:
        self.points = points
        super().__init__(source, **options)
        self._require(points in range(1001), f"points={points!r}: 0 to 1000")

    def convert(self, value: Any) -> Any:
        return {"value": number(value.count() if isinstance(value, QuerySet) else value)}

    def track(self) -> Track:
        size = max(1, self.points)
        return Points(size, max(size * self.interval, MEMORY), _gap(self))

    def options(self) -> dict[str, Any]:
        return {**super().options(), "points": self.points}


class TimeSeries(Measured):
    """Lines over time. The source returns the number of now, or a dict of them by the names of the lines.

    Args:
        points: how many are shown; with `interval` they say how far back the chart goes.
        history: a function like the source that is asked once, when the first viewer comes, for what was before: pairs of a
            time and what the source would have returned then. Without it the chart begins with the first viewer.
    """

    kind = "timeseries"
    default_columns = 2
    default_interval = 2.0

    def __init__(
        self,
        source: Any,
        *,
        points: int = 300,
        history: Callable[[], Any] | None = None,
        **options: Any,
    ) -> None:
        self.points = points
        self.history = history
        super().__init__(source, **options)
        self._require(points in range(2, 10_001), f"points={points!r}: 2 to 10000")
        self._require(
            history is None or callable(history), f"history={history!r}: a function of pairs of time and value"
        )

    def convert(self, value: Any) -> Any:
        return named(value.count() if isinstance(value, QuerySet) else value)

    def convert_history(self, pairs: Iterable[tuple[dt.datetime | float, Any]]) -> list[tuple[float, dict[str, Any]]]:
        """Pairs of time and value, as a track takes them.

        Raises:
            TypeError, ValueError: if they are no such pairs.
        """
        return [(seconds(at), named(value)) for at, value in pairs]

    def history_call(self) -> Call | None:
        """How the history is asked for."""
        return None if self.history is None else Call(self.history, self.convert_history)

    def track(self) -> Track:
        return Points(self.points, self.points * self.interval, _gap(self))

    def options(self) -> dict[str, Any]:
        return {**super().options(), "points": self.points, "window": self.points * self.interval}


class Bar(Measured):
    """A bar for each of some names. The source returns a dict of numbers, pairs, or a queryset of two columns: name, number.

    `Order.objects.values("status").annotate(n=Count("id"))` is such a queryset; a field's choices are shown by their names.

    Args:
        limit: how many bars are shown; of the rest there is the count.
    """

    kind = "bar"

    def __init__(self, source: Any, *, limit: int = 12, **options: Any) -> None:
        self.limit = limit
        super().__init__(source, **options)
        self._require(limit in range(1, 101), f"limit={limit!r}: 1 to 100")

    def convert(self, value: Any) -> Any:
        rows = list(_pairs(value))
        return {
            "bars": [[None if name is None else text(name), number(n)] for name, n in rows[: self.limit]],
            "more": max(0, len(rows) - self.limit),
        }


class Progress(Widget):
    """How far something is. The source returns a fraction of 1, a pair (done, total), a dict of such by name, or None.

    None, or an empty dict, is that nothing is running; a total of None, that nobody knows how much is to come.
    """

    kind = "progress"

    def convert(self, value: Any) -> Any:
        if value is None:
            return []
        tasks = value if isinstance(value, Mapping) else {"": value}
        return [_task(text(name), part) for name, part in tasks.items() if part is not None]


def _task(name: str, part: Any) -> dict[str, Any]:
    if isinstance(part, (tuple, list)):
        if len(part) != 2:
            raise TypeError(f"a pair (done, total) is expected, got {len(part)} values")
        return {"name": name, "done": number(part[0]), "total": number(part[1])}
    return {"name": name, "done": number(part), "total": None, "fraction": True}


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    names: dict[Any, Any] = {}
    if isinstance(value, QuerySet):
        names = _choices(value)
    found = []
    for row in value:
        pair = tuple(row.values()) if isinstance(row, Mapping) else row
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                "a name and a number each are expected, as in .values('status').annotate(n=Count('id')), "
                f"got {type(row).__name__}"
            )
        found.append((names.get(pair[0], pair[0]), pair[1]))
    return found


def _choices(queryset: QuerySet[Any]) -> dict[Any, Any]:
    """The names of the choices of the queryset's first column."""
    columns = queryset.query.values_select
    if not columns:
        return {}
    try:
        field: Any = queryset.model._meta.get_field(columns[0])
    except FieldDoesNotExist:  # a lookup across relations
        return {}
    return dict(getattr(field, "flatchoices", ()))


def _gap(widget: Widget) -> float:
    """Seconds without a point after which the line is interrupted."""
    return 3 * widget.interval + 1.0
