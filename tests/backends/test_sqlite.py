"""DatabaseBackend on SQLite: the contract."""

from typing import Any

import pytest

from sse_django.backends.database import DatabaseBackend
from sse_django.testing.contract import TransactionalContract
from tests.engines import databases


class TestSQLite(TransactionalContract):
    overlapping = False

    @pytest.fixture(autouse=True)
    def _database(self, sqlite_alias: str) -> None:
        self.alias = sqlite_alias
        databases.empty(sqlite_alias)

    def make_backend(self, **options: Any) -> DatabaseBackend:
        return DatabaseBackend("default", {"using": self.alias, **options})

    def save(self, backend: Any) -> Any:
        return databases.save(self.alias)

    def restore(self, backend: Any, saved: Any) -> None:
        databases.restore(self.alias, saved)
