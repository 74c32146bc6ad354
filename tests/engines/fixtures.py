"""The engines, each started when a test first asks for it, and their databases.

Of the whole run, not of a folder: two fixtures of one name would be two databases of one alias.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from tests.engines import mysqldriver
from tests.engines.databases import database
from tests.engines.mariadb import MariaDB
from tests.engines.nats import Nats
from tests.engines.valkey import Valkey
from tests.live.postgres import Postgres


@pytest.fixture(scope="session")
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """These databases are ours: none is Django's test database, and transactions are what is tested."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def sqlite_alias(_unblocked: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file, with the options that docs recommend."""
    path: Path = tmp_path_factory.mktemp("backends") / "log.sqlite3"
    options = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}
    with database("contract_sqlite", settings) as alias:
        yield alias


@pytest.fixture(scope="session")
def plain_sqlite_alias(_unblocked: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file, with no options."""
    path: Path = tmp_path_factory.mktemp("backends") / "plain.sqlite3"
    with database("contract_plain", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}) as alias:
        yield alias


@pytest.fixture(scope="session")
def postgresql(_unblocked: None) -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql_alias(postgresql: Postgres) -> Iterator[str]:
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": postgresql.port,
    }
    with database("contract_postgresql", settings) as alias:
        yield alias


@pytest.fixture(scope="session")
def mariadb(_unblocked: None) -> Iterator[MariaDB]:
    server = MariaDB()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb_alias(mariadb: MariaDB) -> Iterator[str]:
    mysqldriver.choose()
    settings = {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "log",
        "USER": "root",
        "HOST": "127.0.0.1",
        "PORT": mariadb.port,
    }
    with database("contract_mariadb", settings) as alias:
        yield alias


@pytest.fixture(scope="session")
def repeatable_mariadb_alias(mariadb_alias: str) -> Iterator[str]:
    """The same database, with MySQL's own default isolation."""
    settings = {**connections[mariadb_alias].settings_dict, "OPTIONS": {"isolation_level": "repeatable read"}}
    with database("contract_repeatable", settings) as alias:
        yield alias


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats() -> Iterator[Nats]:
    server = Nats()
    yield server
    server.stop()
