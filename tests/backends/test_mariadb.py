"""DatabaseBackend on MariaDB."""

import pytest

from tests.backends.database_contract import DatabaseContract


class TestMariaDB(DatabaseContract):
    @pytest.fixture
    def alias(self, mariadb_alias: str) -> str:
        return mariadb_alias


class TestMariaDBRepeatableRead(TestMariaDB):
    """MySQL's own default isolation, which Django otherwise changes."""

    @pytest.fixture
    def alias(self, repeatable_mariadb_alias: str) -> str:
        return repeatable_mariadb_alias

    # Two processes more would say nothing new.
    test_processes_that_publish_at_once_make_one_order = None  # type: ignore[assignment]

    def test_a_head_taken_in_a_transaction_is_behind_what_nobody_has_read(self) -> None:
        """Not here: the head that a snapshot sees is the one that goes with the rows it sees."""
