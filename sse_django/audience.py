"""Whom a stream belongs to and what it reads, as far as that is known without a query: for kicks and limits per user."""

from __future__ import annotations

import contextvars
import hashlib
from typing import Any

from django.http import HttpRequest

#: Channels that the current stream reads, filled by the subscriptions that its generator opens.
reading: contextvars.ContextVar[set[str] | None] = contextvars.ContextVar("reading", default=None)


def user_of(request: HttpRequest | None) -> str | None:
    """The primary key of the request's user, as text, if somebody has looked at the user already; None if not or anonymous."""
    if request is None:
        return None
    known: Any = getattr(request, "sse_user_pk", None)
    if known is None:
        # What AuthenticationMiddleware keeps once `request.user` or `request.auser()` was used. To look would be a query.
        user = getattr(request, "_acached_user", None) or getattr(request, "_cached_user", None)
        known = getattr(user, "pk", None)
    return None if known is None else str(known)


def session_of(request: HttpRequest | None) -> str | None:
    """A digest of the request's session key, which is a credential and must not stand in a log."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    return None if not key else session_digest(key)


def session_digest(key: str) -> str:
    """What stands for a session key."""
    return hashlib.sha256(f"sse_django.session:{key}".encode()).hexdigest()
