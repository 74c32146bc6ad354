"""A project's own tests of views that pause between two uses of the database, as `manage.py test` runs them.

test_pauses.py has it run them, on each database. What the streams find was made in the test's transaction.
"""

import asyncio
from typing import Any, ClassVar

from django.test import TestCase, TransactionTestCase

from sse_django.testing import AsyncStreamClient, StreamClient
from tests.app.models import Product

PAUSE = 2.0
"""Seconds between two uses of the database. A stream is parted from its connection after about one."""

NAMES = ["Assam", "Ceylon"]
SEEN = [{"seen": 1}, {"seen": 1}]


class Pausing:
    client_class = StreamClient
    async_client_class = AsyncStreamClient
    client: StreamClient
    async_client: AsyncStreamClient

    def read(self, path: str) -> list[Any]:
        with self.client.stream(f"/{path}/?name={path}&pause={PAUSE}", timeout=10 * PAUSE) as stream:
            return [event.json() for event in stream.rest()]

    async def aread(self, path: str) -> list[Any]:
        async with self.async_client.stream(f"/{path}/?name={path}&pause={PAUSE}", timeout=10 * PAUSE) as stream:
            return [event.json() for event in await stream.rest()]


def add_rows() -> list[dict[str, Any]]:
    """Two rows, and what a stream of them sends."""
    return [{"pk": Product.objects.create(name=name).pk, "name": name} for name in NAMES]


class PausesTest(Pausing, TestCase):
    rows: ClassVar[list[dict[str, Any]]]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.rows = add_rows()

    def test_rows(self) -> None:
        assert self.read("sync-rows") == self.rows

    async def test_rows_async(self) -> None:
        assert await asyncio.gather(self.aread("rows"), self.aread("sync-rows")) == [self.rows, self.rows]

    def test_atomic(self) -> None:
        assert self.read("atomic") == SEEN
        assert Product.objects.count() == len(self.rows)

    async def test_atomic_async(self) -> None:
        assert await self.aread("async-atomic") == SEEN
        assert await self.aread("atomic") == SEEN
        assert await Product.objects.acount() == len(self.rows)


class CommittedTest(Pausing, TransactionTestCase):
    """The sync client on an async view that queries needs rows that others see."""

    def test_rows_of_an_async_view(self) -> None:
        rows = add_rows()
        assert self.read("rows") == rows

    def test_atomic_of_an_async_view(self) -> None:
        assert self.read("async-atomic") == SEEN
        assert Product.objects.count() == 0
