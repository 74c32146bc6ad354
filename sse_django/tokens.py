"""Signed URLs of the built-in endpoint: what stands between a reader and channels whose names anybody can guess.

A URL is permission to read. So the signature covers all of it (channels, user, backend, cursor, expiry), it is bound to the
user for whom the page was rendered, and it ends. It is signed and not encrypted: who has it can read the names in it. Whoever
makes one decides who may read; `docs/security.md` has the threats, each with its test.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
import time
import weakref
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from sse_django.backends import BaseBackend, get_backend
from sse_django.channels import check_channels
from sse_django.conf import get_settings

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

logger = logging.getLogger("sse_django")

#: Seconds that a URL is good for unless it is said otherwise.
LIFETIME = 12 * 3600.0
#: Characters of a token. Servers refuse long request lines, some at 4094 bytes, and the path and a cursor come on top.
MAX_TOKEN = 3000
#: Seconds for which a log that failed to tell its head is not asked again, so that pages don't wait for a dead engine.
PAUSE = 2.0

#: The URL of the endpoint; `sse_django.urls` gives it this name.
URL_NAME = "sse_django:stream"

# Changes with what is signed, so that no release takes another's token for something else.
_SALT = "sse_django.tokens.1"

_asked_in_vain: weakref.WeakKeyDictionary[BaseBackend, float] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a URL allows.

    Attributes:
        channels: what may be read.
        user: the primary key, as text, of the user who may; None for whoever has the URL.
        backend: an alias of SSE_DJANGO["BACKENDS"].
        cursor: where to begin; None for what is new at the first connection.
        expires: seconds since the epoch until which it is good.
    """

    channels: tuple[str, ...]
    user: str | None
    backend: str
    cursor: str | None
    expires: int

    @property
    def expired(self) -> bool:
        """Whether its time is over, by this machine's clock."""
        return time.time() >= self.expires


def signed_url(
    request_or_user: HttpRequest | AbstractBaseUser | AnonymousUser,
    *channels: str,
    lifetime: float | timedelta = LIFETIME,
    backend: str = "default",
) -> str:
    """A URL (a path) of the built-in endpoint that lets one user read channels from now on.

    "Now" is the head of the log at this call: read your data after it, and no change falls between the two. If the engine
    is down the URL has no such place, and begins with what is new when the browser connects.

    Args:
        request_or_user: whose page it is for. A signed-in user's URL is good for him alone; that of an anonymous visitor
            for whoever has it.
        channels: one or several names.
        lifetime: seconds, or a timedelta, above 0. A signed-in user must have connected by then, and may reconnect later.
        backend: an alias of SSE_DJANGO["BACKENDS"].

    Raises:
        TypeError: if the first argument is neither, or a channel is no string, or the lifetime no number.
        ValueError: if a channel may not be, the user has not been saved, the lifetime is not above 0, or the URL would be too
            long for servers.
        ImproperlyConfigured: if there is no such backend, or the URLconf doesn't include `sse_django.urls`.
    """
    names = check_channels(channels)
    user = pk_of(request_or_user)
    expires = math.ceil(time.time() + _seconds(lifetime))
    token = sign(Grant(names, user, backend, head_or_none(get_backend(backend)), expires))
    if len(token) > MAX_TOKEN:
        raise ValueError(
            f"{len(names)} channels make a URL of more than {MAX_TOKEN} characters, which servers refuse: "
            "sign fewer, or write a view that subscribes to them"
        )
    try:
        return reverse(URL_NAME, args=[token])
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            'signed URLs lead to the built-in endpoint: add path("events/", include("sse_django.urls")) to the URLconf'
        ) from error


async def asigned_url(
    request_or_user: HttpRequest | AbstractBaseUser | AnonymousUser,
    *channels: str,
    lifetime: float | timedelta = LIFETIME,
    backend: str = "default",
) -> str:
    """See signed_url()."""
    return await sync_to_async(signed_url)(request_or_user, *channels, lifetime=lifetime, backend=backend)


def sign(grant: Grant) -> str:
    """A token: characters that need no escape in URLs and HTML (letters, digits, `-`, `_` and one `.`)."""
    fields = [grant.channels, grant.user, grant.backend, grant.cursor, grant.expires]
    return Signer(salt=_SALT, sep=".").sign_object(fields, serializer=_Json)


def unsign(token: str) -> Grant:
    """What a token allows. Whether it has expired, and whose it is, is for the caller to ask.

    Raises:
        BadSignature: if it is not ours, or names what may not be read (any more).
    """
    channels, user, backend, cursor, expires = Signer(salt=_SALT, sep=".").unsign_object(token, serializer=_Json)
    try:
        grant = Grant(check_channels(channels), user, backend, cursor, expires)
    except ValueError as error:  # signed by a release that allowed it
        raise BadSignature(str(error)) from error
    if backend not in get_settings().BACKENDS:
        raise BadSignature(f"there is no backend {backend!r}")
    return grant


def pk_of(request_or_user: Any) -> str | None:
    """The primary key, as text, of a user or of a request's user; None for an anonymous one. May query.

    Raises:
        TypeError: if it is neither a request nor a user.
        ValueError: if the user has no primary key: he would be signed as nobody.
    """
    if not hasattr(request_or_user, "is_authenticated"):
        if not hasattr(request_or_user, "META"):
            raise TypeError(
                f"a request or a user is expected (AnonymousUser() for a URL for anybody), got {request_or_user!r}"
            )
        request_or_user = getattr(
            request_or_user, "user", None
        )  # without AuthenticationMiddleware there are only visitors
    if request_or_user is None or not request_or_user.is_authenticated:
        return None
    if request_or_user.pk is None:
        raise ValueError("the user has no primary key: save it before a URL is signed for it")
    return str(request_or_user.pk)


def _seconds(lifetime: object) -> float:
    seconds = lifetime.total_seconds() if isinstance(lifetime, timedelta) else lifetime
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"lifetime must be seconds or a timedelta, got {lifetime!r}")
    if not 0 < seconds < math.inf:
        raise ValueError(f"lifetime must be above 0 and finite, got {lifetime!r}")
    return seconds


def head_or_none(backend: BaseBackend) -> str | None:
    """The log's head, or None if it doesn't say: a page is worth more than its cursor."""
    if time.monotonic() < _asked_in_vain.get(backend, 0.0):
        return None
    try:
        return _head_in_thread(backend) if _in_loop() else backend.head()
    except Exception as error:
        _asked_in_vain[backend] = time.monotonic() + PAUSE
        logger.warning(
            "a page has no cursor: the log of %r does not answer (%s: %s)",
            backend.alias,
            type(error).__name__,
            error,
        )
        return None


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _head_in_thread(backend: BaseBackend) -> str:
    # Async code that renders a template: Django refuses queries there. Not the request's own thread, which may be waiting for
    # this very loop.
    answer: list[str | Exception] = []

    def ask() -> None:
        try:
            answer.append(backend.head())
        except Exception as error:
            answer.append(error)
        finally:
            backend.close()

    thread = threading.Thread(target=ask, name="sse-head", daemon=True)
    thread.start()
    thread.join()
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer[0]


class _Json:
    """UTF-8, where Django's own would write `\\u` escapes."""

    def dumps(self, obj: Any) -> bytes:
        return json.dumps(obj, separators=(",", ":"), ensure_ascii=False).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
