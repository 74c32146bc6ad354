"""Middleware of two kinds that streams meet in the wild, and one that traces how they end."""

from collections.abc import AsyncIterator, Callable, Iterator

from django.http import HttpRequest, HttpResponseBase

from sse_django.signals import stream_closed
from tests.project.trace import trace

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class SyncOnlyMiddleware:
    """Knows nothing of async, so that Django runs the view's side of it in a thread."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


def wrapping_middleware(get_response: GetResponse) -> GetResponse:
    """Wraps `streaming_content`, as Django's documentation shows it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.streaming:
            content = response.streaming_content  # type: ignore[attr-defined]
            response.streaming_content = aslow(content) if response.is_async else slow(content)  # type: ignore[attr-defined]
        return response

    return middleware


async def aslow(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk


def slow(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks


def outcomes_middleware(get_response: GetResponse) -> GetResponse:
    """Traces the outcome that each stream's end is told with."""
    stream_closed.connect(_trace_outcome)
    return get_response


def _trace_outcome(request: HttpRequest, outcome: str, **kwargs: object) -> None:
    trace(request.GET["name"], "closed", outcome=outcome)
