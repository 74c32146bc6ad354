"""Server-Sent Events for Django, without Channels. Imports before settings exist."""

from sse_django.decorators import event_stream
from sse_django.events import ServerSentEvent
from sse_django.kicks import akick, kick
from sse_django.pubsub import apublish, publish, subscribe
from sse_django.response import EventSourceResponse
from sse_django.resumption import last_event_id
from sse_django.schemas import model_schema
from sse_django.views import EventStreamView

__all__ = [
    "EventSourceResponse",
    "EventStreamView",
    "ServerSentEvent",
    "akick",
    "apublish",
    "event_stream",
    "kick",
    "last_event_id",
    "model_schema",
    "publish",
    "subscribe",
]

__version__ = "0.1.0"
