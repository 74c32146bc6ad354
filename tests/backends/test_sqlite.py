"""DatabaseBackend on SQLite."""

import pytest

from tests.backends.database_contract import DatabaseContract


class TestSQLite(DatabaseContract):
    overlapping = False
    # There is one writer at a time: for these two statements, on one batch, it is the trim.
    held = frozenset({"BEGIN", "UPDATE", "DELETE"})

    @pytest.fixture
    def alias(self, sqlite_alias: str) -> str:
        return sqlite_alias


class TestSQLiteAsDjangoOpensIt(TestSQLite):
    """Without the options that docs recommend: slower, and no less right."""

    # Who reads holds up who commits, here until what was read is fetched; and a transaction has the lock once it writes.
    held = frozenset({"SELECT", "UPDATE", "DELETE"})

    @pytest.fixture
    def alias(self, plain_sqlite_alias: str) -> str:
        return plain_sqlite_alias
