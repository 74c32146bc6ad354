"""For tests of streams: clients that read endless ones on Django's real handlers, and the parser they use."""

from sse_django.testing.clients import AsyncStreamClient, StreamClient
from sse_django.testing.parser import EventParser, ReceivedEvent
from sse_django.testing.published import CapturedEvents, PublishedEvent, capture_events, live_backend
from sse_django.testing.streams import AsyncStream, StreamEnded, StreamTimeout, SyncStream

__all__ = [
    "AsyncStream",
    "AsyncStreamClient",
    "CapturedEvents",
    "EventParser",
    "PublishedEvent",
    "ReceivedEvent",
    "StreamClient",
    "StreamEnded",
    "StreamTimeout",
    "SyncStream",
    "capture_events",
    "live_backend",
]
