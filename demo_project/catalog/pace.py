"""The demo's pace: the one place where a stream waits for no other reason than to be watched."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Generic, TypeVar

from django.conf import settings

T = TypeVar("T")


def slowly(items: Iterable[T] | AsyncIterable[T]) -> "Slow[T]":
    """The same items with `DEMO_PACE` seconds between them, for `for` and `async for` alike."""
    return Slow(items)


class Slow(Generic[T]):
    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self._items: Any = items

    def __iter__(self) -> Iterator[T]:
        for n, item in enumerate(self._items):
            if n:
                time.sleep(settings.DEMO_PACE)
            yield item

    async def __aiter__(self) -> AsyncIterator[T]:
        first = True
        async for item in self._items if hasattr(self._items, "__aiter__") else _each(self._items):
            if not first:
                await asyncio.sleep(settings.DEMO_PACE)
            first = False
            yield item


async def _each(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item
