"""Pages without scripts of their own, streams of all kinds, and what the server knows of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import RequestContext, Template
from pydantic import BaseModel

from sse_django import ServerSentEvent, event_stream, kick, last_event_id, publish, subscribe
from sse_django.signals import stream_closed, stream_opened
from sse_django.tokens import asigned_url, signed_url

#: Streams by path: how many are open, and how many there were.
open_now: Counter[str] = Counter()
opened: Counter[str] = Counter()
#: Requests by path, of the views that count them.
asked: Counter[str] = Counter()


def _on_opened(request: HttpRequest, **kwargs: object) -> None:
    open_now[request.path] += 1
    opened[request.path] += 1


def _on_closed(request: HttpRequest, **kwargs: object) -> None:
    open_now[request.path] -= 1


stream_opened.connect(_on_opened)
stream_closed.connect(_on_closed)

POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">
{% load static sse %}<script type="module" src="{% static 'sse_django/sse.js' %}"></script></head><body>
"""


def _page(request: HttpRequest, body: str, **context: object) -> HttpResponse:
    html = Template(PAGE + body).render(RequestContext(request, context))
    return HttpResponse(html, headers={"Content-Security-Policy": POLICY.replace("connect", "img-src data:; connect")})


def page(request: HttpRequest) -> HttpResponse:
    """An empty page with the module."""
    return _page(request, "<main></main>")


def element(request: HttpRequest) -> HttpResponse:
    """A page that has nothing but an element: no script besides the module."""
    return _page(
        request,
        '<main id="a"><event-stream src="{% sse_url "orders" %}" events="created deleted"></event-stream></main>'
        '<aside id="b"></aside>',
    )


def sharing(request: HttpRequest) -> HttpResponse:
    """A page with a signed URL of its own, rendered now, that shares."""
    return _page(request, '<event-stream src="{% sse_url "orders" %}" share></event-stream>')


def counts(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"open": dict(open_now), "opened": dict(opened), "asked": dict(asked)})


def send(request: HttpRequest, channel: str) -> JsonResponse:
    """Publish `?data=` as it is, and `?event=`."""
    publish(channel, ServerSentEvent(raw_data=request.GET["data"], event=request.GET.get("event")))
    return JsonResponse({})


def kick_channel(request: HttpRequest, channel: str) -> JsonResponse:
    kick(channel=channel)
    return JsonResponse({})


@event_stream
def channel(request: HttpRequest, channel: str) -> Any:
    return subscribe(channel, after=last_event_id(request))


@event_stream
async def snapshot(request: HttpRequest) -> AsyncIterator[ServerSentEvent]:
    """As a feed: a fresh client gets the state of things first."""
    after = last_event_id(request)
    if after is None:
        yield ServerSentEvent(data=["the state"], event="snapshot")
    async for event in subscribe("orders", after=after):
        yield event


@event_stream
async def finite(request: HttpRequest) -> AsyncIterator[ServerSentEvent]:
    asked[request.path] += 1
    for number in range(last_event_id(request, int, 0) + 1, 4):
        yield ServerSentEvent(data=number, id=str(number))


@event_stream(retry=50)
async def ending(request: HttpRequest) -> AsyncIterator[ServerSentEvent]:
    """Ends after each event, without a word."""
    asked[request.path] += 1
    yield ServerSentEvent(data={"n": asked[request.path]})


@event_stream(retry=1500)
async def later(request: HttpRequest) -> AsyncIterator[str]:
    """What a server says that has no room at the moment."""
    asked[request.path] += 1
    return
    yield


@event_stream
async def failing(request: HttpRequest) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(data="before")
    raise RuntimeError("a bug of the view's")


def status(request: HttpRequest, code: int) -> HttpResponse:
    asked[request.path] += 1
    return HttpResponse("no", status=code, headers={"Retry-After": "0"} if code in (429, 503) else None)


async def flaky(request: HttpRequest, code: int) -> Any:
    """Twice a status, then a stream."""
    asked[request.path] += 1
    if asked[request.path] % 3:
        return HttpResponse("not now", status=code)
    return await _hello(request)


@event_stream
async def _hello(request: HttpRequest) -> AsyncIterator[str]:
    yield "hello"
    await asyncio.sleep(600)


@event_stream(ping_interval=None)
async def silent(request: HttpRequest) -> AsyncIterator[str]:
    asked[request.path] += 1
    yield "hello"
    await asyncio.sleep(600)


class Prompt(BaseModel):
    text: str


@event_stream
async def chat(request: HttpRequest, prompt: Prompt) -> AsyncIterator[ServerSentEvent]:
    asked[request.path] += 1
    for word in prompt.text.split():
        yield ServerSentEvent(data=word, event="token")
    yield ServerSentEvent(raw_data="[DONE]", event="done")


def token(request: HttpRequest) -> HttpResponse:
    """A page with what a POST needs: Django's CSRF token."""
    return _page(request, '<input id="csrf" value="{{ csrf_token }}">')


async def short_lived(request: HttpRequest) -> JsonResponse:
    """A URL for anybody that is good for a second."""
    return JsonResponse({"url": await asigned_url(AnonymousUser(), "orders", lifetime=1)})


def fresh(request: HttpRequest) -> JsonResponse:
    """What `refreshUrl` names: the site's own decision who may go on reading."""
    asked[request.path] += 1
    if "refuse" in request.GET:
        raise Http404("nobody may any more")
    return JsonResponse({"url": signed_url(request, "orders")})


def always_401(request: HttpRequest) -> JsonResponse:
    """A refresh URL that leads nowhere better."""
    return JsonResponse({"url": "/status/401/"})
