"""The built-in endpoint: streams the channels of a URL that `{% sse_url %}` or `signed_url` signed, to whom it was signed for.

What is not as it was signed is 403 before any event. It is an ordinary view: what it does, a view of yours can do.
"""

from __future__ import annotations

from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from sse_django.decorators import event_stream
from sse_django.pubsub import subscribe
from sse_django.resumption import last_event_id
from sse_django.subscription import Subscription
from sse_django.tokens import Grant, pk_of, unsign


@csrf_exempt  # it changes nothing; so a POST is a 405 like any other method, not CSRF's 403
@login_not_required  # the URL says who may; a redirect to a login page is nothing an EventSource can follow
@never_cache
@require_GET
@event_stream
async def stream(request: HttpRequest, token: str) -> Any:
    """The channels that the URL names, from the client's Last-Event-ID on, else from the URL's own cursor.

    Raises:
        ImproperlyConfigured: if the URL is bound to a user and the request can't have one.
        BadRequest: (a 400) if the client's cursor could not stand in an event stream.
    """
    try:
        grant = unsign(token)
    except BadSignature:
        return _forbidden("this URL was not signed here, or names what may not be read any more")
    if grant.user is not None and not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "this URL is bound to a user, and the request has none: "
            "put django.contrib.auth.middleware.AuthenticationMiddleware into MIDDLEWARE"
        )
    # Not auser(): middleware that puts another user on the request sets `user`, which is also what was signed.
    pk = await sync_to_async(pk_of)(request)
    refusal = _refusal(grant, pk, reconnects=bool(request.META.get("HTTP_LAST_EVENT_ID")))
    if refusal is not None:
        return _forbidden(refusal)
    cast("Any", request).sse_user_pk = pk
    return _subscribe(request, grant)


def _refusal(grant: Grant, pk: str | None, *, reconnects: bool) -> str | None:
    if grant.user is not None and grant.user != pk:
        return "this URL was signed for another user, or its user is not signed in"
    if grant.expired and (grant.user is None or not reconnects):
        return "this URL has expired"
    return None


def _subscribe(request: HttpRequest, grant: Grant) -> Subscription:
    after = last_event_id(request, _cursor, default=grant.cursor)
    return subscribe(*grant.channels, after=after, backend=grant.backend)


def _cursor(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("a cursor is a single line")
    return text


def _forbidden(reason: str) -> HttpResponse:
    return HttpResponseForbidden(f"{reason}\n", content_type="text/plain; charset=utf-8")
