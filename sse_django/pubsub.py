"""`publish` from anywhere, `subscribe` wherever a view streams.

On a transactional backend an event joins the transaction that is open and is in the log if, and when, that commits. On others
it is sent when the transaction has committed; between the commit and the engine's acknowledgement it is at most once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from sse_django.backends import BaseBackend, Message, get_backend
from sse_django.channels import check_channels, public
from sse_django.exceptions import PublishError
from sse_django.messages import make_message
from sse_django.outbox import record
from sse_django.signals import event_published, publish_failed
from sse_django.subscription import Subscription

logger = logging.getLogger("sse_django")


def publish(
    channel: str | Iterable[str],
    item: Any,
    *,
    event: str | None = None,
    key: str | None = None,
    backend: str = "default",
) -> None:
    """Publish an item: one event in one or several channels, delivered once to each subscription.

    Args:
        channel: a channel, or several.
        item: what a view could yield; a `ServerSentEvent` without an id has its fields kept.
        event: the event's name.
        key: makes a repeated publish one event, per backend, for as long as the event is kept.
        backend: an alias of SSE_DJANGO["BACKENDS"].

    Raises:
        PublishError: if the engine does not take it, outside a transaction.
        SynchronousOnlyOperation: in async code, where the backend is a database.
        TypeError, ValueError: if a channel, the name, the key or the item may not be, or the event is too large.
    """
    message = make_message(channel, item, event=event, key=key)
    try:
        send(message, backend)
    except SynchronousOnlyOperation as error:
        raise SynchronousOnlyOperation(
            f"publish() waits for the database of the backend {backend!r}, which async code may not: use await apublish(…)"
        ) from error


async def apublish(
    channel: str | Iterable[str],
    item: Any,
    *,
    event: str | None = None,
    key: str | None = None,
    backend: str = "default",
) -> None:
    """See publish()."""
    await sync_to_async(send)(make_message(channel, item, event=event, key=key), backend)


def subscribe(*channels: str, after: str | None = None, backend: str = "default") -> Subscription:
    """Read channels: `async for event in subscribe("orders")`, `for` in sync code, or as it is in a response.

    Args:
        channels: one or several names.
        after: the cursor to go on after, as `last_event_id(request)` gives it; None is from now on.
        backend: an alias of SSE_DJANGO["BACKENDS"].

    Raises:
        TypeError, ValueError: if a channel may not be. Never because an engine is down: then it waits.
    """
    if after is not None and not isinstance(after, str):
        raise TypeError(f"after is a cursor, a string, or None, got {after!r}")
    if after is not None and any(character in after for character in "\r\n\0"):
        raise ValueError(f"after is a cursor, on one line, got {after!r}")
    return Subscription(check_channels(channels), after or None, backend)


def send(message: Message, alias: str) -> None:
    """Give a message to a backend, with the open transaction or after it."""
    backend = get_backend(alias)
    backend.check_size(message)
    record(message, alias)
    if not backend.transactional and open_transaction() is not None:
        after_commit(lambda: send_late([message], alias))
        return
    backend.publish([message])
    _tell(backend, message)


def send_all(messages: Sequence[Message], alias: str) -> None:
    """Give several to a transactional backend, in the open transaction, by one statement where that takes them."""
    backend = get_backend(alias)
    for message in messages:
        backend.check_size(message)
        record(message, alias)
    backend.publish(messages)
    for message in messages:
        _tell(backend, message)


def after_commit(do: Callable[[], object]) -> None:
    """Now, or when the open transaction has committed. Outside one it needs no database connection, as `on_commit` does."""
    connection = open_transaction()
    if connection is not None:
        connection.on_commit(do)
    else:
        do()


def open_transaction() -> BaseDatabaseWrapper | None:
    """The connection of this thread that is in a transaction: the default database's where several are."""
    found = [connection for connection in connections.all(initialized_only=True) if connection.in_atomic_block]
    return next(
        (connection for connection in found if connection.alias == DEFAULT_DB_ALIAS), found[0] if found else None
    )


def send_late(messages: Sequence[Message], alias: str) -> bool:
    """Give messages to a backend after their transaction has committed; whether it took them. A failure is logged and told."""
    backend = get_backend(alias)
    if not messages:
        return True
    try:
        backend.publish(messages)
    except PublishError as error:  # the transaction has committed: there is nobody to raise it to
        channels = ", ".join(dict.fromkeys(name for message in messages for name in public(message.channels)))
        logger.exception("an event for %s was not taken by %r", channels, backend.alias)
        publish_failed.send_robust(sender=type(backend), backend=backend, messages=list(messages), error=error)
        return False
    for message in messages:
        _tell(backend, message)
    return True


def _tell(backend: BaseBackend, message: Message) -> None:
    event_published.send_robust(
        sender=type(backend),
        backend=backend,
        channels=public(message.channels) or message.channels,
        event=message.event,
    )
