"""What all widgets have: a source, how often it is asked, who may see it; and what is refused when a class is defined.

A widget belongs to a class and keeps nothing: what its source said is in the process's board.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Manager, Model, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from sse_django.admin.dashboard.sources import Call
from sse_django.admin.dashboard.tracks import Latest, Track
from sse_django.channels import check_channels
from sse_django.feeds import ModelFeed

#: Seconds below which an interval is a loop.
SHORTEST = 0.1
#: Seconds between two calls of a source that is told when to ask, unless it says otherwise.
RARELY = 30.0
#: Columns of the grid on a wide screen.
COLUMNS = 4

_PERMISSION = re.compile(r"[^\W.]\w*\.\w+")
#: A permission as Django writes them ("shop.view_order"), or a function of the request.
Permission = str | Callable[[HttpRequest], bool] | None


class Widget:
    """One rectangle of a dashboard. Subclasses say what a source may return (`convert`) and what is remembered (`track`).

    Args:
        source: a function without arguments, sync or async, a queryset, or a `ModelFeed`, which stands for its live rows.
        label: the heading; the attribute's name if left out.
        help: a sentence below the heading.
        interval: seconds between the beginnings of two calls, while somebody looks. With `on`, the longest time between them.
        on: a channel, or several; the source is asked at once when something is published there, too. A feed in its own channel
            needs no saying.
        timeout: seconds after which a call is said to take too long. The next one waits for its end all the same.
        permission: "app.codename", or a function of the request; those without it get neither the widget nor its data.
        columns: how many of the page's four columns it takes, where there is room.

    Raises:
        ImproperlyConfigured: if an argument can't be what it is.
    """

    kind: ClassVar[str]
    default_columns: ClassVar[int] = 1
    default_interval: ClassVar[float] = 5.0
    name = ""

    def __init__(
        self,
        source: Any,
        *,
        label: Any = None,
        help: Any = "",
        interval: float | None = None,
        on: str | Iterable[str] = (),
        timeout: float = 30.0,
        permission: Permission = None,
        columns: int | None = None,
    ) -> None:
        self.feed: type[ModelFeed] | None = None
        if isinstance(source, type) and issubclass(source, ModelFeed):
            self.feed, source = source, self._live_rows(source)
        self.source = source.all() if isinstance(source, Manager) else source
        self.on, self.backend = self._channels(on)
        if interval is None:
            interval = RARELY if self.on else self.default_interval
        self.given_label = label
        self.help = help
        self.interval = interval
        self.timeout = timeout
        self.permission = permission
        self.columns = self.default_columns if columns is None else columns
        self.check_source()
        self._require(
            _is_number(interval) and interval >= SHORTEST, f"interval={interval!r}: seconds, {SHORTEST} or more"
        )
        self._require(_is_number(timeout) and timeout > 0, f"timeout={timeout!r}: seconds above 0")
        self._require(self.columns in range(1, COLUMNS + 1), f"columns={columns!r}: 1 to {COLUMNS}")
        check_permission(permission, type(self).__name__)

    def _live_rows(self, feed: type[ModelFeed]) -> Callable[[], Any]:
        self._require(feed.model is not None, f"{feed.__name__} has no model: it is a base for feeds")
        return lambda: feed.instance().get_live_queryset()

    def _channels(self, on: str | Iterable[str]) -> tuple[tuple[str, ...], str]:
        """Where to listen, and on which backend."""
        names = [on] if isinstance(on, str) else list(on)
        if self.feed is not None and self.feed.channels_for is ModelFeed.channels_for:
            names += self.feed.instance().channels_for(None)
        try:
            channels = check_channels(names) if names else ()
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"{type(self).__name__}: on={on!r}: {error}") from None
        return channels, "default" if self.feed is None else self.feed.backend

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def label(self) -> str:
        """The heading."""
        return str(capfirst(self.name.replace("_", " ")) if self.given_label is None else self.given_label)

    # -- what kinds say

    def check_source(self) -> None:
        """Refuse what can't be a source of this kind."""
        if isinstance(self.source, QuerySet):  # whose repr() is a query
            return
        if isinstance(self.source, type) and issubclass(self.source, Model):
            self._require(False, f"the model {self.source.__name__} is no source: use {self.source.__name__}.objects")
        self._require(
            callable(self.source),
            f"a function without arguments, a queryset or a ModelFeed is expected as its source, got {self.source!r}",
        )

    def convert(self, value: Any) -> Any:
        """What the source returned, as data for JSON. Runs in a thread and may query.

        Raises:
            TypeError: if it can't be shown.
        """
        raise NotImplementedError

    def track(self) -> Track:
        """A new memory."""
        return Latest()

    def options(self) -> dict[str, Any]:
        """What the page's script has to know of it."""
        return {}

    def call(self) -> Call:
        """How its source is asked."""
        return Call(self.source, self.convert)

    def _require(self, condition: bool, problem: str) -> None:
        if not condition:
            raise ImproperlyConfigured(f"{type(self).__name__}: {problem}")


class Measured(Widget):
    """A widget of numbers, which may have a unit.

    Args:
        unit: text after a number, "ms".
        currency: an ISO 4217 code, "EUR"; written as the viewer's language does.
        percent: the numbers are fractions, 0.25 is 25 %.
        digits: decimal places; as many as it takes, up to three, if None.
    """

    def __init__(
        self,
        source: Any,
        *,
        unit: Any = "",
        currency: str = "",
        percent: bool = False,
        digits: int | None = None,
        **options: Any,
    ) -> None:
        self.unit = unit
        self.currency = currency
        self.percent = percent
        self.digits = digits
        super().__init__(source, **options)
        self._require(
            not currency or re.fullmatch("[A-Z]{3}", currency) is not None, f"currency={currency!r}: as in 'EUR'"
        )
        self._require(digits is None or digits in range(21), f"digits={digits!r}: 0 to 20")
        self._require(bool(unit) + bool(currency) + percent <= 1, "one of unit, currency and percent can be said")

    def options(self) -> dict[str, Any]:
        return {
            "unit": str(self.unit),
            "currency": self.currency,
            "percent": self.percent,
            "digits": self.digits,
        }


def check_permission(permission: Permission, where: str) -> None:
    """Refuse what is no permission.

    Raises:
        ImproperlyConfigured: with `where` in the message.
    """
    if permission is None or callable(permission):
        return
    if not isinstance(permission, str) or _PERMISSION.fullmatch(permission) is None:
        raise ImproperlyConfigured(
            f"{where}: permission is 'app.codename' (as in 'shop.view_order') or a function of the request, got {permission!r}"
        )


def is_permitted(permission: Permission, request: HttpRequest) -> bool:
    """Whether the request's user has it."""
    if permission is None:
        return True
    if isinstance(permission, str):
        return request.user.has_perm(permission)
    return bool(permission(request))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
