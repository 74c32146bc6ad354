"""Streams answer any HTTP method. A parameter with a Pydantic type is the JSON body, validated before anything runs."""

from collections.abc import AsyncIterable

from django.views.decorators.http import require_POST
from pydantic import BaseModel

from demo_project.catalog.pace import slowly
from sse_django import ServerSentEvent, event_stream


class Prompt(BaseModel):
    text: str


@require_POST
@event_stream
async def stream_chat(request, prompt: Prompt) -> AsyncIterable[ServerSentEvent]:
    words = prompt.text.split()
    async for word in slowly(words):
        yield ServerSentEvent(data=word, event="token")
    yield ServerSentEvent(raw_data="[DONE]", event="done")
