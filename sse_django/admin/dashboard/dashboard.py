"""`Dashboard`: a class of widgets with a title and a permission, which becomes a page of an admin site.

What is wrong with a class is said where it is defined. An instance belongs to one site and holds the process's board.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.text import slugify

from sse_django.admin.dashboard.board import Board
from sse_django.admin.dashboard.widget import Permission, Widget, check_permission, is_permitted
from sse_django.hubs import may_start

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

_boards_lock = threading.Lock()


class Dashboard:
    """Subclass it, with widgets as class attributes, and register the class: `@register_dashboard`.

    Attributes:
        title: of the page and of its entry in the index; the class's name if left out.
        slug: in the page's address; made of the class's name if left out.
        permission: who may see it, of those whom the site lets in: "app.codename", or None for all.
        description: a sentence below the title.
        recheck_interval: seconds after which it is asked again whether a viewer may still see it.
    """

    title: ClassVar[Any] = ""
    slug: ClassVar[str] = ""
    permission: ClassVar[Permission] = None
    description: ClassVar[Any] = ""
    recheck_interval: ClassVar[float] = 60.0

    #: By name, in the order in which they are shown.
    widgets: ClassVar[dict[str, Widget]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        widgets = dict(cls.widgets)
        for name, value in vars(cls).items():
            if isinstance(value, type) and issubclass(value, Widget):
                raise ImproperlyConfigured(
                    f"{cls.__name__}.{name} is the class {value.__name__}: call it, with a source"
                )
            if isinstance(value, Widget):
                widgets[name] = value
            elif name in widgets:  # a subclass takes one away: `newest = None`
                del widgets[name]
        cls.widgets = widgets
        own = vars(cls)
        if not own.get("title"):
            cls.title = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", cls.__name__)
        if not own.get("slug"):
            cls.slug = slugify(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__))
        if re.fullmatch(r"[-a-zA-Z0-9_]+", cls.slug) is None:
            raise ImproperlyConfigured(f"{cls.__name__}.slug is letters, digits, - and _, got {cls.slug!r}")
        if not (isinstance(cls.recheck_interval, (int, float)) and cls.recheck_interval > 0):
            raise ImproperlyConfigured(
                f"{cls.__name__}.recheck_interval is seconds above 0, got {cls.recheck_interval!r}"
            )
        if not isinstance(own.get("permission"), staticmethod):
            check_permission(own.get("permission"), cls.__name__)

    def __init__(self, site: AdminSite) -> None:
        self.site = site
        self._board: Board | None = None
        self._pid = 0

    def __str__(self) -> str:
        return str(self.title)

    # -- who may

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether a viewer whom the site lets in may see this page. Override it to ask something else."""
        return is_permitted(type(self).permission, request)

    def visible(self, request: HttpRequest) -> tuple[Widget, ...]:
        """The widgets that a request may see; none where it may not see the page."""
        if not (self.site.has_permission(request) and self.has_permission(request)):
            return ()
        return tuple(w for w in self.widgets.values() if is_permitted(w.permission, request))

    # -- what it knows

    @property
    def board(self) -> Board:
        """The process's."""
        with _boards_lock:
            if self._board is None or self._pid != os.getpid():
                self._board = Board(str(self.title), self.widgets, may_start)
                self._pid = os.getpid()
            return self._board

    def version(self) -> str:
        """A digest of what pages are made of: a page of another version has to be loaded again."""
        described = [
            (name, widget.kind, widget.columns, widget.interval, widget.options())
            for name, widget in self.widgets.items()
        ]
        return hashlib.sha256(json.dumps(described, default=str).encode()).hexdigest()[:12]
