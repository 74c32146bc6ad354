"""Feeds of a test are forgotten after it; a test that wants real transactions has them on every kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management.color import no_style
from django.db import connections
from django.test import override_settings

from sse_django.feeds.registry import isolated_feeds
from sse_django.testing import live_backend
from tests.engines.databases import empty
from tests.unit.conftest import serve  # noqa: F401


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with isolated_feeds():
        yield


class Router:
    """Everything of the app's is in one database."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def db_for_read(self, model: type, **hints: object) -> str | None:
        return self.alias if model._meta.app_label == "feedshop" else None  # type: ignore[attr-defined]

    db_for_write = db_for_read


_made: set[str] = set()


def tables(alias: str) -> None:
    """Make the app's tables, or empty them."""
    models = list(apps.get_app_config("feedshop").get_models(include_auto_created=True))
    if alias not in _made:
        _made.add(alias)
        with connections[alias].schema_editor() as editor:
            for model in models:
                if not model._meta.auto_created and not model._meta.proxy:
                    editor.create_model(model)
        return
    names = [model._meta.db_table for model in models if not model._meta.proxy]
    operations = connections[alias].ops
    operations.execute_sql_flush(operations.sql_flush(no_style(), names, allow_cascade=True))


def one_database(alias: str) -> Iterator[str]:
    """The app's models and the log in one database, without Django's TestCase around it."""
    tables(alias)
    empty(alias)
    backends = {"default": {"BACKEND": "sse_django.backends.database.DatabaseBackend", "OPTIONS": {"using": alias}}}
    with override_settings(SSE_DJANGO={"BACKENDS": backends}, DATABASE_ROUTERS=[Router(alias)]):
        yield alias
    connections[alias].close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """An alias; the test's transactions are real."""
    yield from one_database(request.getfixturevalue(f"{request.param}_alias"))


@pytest.fixture
def postgres(postgresql_alias: str) -> Iterator[str]:
    yield from one_database(postgresql_alias)


@pytest.fixture(params=["postgresql", "mariadb"])
def overlapping(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database whose transactions overlap."""
    yield from one_database(request.getfixturevalue(f"{request.param}_alias"))


@pytest.fixture
def live(database: str) -> Iterator[None]:
    """Streams receive."""
    with live_backend():
        yield
