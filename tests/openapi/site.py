"""A site with a stream of each kind that its page treats differently, and the pages."""

import asyncio
from collections.abc import AsyncIterable
from typing import Any, Literal

from django.http import Http404
from django.urls import include, path
from django.views.decorators.http import require_POST
from pydantic import BaseModel, Field

from sse_django import ServerSentEvent, event_stream, last_event_id
from sse_django.openapi import openapi_view


class Row(BaseModel):
    """A row of a table."""

    number: int = Field(description="Counted from one.")
    label: str | None = None


class Prompt(BaseModel):
    text: str = Field(examples=["three little words"])
    loud: bool = False


class Token(ServerSentEvent[str]):
    """A word of the answer."""

    event: Literal["token"] = "token"


class Done(ServerSentEvent[Any]):
    """The answer is complete."""

    event: Literal["done"] = "done"
    raw_data: str = "[DONE]"


@event_stream(ping_interval=0.05)
async def rows(request: Any, table: str, start: int) -> AsyncIterable[ServerSentEvent[Row]]:
    """The rows of a table, then silence.

    Each has its number as id, so that a line that breaks costs nothing.

    Args:
        table: which table
        start: the first row's number
    """
    if table == "lost":
        raise Http404
    first = last_event_id(request, int, default=start - 1) + 1
    for number in range(first, first + 2):
        yield ServerSentEvent(
            data=Row(number=number, label=request.GET.get("label")), event="row", id=str(number), retry=100
        )
    await asyncio.sleep(3600)


@require_POST
@event_stream
async def chat(request: Any, prompt: Prompt) -> AsyncIterable[Token | Done]:
    """Says it again, word by word."""
    for word in prompt.text.split():
        yield Token(data=word)
    yield Done()


@event_stream
async def finite(request: Any) -> AsyncIterable[ServerSentEvent[int]]:
    """Three numbers, and the end."""
    for number in range(last_event_id(request, int, default=0) + 1, 4):
        yield ServerSentEvent(data=number, id=str(number))


@event_stream
async def forgetful(request: Any) -> Any:
    """What a log says that has forgotten."""
    yield ServerSentEvent(comment="a word between us")
    yield ServerSentEvent(id="9")
    yield ServerSentEvent(data={"reason": "trimmed"}, event="stream-reset", id="10")
    raise RuntimeError("and then it broke")


@event_stream
async def quick(request: Any) -> AsyncIterable[int]:
    """More than a page can show."""
    for number in range(5000):
        yield number


urlpatterns = [
    path("tables/<str:table>/from/<int:start>/", rows, name="rows"),
    path("chat/", chat, name="chat"),
    path("finite/", finite, name="finite"),
    path("forgetful/", forgetful, name="forgetful"),
    path("quick/", quick, name="quick"),
    path("streams/", include("sse_django.docs_urls")),
    path("openapi.json", openapi_view, {"title": "The site"}),
]
