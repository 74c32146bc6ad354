"""`{% load sse %}`: the signed URL of a page's events; a feed's rows with the URL that goes on where they were read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.template import Context

from sse_django.feeds.page import FeedPage, feed_page
from sse_django.feeds.registry import get_feed
from sse_django.tokens import LIFETIME, signed_url

register = template.Library()


@register.simple_tag(takes_context=True)
def sse_url(
    context: Context,
    *channels: str | Iterable[str],
    lifetime: float | timedelta = LIFETIME,
    backend: str = "default",
) -> str:
    """`{% sse_url "orders" %}`: see signed_url(). A list of channels may stand for its channels.

    Put it before what the page shows of the same data: it fixes the place in the log from which the page goes on.

    Raises:
        ImproperlyConfigured: if the template is rendered without its request: nobody says whom the URL is for.
    """
    request = getattr(context, "request", None) or context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "{% sse_url %} signs for the request's user, and this template is rendered without a request: "
            "use render(request, …) or render_to_string(…, request=request), or pass signed_url(user, …) in the context"
        )
    names = [name for group in channels for name in ([group] if isinstance(group, str) else _several(group))]
    return signed_url(request, *names, lifetime=lifetime, backend=backend)


@register.simple_tag(takes_context=True)
def sse_feed(context: Context, label: str, *, url: str | None = None) -> FeedPage:
    """`{% sse_feed "shop.OrderFeed" as feed %}`: the feed's rows, and `feed.url`, which goes on where they were read.

    Raises:
        ImproperlyConfigured: if there is no such feed, no URL of it, or no request in the template.
        PermissionDenied: if the request may not read it.
    """
    request = getattr(context, "request", None) or context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "{% sse_feed %} shows what the request may read, and this template is rendered without a request: "
            "use render(request, …) or render_to_string(…, request=request)"
        )
    return feed_page(get_feed(label), request, url)


def _several(group: object) -> list[str]:
    if not isinstance(group, (list, tuple, set, frozenset)):
        raise TypeError(f"a channel is a string, or a list of them, got {group!r}")
    return list(group)
