"""DatabaseBackend on SQLite."""

import pytest

from tests.backends.database_contract import DatabaseContract


class TestSQLite(DatabaseContract):
    overlapping = False

    @pytest.fixture
    def alias(self, sqlite_alias: str) -> str:
        return sqlite_alias
