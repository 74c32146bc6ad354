"""What stands before a view: the methods it answers, whether it wants a login, a permission or a CSRF token.

Django's decorators leave no list of what they ask for, so their closures are read (a test holds this against each version
of Django); mixins and middleware are known by their classes. A decorator of one's own isn't understood, and is looked through
if it uses `functools.wraps`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

# By name: to import them needs the auth app, which a project may not have.
_CSRF = "django.middleware.csrf.CsrfViewMiddleware"
_LOGIN_MIDDLEWARE = "django.contrib.auth.middleware.LoginRequiredMiddleware"
_ACCESS_MIXIN = "django.contrib.auth.mixins.AccessMixin"

#: In the order in which they are documented.
METHODS = ("get", "post", "put", "patch", "delete")
_SAFE = {"get"}


@dataclass(frozen=True)
class Guards:
    """What is asked of a request.

    Args:
        methods: lower case; None if the view doesn't say.
        login: whoever isn't signed in is sent to the login page.
        forbids: somebody who is signed in may get a 403.
        csrf_exempt: unsafe methods need no token.
    """

    methods: tuple[str, ...] | None
    login: bool
    forbids: bool
    csrf_exempt: bool

    def wants_token(self, method: str) -> bool:
        """Whether Django's CSRF protection looks at this method."""
        return method not in _SAFE and not self.csrf_exempt and _middleware(_CSRF)


def guards_of(view: Callable[..., Any]) -> Guards:
    """The guards of a view as it stands in the URLconf."""
    view_class: type | None = getattr(view, "view_class", None)
    asked = _Closures(view, view_class)
    feed: Any = getattr(view, "feed_class", None)
    feed_asks = feed is not None and not feed.has_permission.__module__.startswith("sse_django.")
    mixin = view_class if view_class is not None and _is_a(view_class, _ACCESS_MIXIN) else None
    raises = bool(getattr(view, "view_initkwargs", {}).get("raise_exception", getattr(mixin, "raise_exception", False)))
    decorated = hasattr(view, "login_url") and not asked.raises_first
    required = getattr(view, "login_required", True) and _middleware(_LOGIN_MIDDLEWARE)
    return Guards(
        methods=_methods(view, view_class, asked),
        login=required or decorated or (mixin is not None and not raises),
        forbids=asked.raises or feed_asks or (mixin is not None and (raises or _tests(mixin))),
        csrf_exempt=bool(getattr(view, "csrf_exempt", False)),
    )


def _tests(mixin: type) -> bool:
    """Whether a class asks for more than a login."""
    return any(hasattr(mixin, name) for name in ("permission_required", "test_func"))


def _methods(view: Any, view_class: Any, asked: _Closures) -> tuple[str, ...] | None:
    allowed: set[str] | None = None
    if view_class is not None:
        names = getattr(view, "view_initkwargs", {}).get("http_method_names", view_class.http_method_names)
        allowed = {name.lower() for name in names}
        if allowed >= set(METHODS):
            allowed = None
    for wanted in asked.method_lists:
        allowed = wanted if allowed is None else allowed & wanted
    return None if allowed is None else tuple(method for method in METHODS if method in allowed)


def _middleware(path: str) -> bool:
    """Whether this middleware, or a subclass of it, is installed."""
    for name in settings.MIDDLEWARE:
        found = import_string(name)
        if isinstance(found, type) and _is_a(found, path):
            return True
    return False


def _is_a(cls: type, path: str) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" == path for base in cls.__mro__)


class _Closures:
    """What the decorators around a view have kept in their closures."""

    def __init__(self, view: Any, view_class: Any) -> None:
        self.method_lists: list[set[str]] = []
        self.raises = False
        self.raises_first = False
        starts = [view]
        if view_class is not None:
            starts += [getattr(view_class, name, None) for name in ("dispatch", "stream")]
        for function in _decorators(starts):
            kept = _kept(function)
            if "request_method_list" in kept:
                self.method_lists.append({method.lower() for method in kept["request_method_list"]})
            if kept.get("raise_exception") is True and "perms" in kept:
                # It raises for whoever lacks the permission, whether signed in or not.
                self.raises = self.raises_first = True


def _decorators(starts: list[Any]) -> Iterator[Any]:
    """Functions that can be reached through wrappers, and closures of Django's own functions."""
    waiting = [start for start in starts if start is not None]
    seen: set[int] = set()
    while waiting:
        function = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        yield function
        if (wrapped := getattr(function, "__wrapped__", None)) is not None:
            waiting.append(wrapped)
        code = getattr(function, "__code__", None)
        if code is None or "/django/" not in code.co_filename.replace("\\", "/"):
            continue
        for kept in _kept(function).values():
            waiting += [one for one in (kept if isinstance(kept, (list, tuple)) else [kept]) if inspect.isfunction(one)]


def _kept(function: Any) -> dict[str, Any]:
    """A function's closure by name."""
    code = getattr(function, "__code__", None)
    kept = {}
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or (), strict=False):
        try:
            kept[name] = cell.cell_contents
        except ValueError:  # a name that isn't bound yet
            continue
    return kept
