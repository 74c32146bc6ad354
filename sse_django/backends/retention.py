"""How much of a log is kept: OPTIONS `max_events` and `max_age`, the same for every backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from sse_django.backends.base import BaseBackend


@dataclass(frozen=True, slots=True)
class Retention:
    """What `trim` may drop.

    Attributes:
        max_events: the newest so many are kept; None is no limit.
        max_age: seconds that an event is kept; None is no limit.
    """

    max_events: int | None
    max_age: float | None

    @classmethod
    def of(cls, backend: BaseBackend) -> Retention:
        """The OPTIONS of a backend.

        Raises:
            ImproperlyConfigured: if one is no number above 0 and not None.
        """
        max_events = option(backend, "max_events", int, optional=True)
        return cls(None if max_events is None else int(max_events), option(backend, "max_age", optional=True))

    def over(self, count: int, age: float) -> bool:
        """Whether the oldest of `count` events, `age` seconds old, may go."""
        return (self.max_events is not None and count > self.max_events) or (
            self.max_age is not None and age > self.max_age
        )


def option(backend: BaseBackend, name: str, kind: type = float, *, optional: bool = False) -> float | None:
    """A number above 0 from OPTIONS; a whole one if `kind` is int.

    Raises:
        ImproperlyConfigured: if it is something else.
    """
    value: Any = backend.settings[name]
    if value is None and optional:
        return None
    kinds = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
        wanted = "a whole number of 1 or more" if kind is int else "a number above 0"
        raise ImproperlyConfigured(
            f"{type(backend).__name__} ({backend.alias!r}): OPTIONS[{name!r}] is {wanted}"
            f"{', or None' if optional else ''}, got {value!r}"
        )
    return value


def seconds(backend: BaseBackend, name: str) -> float:
    """A time from OPTIONS. Raises as `option`."""
    return float(option(backend, name) or 0)
