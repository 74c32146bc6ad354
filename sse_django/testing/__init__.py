"""For tests of streams and channels: clients that read endless ones on Django's real handlers, and every backend's contract."""

from sse_django.testing.agreement import assert_feed_agrees
from sse_django.testing.clients import AsyncStreamClient, StreamClient
from sse_django.testing.contract import BackendContract, TransactionalContract
from sse_django.testing.parser import EventParser, ReceivedEvent
from sse_django.testing.published import CapturedEvents, PublishedEvent, capture_events, live_backend
from sse_django.testing.streams import AsyncStream, StreamEnded, StreamTimeout, SyncStream

__all__ = [
    "AsyncStream",
    "AsyncStreamClient",
    "BackendContract",
    "CapturedEvents",
    "EventParser",
    "PublishedEvent",
    "ReceivedEvent",
    "StreamClient",
    "StreamEnded",
    "StreamTimeout",
    "SyncStream",
    "TransactionalContract",
    "assert_feed_agrees",
    "capture_events",
    "live_backend",
]
