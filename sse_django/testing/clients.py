"""Django's test clients with one method more: `stream`, for responses that never end.

Signing in, cookies and headers are those of Django's clients; the request goes through the real handler's middleware.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, cast

from django.test import AsyncClient, Client
from django.test.client import AsyncRequestFactory, RequestFactory

from sse_django.testing.streams import TIMEOUT, AsyncStream, SyncStream


class AsyncStreamClient(AsyncClient):
    """For async tests: `async with client.stream("/orders/") as stream: event = await stream.next()`."""

    def stream(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Any = None,
        last_event_id: str | None = None,
        timeout: float = TIMEOUT,
        **options: Any,
    ) -> AsyncStream:
        """Open a stream.

        Args:
            path: with a query string, if you like.
            method: the HTTP method; POST when there is `json`.
            json: a body to send as JSON.
            last_event_id: the header that a browser sends when it comes back.
            timeout: seconds that the methods of the stream wait for an event.
            **options: `query_params`, `headers`, `data`, `content_type`… as for Django's AsyncClient.

        Opening the stream raises what the view raised before its first event, unless the client was made with
        `raise_request_exception=False`, as with Django's clients.
        """
        factory = _Scopes(defaults=dict(self.defaults), headers=None)
        factory.cookies = self.cookies
        scope, body = factory.make(*_arguments(path, method, json, last_event_id, options))
        return AsyncStream(
            scope,
            body,
            timeout,
            enforce_csrf=self.handler.enforce_csrf_checks,
            raise_exception=self.raise_request_exception,
        )


class StreamClient(Client):
    """For sync tests: `with client.stream("/orders/") as stream: event = stream.next()`."""

    def stream(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Any = None,
        last_event_id: str | None = None,
        timeout: float = TIMEOUT,
        **options: Any,
    ) -> SyncStream:
        """Open a stream. See AsyncStreamClient.stream()."""
        factory = _Environs(headers=None)
        factory.defaults = dict(self.defaults)
        factory.cookies = self.cookies
        environ = factory.make(*_arguments(path, method, json, last_event_id, options))
        return SyncStream(
            environ,
            timeout,
            enforce_csrf=self.handler.enforce_csrf_checks,
            raise_exception=self.raise_request_exception,
        )


def _arguments(
    path: str, method: str, body: Any, last_event_id: str | None, options: dict[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    headers = dict(options.pop("headers", None) or {})
    if last_event_id is not None:
        # As a browser's bytes arrive: UTF-8, which both kinds of server hand over as latin-1.
        headers["Last-Event-ID"] = last_event_id.encode().decode("latin-1")
    if body is not None:
        method = "POST" if method == "GET" else method
        options["data"] = json.dumps(body)
        options["content_type"] = "application/json"
    return method, path, {**options, "headers": headers}


class _Scopes(AsyncRequestFactory):
    """Makes a scope and a body where its parent makes a request."""

    def __init__(self, *, defaults: dict[str, Any], headers: None) -> None:
        super().__init__(headers=headers)
        self.defaults: Any = dict(defaults)

    def make(self, method: str, path: str, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        return self.generic(method, path, **options)  # type: ignore[return-value]  # what request() makes

    def request(self, **request: Any) -> Any:
        body = request.pop("_body_file", None)
        return cast("Any", self)._base_scope(**request), body.read() if body is not None else b""


class _Environs(RequestFactory):
    """Makes an environ where its parent makes a request."""

    def make(self, method: str, path: str, options: dict[str, Any]) -> dict[str, Any]:
        return self.generic(method, path, **options)  # type: ignore[return-value]  # what request() makes

    def request(self, **request: Any) -> Any:
        environ = cast("Any", self)._base_environ(**request)
        environ.setdefault("wsgi.input", BytesIO())
        return environ
