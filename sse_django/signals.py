"""Signals for metrics and audit. Receivers must be quick; those of streams may be called in the event loop's thread pool.

`stream_opened(sender=EventStream, request)`: a stream has started.
`stream_closed(sender=EventStream, request, outcome, duration, events)`: it has ended. `outcome` is one of `finished`, `error`,
`disconnected`, `shutdown`, `lifetime`, `recheck`, `kicked`, `slow`; `duration` is in seconds; `events` counts those that were
handed to the server.
`event_published(sender=<backend class>, backend, channels, event)`: the log took an event, or will with the transaction.
`publish_failed(sender=<backend class>, backend, messages, error)`: an event of a committed transaction was not taken by an
engine that isn't part of it.
"""

from __future__ import annotations

from django.dispatch import Signal

stream_opened = Signal()
stream_closed = Signal()
event_published = Signal()
publish_failed = Signal()
