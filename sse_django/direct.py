"""A relay that calls the server's `send` itself, from the hub's call into the loop. Knows no Django.

A coroutine that has nothing to wait for is over after its first step, and so is uvicorn's `send` while the client keeps up: it
needs no task, and the connection's own sleeps on. One that does wait is gone on with in a task, and nothing else is sent until
then. Whoever makes one knows that this `send` may be called so (see `sse_django.asgi`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from sse_django.log import ping_chunk
from sse_django.relay import Owner, Relay
from sse_django.ring import Chunk
from sse_django.subscription import Subscription

#: The ASGI callable of one response.
Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]

#: Bytes over which a chunk is for Django to send, which cuts it up and waits for the client between the parts.
LIMIT = 2**16


class DirectRelay(Relay):
    """One response's body. What the server asks it for is only how it begins, long chunks, and what came while it sent."""

    __slots__ = ("_blocked", "_send")

    def __init__(self, owner: Owner, subscription: Subscription, ping_interval: float | None, send: Send) -> None:
        super().__init__(owner, subscription, ping_interval)
        self._send = send
        self._blocked: asyncio.Task[None] | None = None  # a send that waits for the client

    @property
    def sending_since(self) -> float | None:
        return super().sending_since if self._blocked is None else self.last_sent

    def end(self) -> None:
        future, reader = self._future, self._reader
        if not self.opened or future is None or reader is None:
            super().end()
            return
        if self._blocked is not None or future.done():
            return
        chunk = reader.take(self, True)
        if chunk is None or len(chunk.wire) > LIMIT:
            self._settle(future, reader, chunk)
        elif self._push(chunk) and reader.sleeper is None:
            # More has come. That is for the server's turn: there are others.
            self._settle(future, reader, reader.take(self))

    def ping(self) -> None:
        if not self.opened:
            super().ping()
            return
        before = self.last_sent
        self.end()
        if self.last_sent != before:  # it has broken the silence
            return
        future, reader = self._future, self._reader
        if future is not None and reader is not None and self._blocked is None and not future.done():
            self._push(ping_chunk(reader.cursor))
            self.events -= 1

    def _push(self, chunk: Chunk) -> bool:
        """Send it; whether another may follow."""
        self.events += chunk.count
        clock = self._clock
        self.last_sent = clock()
        sending = self._send(chunk.message)
        try:
            awaited = sending.send(None)
        except StopIteration:
            return True
        except Exception as error:
            self._fail(error)
            return False
        self._blocked = self.loop.create_task(_go_on(sending, awaited))
        self._blocked.add_done_callback(self._unblocked)
        return False

    def _unblocked(self, task: asyncio.Task[None]) -> None:
        self._blocked = None
        error = None if task.cancelled() else task.exception()
        if error is None:
            self.end()
        else:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        # As if the server's own task had called `send`.
        future = self._future
        if future is not None and not future.done():
            self._future = None
            future.set_exception(error)

    async def aclose(self) -> None:
        """End the stream."""
        if self._blocked is not None:
            self._blocked.cancel()
        await super().aclose()


async def _go_on(sending: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _Rest(sending, awaited)


class _Rest:
    """What is left of a coroutine that has asked to wait for something: the task is asked that in its place."""

    def __init__(self, sending: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._sending = sending
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        sending, awaited = self._sending, self._awaited
        try:
            while True:
                try:
                    answer = yield awaited
                except BaseException as error:
                    awaited = sending.throw(error)
                else:
                    awaited = sending.send(answer)
        except StopIteration:
            return
