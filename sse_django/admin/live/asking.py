"""Who asks, as of now: a stream's own request still has the session and the user that it began with."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest


def as_of_now(request: HttpRequest) -> HttpRequest:
    """The request with its session and user read again: signed out, expired, inactive or less privileged as they may be."""
    again: Any = copy.copy(request)
    session = getattr(request, "session", None)
    if session is not None and session.get(SESSION_KEY) is not None:
        again.session = type(session)(session.session_key)
        again.user = get_user(again)
        return again  # type: ignore[no-any-return]
    user: Any = getattr(request, "user", None)  # from a header, a certificate, a token: who it is can't be asked again
    if user is not None and user.pk is not None:
        again.user = type(user)._default_manager.filter(pk=user.pk).first() or AnonymousUser()
    return again  # type: ignore[no-any-return]
