"""DatabaseBackend on SQLite."""

import pytest

from tests.backends.database_contract import DatabaseContract


class TestSQLite(DatabaseContract):
    overlapping = False

    @pytest.fixture
    def alias(self, sqlite_alias: str) -> str:
        return sqlite_alias


class TestSQLiteAsDjangoOpensIt(TestSQLite):
    """Without the options that docs recommend: slower, and no less right."""

    @pytest.fixture
    def alias(self, plain_sqlite_alias: str) -> str:
        return plain_sqlite_alias
