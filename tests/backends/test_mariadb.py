"""DatabaseBackend on MariaDB."""

import pytest

from tests.backends.database_contract import DatabaseContract


class TestMariaDB(DatabaseContract):
    @pytest.fixture
    def alias(self, mariadb_alias: str) -> str:
        return mariadb_alias
