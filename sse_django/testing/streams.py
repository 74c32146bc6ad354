"""An open stream in a test: events with a timeout, the bytes so far, and a disconnect that the server notices."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from typing import Any, Self, cast

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import got_request_exception
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest
from django.utils.datastructures import CaseInsensitiveMapping

from sse_django.connections import adopt, close_own, give_back, transaction_connections
from sse_django.hubs import may_start
from sse_django.testing.connections import keep_connections, release_connections
from sse_django.testing.parser import EventParser, ReceivedEvent

#: Seconds that a test waits for an event unless it says otherwise.
TIMEOUT = 5.0


class StreamTimeout(AssertionError):
    """No event came in time."""


class StreamEnded(AssertionError):
    """The stream ended where an event was expected."""


class _Received:
    """What has arrived, parsed; shared by both kinds of stream."""

    def __init__(self) -> None:
        self.status_code = 0
        self.headers: CaseInsensitiveMapping[str] = CaseInsensitiveMapping({})
        self.body = b""  # what has been received so far: opening waits for the head alone
        self.comments: list[str] = []
        self.ended = False
        self._parser = EventParser()
        self._events: deque[ReceivedEvent] = deque()

    @property
    def last_event_id(self) -> str:
        """What a browser would send as Last-Event-ID if it reconnected now."""
        return self._parser.last_event_id

    def _arrived(self, chunk: bytes) -> None:
        self.body += chunk
        for block in self._parser.feed(chunk):
            self.comments.extend(block.comments)
            if block.dispatched:
                self._events.append(block)

    @contextlib.contextmanager
    def _opening(self, belongs: Callable[[HttpRequest], bool], *, raise_exception: bool) -> Iterator[None]:
        """Raise what the view raises before its response begins, as Django's clients do."""
        failures: list[BaseException] = []

        def note(*, request: HttpRequest | None = None, **kwargs: object) -> None:
            error = sys.exc_info()[1]
            if error is not None and request is not None and belongs(request):
                failures.append(error)

        if raise_exception:
            got_request_exception.connect(note, weak=False)
        try:
            yield
        finally:
            got_request_exception.disconnect(note)
        if failures and self.status_code >= 500:
            raise failures[0]

    def _late(self, timeout: float) -> StreamTimeout:
        hint = (
            ""
            if may_start()
            else (
                " (nothing reads the log in tests: what is published comes `with live_backend():`, in a TransactionTestCase "
                "or with django_db(transaction=True))"
            )
        )
        return StreamTimeout(f"no event within {timeout} s; so far the stream was {self.body[-500:]!r}{hint}")

    def _over(self) -> StreamEnded:
        return StreamEnded(f"the stream has ended (status {self.status_code}); it was {self.body[-500:]!r}")


class _AsyncHandler(ASGIHandler):
    """The real handler; CSRF is enforced only if the client asks for it, as Django's test clients have it."""

    enforce_csrf = False

    def create_request(self, scope: Any, body_file: Any) -> Any:
        request, error = super().create_request(scope, body_file)
        if request is not None and not self.enforce_csrf:
            cast("Any", request)._dont_enforce_csrf_checks = True
        return request, error


class _UncheckedRequest(WSGIRequest):
    _dont_enforce_csrf_checks = True


class AsyncStream(_Received):
    """A stream on the real ASGI handler. Made by `AsyncStreamClient.stream`; `async with` opens and disconnects it."""

    def __init__(
        self, scope: dict[str, Any], body: bytes, timeout: float, *, enforce_csrf: bool, raise_exception: bool
    ) -> None:
        super().__init__()
        self._raise_exception = raise_exception
        self._handler = _AsyncHandler()
        self._handler.enforce_csrf = enforce_csrf
        self._scope = scope
        self._request_body: bytes | None = body
        self._timeout = timeout
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        # handle(), not __call__(): that makes a thread for the ORM, which would be out of the test's transaction.
        self._task = asyncio.create_task(self._run())
        try:
            with self._opening(self._is_mine, raise_exception=self._raise_exception):
                await self._until(lambda: self.status_code != 0, self._timeout)
        except BaseException:
            await self.disconnect()
            raise
        return self

    def _is_mine(self, request: HttpRequest) -> bool:
        return getattr(request, "scope", None) is self._scope

    async def __aexit__(self, *exc_info: object) -> None:
        await self.disconnect()

    async def disconnect(self, timeout: float = TIMEOUT) -> None:
        """Leave, as a browser does; back when the server has ended the request, `finally` of the generator included.

        Raises:
            StreamTimeout: if it doesn't.
        """
        self._gone.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=timeout)
            if not done:
                raise StreamTimeout(f"the request did not end within {timeout} s of the disconnect")

    async def next(self, timeout: float | None = None) -> ReceivedEvent:
        """The next event.

        Raises:
            StreamTimeout: if none comes in time.
            StreamEnded: if the stream ends instead.
        """
        await self._until(lambda: bool(self._events), self._timeout if timeout is None else timeout)
        return self._events.popleft()

    async def take(self, count: int, timeout: float | None = None) -> list[ReceivedEvent]:
        """The next `count` events, `timeout` seconds for each."""
        return [await self.next(timeout) for _ in range(count)]

    async def rest(self, timeout: float | None = None) -> list[ReceivedEvent]:
        """All events until the stream ends, `timeout` seconds for each."""
        events = []
        with contextlib.suppress(StreamEnded):
            while True:
                events.append(await self.next(timeout))
        return events

    async def __aiter__(self) -> AsyncIterator[ReceivedEvent]:
        while True:
            try:
                event = await self.next()
            except StreamEnded:
                return
            yield event

    async def wait_for(self, condition: Callable[[Self], bool], timeout: float | None = None) -> None:
        """Until `condition(stream)` holds: `lambda s: s.comments.count("ping") == 2`."""
        await self._until(lambda: condition(self), self._timeout if timeout is None else timeout)

    async def _until(self, condition: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if self._error is not None:
                raise self._error
            if self.ended:
                raise self._over()
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                raise self._late(timeout) from None

    async def _run(self) -> None:
        keep_connections()
        try:
            await self._handler.handle(self._scope, self._receive, self._send)
        except BaseException as error:
            self._error = error
        finally:
            release_connections()
            self.ended = True
            self._changed.set()

    async def _receive(self) -> dict[str, Any]:
        if self._request_body is not None:
            body, self._request_body = self._request_body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self._gone.is_set():
            return
        if message["type"] == "http.response.start":
            self.status_code = message["status"]
            self.headers = CaseInsensitiveMapping(
                {k.decode("latin-1").title(): v.decode("latin-1") for k, v in message["headers"]}
            )
        else:
            self._arrived(message.get("body", b""))
            if not message.get("more_body"):
                self.ended = True
        self._changed.set()


class SyncStream(_Received):
    """A stream on the real WSGI handler. Made by `StreamClient.stream`; `with` opens and disconnects it.

    The view runs in the test's thread, so that a TestCase's transaction holds for it; a thread of ours reads the body.
    """

    def __init__(self, environ: dict[str, Any], timeout: float, *, enforce_csrf: bool, raise_exception: bool) -> None:
        super().__init__()
        self._raise_exception = raise_exception
        self._handler = WSGIHandler()
        if not enforce_csrf:
            self._handler.request_class = _UncheckedRequest
        self._environ = environ
        self._timeout = timeout
        self._chunks: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self._response: Any = None
        self._reader: threading.Thread | None = None
        self._gone = False
        self._shared: dict[str, BaseDatabaseWrapper] = {}

    def __enter__(self) -> Self:
        keep_connections()
        try:
            with self._opening(self._is_mine, raise_exception=self._raise_exception):
                self._response = self._handler(self._environ, self._start)
        except BaseException:
            if self._response is not None:
                self._response.close()
            release_connections()
            raise
        # A response made by hand starts where it is read; it is to see the test's transaction like any other.
        self._shared = transaction_connections()
        self._reader = threading.Thread(target=self._read, name="sse-test-reader", daemon=True)
        self._reader.start()
        return self

    def _is_mine(self, request: HttpRequest) -> bool:
        return getattr(request, "environ", None) is self._environ

    def __exit__(self, *exc_info: object) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        """Leave; back when the generator's `finally` has run. A WSGI server notices at its next write, this one is told."""
        if self._response is not None and not self._gone:
            self._gone = True
            self._response.close()
            release_connections()
        if self._reader is not None:
            self._reader.join(self._timeout)

    def next(self, timeout: float | None = None) -> ReceivedEvent:
        """The next event.

        Raises:
            StreamTimeout: if none comes in time.
            StreamEnded: if the stream ends instead.
        """
        self._until(lambda: bool(self._events), self._timeout if timeout is None else timeout)
        return self._events.popleft()

    def take(self, count: int, timeout: float | None = None) -> list[ReceivedEvent]:
        """The next `count` events, `timeout` seconds for each."""
        return [self.next(timeout) for _ in range(count)]

    def rest(self, timeout: float | None = None) -> list[ReceivedEvent]:
        """All events until the stream ends, `timeout` seconds for each."""
        events = []
        with contextlib.suppress(StreamEnded):
            while True:
                events.append(self.next(timeout))
        return events

    def __iter__(self) -> Iterator[ReceivedEvent]:
        while True:
            try:
                event = self.next()
            except StreamEnded:
                return
            yield event

    def wait_for(self, condition: Callable[[Self], bool], timeout: float | None = None) -> None:
        """Until `condition(stream)` holds."""
        self._until(lambda: condition(self), self._timeout if timeout is None else timeout)

    def _until(self, condition: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if self.ended:
                raise self._over()
            try:
                arrived = self._chunks.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise self._late(timeout) from None
            if arrived is None:
                self.ended = True
            elif isinstance(arrived, BaseException):
                raise arrived
            else:
                self._arrived(arrived)

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        self.status_code = int(status.split(maxsplit=1)[0])
        self.headers = CaseInsensitiveMapping({name.title(): value for name, value in headers})
        return BytesIO().write

    def _read(self) -> None:
        adopt(self._shared)
        try:
            for chunk in self._response:
                if self._gone:
                    break
                self._chunks.put(chunk)
        except BaseException as error:
            self._chunks.put(error)
        finally:
            close_own(self._shared)
            give_back(self._shared)
            self._chunks.put(None)
