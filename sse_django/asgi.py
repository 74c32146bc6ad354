"""`get_asgi_application`: Django's, in which a stream of a subscription calls the server's `send` itself.

With Django's own application each event of each connection wakes the connection's task, which then calls `send`. Here the call
comes straight from what would have woken the task, and the task sleeps until the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MethodType
from typing import Any, TypeGuard

import django
from django.core.handlers.asgi import ASGIHandler
from django.http.response import HttpResponseBase

from sse_django.direct import Send
from sse_django.response import EventSourceResponse

#: Servers whose `send` may be called outside a task: it waits for the client alone, and by a future of the loop.
PROVEN = frozenset({"uvicorn.protocols.http.httptools_impl", "uvicorn.protocols.http.h11_impl"})


class EventStreamASGIHandler(ASGIHandler):
    """Django's handler. Under another server than uvicorn, or where something wraps `send`, it is no different."""

    async def send_response(
        self, response: HttpResponseBase, send: Callable[[Mapping[str, Any]], Awaitable[None]]
    ) -> None:
        """Send a response. This is where Django has both the response that left its middleware and the server's `send`."""
        if (
            isinstance(response, EventSourceResponse)
            and type(response).__aiter__ is EventSourceResponse.__aiter__  # or a subclass may want to see each chunk
            and is_proven(send)
        ):
            response.send_by(send)
        await super().send_response(response, send)


def is_proven(send: object) -> TypeGuard[Send]:
    """Whether this is the `send` of a server for which it is known to be safe, and nothing that somebody has put around it.

    What wraps a method may have its name, its module and its `__self__`, but never its globals.
    """
    return type(send) is MethodType and getattr(send.__func__, "__globals__", {}).get("__name__") in PROVEN


def get_asgi_application() -> EventStreamASGIHandler:
    """The project's ASGI application, in place of `django.core.asgi.get_asgi_application`."""
    django.setup(set_prefix=False)
    return EventStreamASGIHandler()
