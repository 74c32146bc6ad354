"""DatabaseBackend on MariaDB."""

import time

import pytest
from django.db import Error, connections

from sse_django.exceptions import PublishError
from sse_django.testing.contract import PATIENCE, publish
from tests.backends.database_contract import DatabaseContract
from tests.engines.hanging import hanging
from tests.engines.mariadb import MariaDB


class TestMariaDB(DatabaseContract):
    @pytest.fixture
    def alias(self, mariadb_alias: str) -> str:
        return mariadb_alias

    def test_a_server_that_hangs_is_an_error_in_time(self, mariadb: MariaDB) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        begun = time.monotonic()
        with hanging(mariadb.pid):
            with pytest.raises(PublishError):
                publish(backend, "perhaps")
            with pytest.raises(Error):  # on another connection, whose beginning has its own limit
                backend.read(start, None, 1)
            assert time.monotonic() - begun < PATIENCE / 2
        backend.close()
        publish(backend, "b")
        assert backend.head() != start

    def test_the_limit_of_connecting_is_none_of_the_statements_that_the_site_makes(self) -> None:
        backend = self.new(timeout=1.0)
        backend.close()
        publish(backend, "a")
        with connections[self.alias].cursor() as cursor:
            cursor.execute("SELECT SLEEP(2.5)")
            assert cursor.fetchone() == (0,)


class TestMariaDBRepeatableRead(TestMariaDB):
    """MySQL's own default isolation, which Django otherwise changes."""

    @pytest.fixture
    def alias(self, repeatable_mariadb_alias: str) -> str:
        return repeatable_mariadb_alias

    # Two processes more would say nothing new.
    test_processes_that_publish_at_once_make_one_order = None  # type: ignore[assignment]

    def test_a_head_taken_in_a_transaction_is_behind_what_nobody_has_read(self) -> None:
        """Not here: the head that a snapshot sees is the one that goes with the rows it sees."""
