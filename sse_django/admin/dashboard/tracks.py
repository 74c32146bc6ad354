"""What a process remembers of a widget: the last value, or the last points or lines, and nothing older than is shown.

A track takes values as `Widget.convert` made them and says what changed for those who look already (`accept`) and all there is
for those who come (`state`). Both are data for JSON. Not thread-safe: its board's lock guards it.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol


class Track(Protocol):
    """The memory of one widget."""

    def accept(self, value: Any, at: float) -> Any:
        """Take a value of this time (seconds since 1970); what is to be told, or None if nothing has changed."""

    def state(self, now: float) -> Any:
        """All that a newcomer needs; None if there is nothing yet."""


class Latest:
    """The last value alone."""

    def __init__(self) -> None:
        self._value: Any = None
        self._any = False

    def accept(self, value: Any, at: float) -> Any:
        if self._any and value == self._value:
            return None
        self._value, self._any = value, True
        return {"value": value}

    def state(self, now: float) -> Any:
        return {"value": self._value} if self._any else None


class Points:
    """The newest points of one or several series, none older than `window` seconds; a gap where nobody looked for `gap`."""

    def __init__(self, size: int, window: float, gap: float) -> None:
        self._points: deque[tuple[float, dict[str, Any] | None]] = deque(maxlen=size)
        self._window = window
        self._gap = gap

    def backfill(self, points: list[tuple[float, dict[str, Any]]], before: float) -> None:
        """Take older points, from where what is known begins."""
        first = self._points[0][0] if self._points else before
        known = list(self._points)
        self._points.clear()
        self._points.extend(sorted((point for point in points if point[0] < first), key=lambda point: point[0]))
        self._points.extend(known)

    def accept(self, value: dict[str, Any], at: float) -> Any:
        self._forget(at)
        gap = bool(self._points) and at - self._points[-1][0] > self._gap
        if gap:
            self._points.append((self._points[-1][0] + self._gap / 2, None))
        self._points.append((at, value))
        return {"point": [at, value], "gap": gap}

    def state(self, now: float) -> Any:
        self._forget(now)
        names = list(dict.fromkeys(name for _, values in self._points for name in values or ()))
        return {
            "times": [at for at, _ in self._points],
            "series": [[name, [(values or {}).get(name) for _, values in self._points]] for name in names],
        }

    def _forget(self, now: float) -> None:
        while self._points and self._points[0][0] < now - self._window:
            self._points.popleft()


class Lines:
    """The newest lines of a log."""

    def __init__(self, size: int) -> None:
        self._lines: deque[Any] = deque(maxlen=size)

    def accept(self, value: list[Any], at: float) -> Any:
        self._lines.extend(value)
        return {"lines": value} if value else None

    def state(self, now: float) -> Any:
        return {"lines": list(self._lines)}
