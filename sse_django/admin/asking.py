"""Asking again who may: with the session and the user as they are now, and once for all streams of a session.

A stream's own request still has the session and the user that it began with. Middleware isn't run again: where it had put
another user on the request than the session's, only a request can tell who that would be now.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from sse_django.audience import session_of

T = TypeVar("T")


def as_of_now(request: HttpRequest) -> HttpRequest:
    """The request with its session and user read again: signed out, expired, inactive or less privileged as they may be.

    Somebody whom the session's user impersonates is nobody now: the stream ends, and the browser's next request goes through
    the middleware. Neither of the two would do, as that may have stopped, and either may see what the other may not.
    """
    again: Any = copy.copy(request)
    for remembered in ("_cached_user", "_acached_user"):
        again.__dict__.pop(remembered, None)
    session = getattr(request, "session", None)
    if session is not None and session.get(SESSION_KEY) is not None:
        again.session = type(session)(session.session_key)
        again.user = get_user(again) if _is_of_session(request) else AnonymousUser()
        return again  # type: ignore[no-any-return]
    user: Any = getattr(request, "user", None)  # from a header, a certificate, a token: who it is can't be asked again
    if user is not None and user.pk is not None:
        model = user.__class__  # type() of a lazy user is no model
        again.user = model._default_manager.filter(pk=user.pk).first() or AnonymousUser()
    return again  # type: ignore[no-any-return]


def _is_of_session(request: Any) -> bool:
    """Whether the request's user is the one who signed in."""
    signed_in = get_user_model()._meta.pk.to_python(request.session[SESSION_KEY])
    return bool(getattr(request.user, "pk", None) == signed_in)


class Answers(Generic[T]):
    """What was answered lately about the streams of an address: ten tabs of a session cost one question.

    A session may be that of several users (a header says who it is) and of several hosts (a site for each subdomain, and one
    cookie): an answer is nobody else's.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[float, T]] = {}

    def of(self, request: HttpRequest, ask: Callable[[HttpRequest], T], lasting: float) -> T:
        """What `ask` says of a stream's request as it is now, or said at most so many seconds ago of another of its session."""
        user = getattr(getattr(request, "user", None), "pk", None)
        hosts = [request.META.get(name) for name in ("HTTP_HOST", "HTTP_X_FORWARDED_HOST")]
        key = (session_of(request), user, *hosts, request.get_full_path())
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and known[0] > now:
            return known[1]
        answer = ask(as_of_now(request))
        if key[0] is not None:
            # A new one each time: streams ask in several threads, and one may be looking through what is there.
            self._known = {**{k: v for k, v in self._known.items() if v[0] > now}, key: (now + lasting, answer)}
        return answer
