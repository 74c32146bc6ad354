"""What `manage.py check` says about the backends of channels, and what it keeps quiet about."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.checks import CheckMessage, run_checks
from django.db import connections
from django.test import override_settings

from sse_django.backends import BaseBackend, Message

MEMORY = "sse_django.backends.memory.MemoryBackend"
DATABASE = "sse_django.backends.database.DatabaseBackend"


class Odd:
    """Takes what a backend takes, and is none."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        pass


class Broken(BaseBackend):
    """Somebody's backend with a mistake in it."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        raise KeyError("url")


class Lost(BaseBackend):
    """An engine that must not be asked by a check."""

    def publish(self, messages: Sequence[Message]) -> None:
        raise AssertionError("asked")

    def head(self) -> str:
        raise AssertionError("asked")


def check(backend: str, **options: Any) -> list[CheckMessage]:
    """The messages for one backend."""
    return check_all({"default": {"BACKEND": backend, "OPTIONS": options}})


def check_all(backends: Mapping[str, Any]) -> list[CheckMessage]:
    with override_settings(SSE_DJANGO={"BACKENDS": backends}):
        messages = run_checks(tags=["sse_django"])
    assert all(message.hint for message in messages)
    return messages


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        (MEMORY, {"max_event": 5}, "MemoryBackend ('default') has no option 'max_event'; it knows max_age, max_events."),
        (MEMORY, {"max_events": 0}, "MemoryBackend ('default'): OPTIONS['max_events'] is a whole number of 1 or more, or None"),
        ("sse_django.backends.nothing.Backend", {}, "ModuleNotFoundError: No module named 'sse_django.backends.nothing'."),
        ("sse_django.backends.memory.Nothing", {}, "ImportError: Module"),
        ("memory", {}, "SSE_DJANGO['BACKENDS']['default'] can't be made: ImportError: memory doesn't look like a module path."),
        (f"{__name__}.Odd", {}, f"{__name__}.Odd is no subclass of sse_django.backends.BaseBackend."),
        ("os.path.join", {}, "SSE_DJANGO['BACKENDS']['default']: os.path.join is no subclass of sse_django.backends.BaseB"),
        (f"{__name__}.Broken", {}, "SSE_DJANGO['BACKENDS']['default'] can't be made: KeyError: 'url'."),
        (DATABASE, {"poll_interval": "1"}, "DatabaseBackend ('default'): OPTIONS['poll_interval'] is a number above 0"),
    ],
)  # fmt: skip
def test_backend_that_can_not_be_made_is_e002(backend: str, options: dict[str, Any], message: str) -> None:
    (found,) = check(backend, **options)
    assert (found.id, found.is_serious()) == ("sse_django.E002", True)
    assert message in found.msg
    assert found.hint is not None
    assert "docs/howto/backends.md" in found.hint


def test_options_that_are_no_dict_are_a_wrong_setting() -> None:
    (found,) = check_all({"default": {"BACKEND": MEMORY, "OPTIONS": None}})
    assert found.id == "sse_django.E001"


@pytest.mark.parametrize(("driver", "backend"), [("redis", "redis.RedisBackend"), ("nats", "nats.NatsBackend")])
def test_missing_driver_is_e002_and_says_what_installs_it(
    driver: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == driver or name.startswith(f"sse_django.backends.{driver}"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    (found,) = check(f"sse_django.backends.{backend}")
    assert found.id == "sse_django.E002"
    assert f'pip install "sse-django[{driver}]"' in found.msg


def test_each_backend_is_looked_at() -> None:
    found = check_all(
        {
            "default": {"BACKEND": MEMORY},
            "one": {"BACKEND": MEMORY, "OPTIONS": {"x": 1}},
            "two": {"BACKEND": DATABASE, "OPTIONS": {"using": "logs"}},
        }
    )
    assert [message.id for message in found] == ["sse_django.E002", "sse_django.E003"]


def test_wrong_settings_are_said_once() -> None:
    assert [message.id for message in check_all({"default": {"BACKEND": 1}})] == ["sse_django.E001"]


def test_no_engine_is_asked() -> None:
    assert check(f"{__name__}.Lost") == []


def test_unknown_database_is_e003() -> None:
    (found,) = check(DATABASE, using="logs")
    assert found.id == "sse_django.E003"
    assert "OPTIONS['using'] is 'logs'; DATABASES has 'default'" in found.msg


def test_oracle_is_e003(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "oracle")
    monkeypatch.setattr(connections["default"], "display_name", "Oracle")
    (found,) = check(DATABASE)
    assert found.id == "sse_django.E003"
    assert "Oracle can't carry the log" in found.msg


def test_two_backends_on_one_database_are_e005() -> None:
    (message,) = check_all({name: {"BACKEND": DATABASE} for name in ("default", "orders")})
    assert message.id == "sse_django.E005"
    assert message.msg == (
        "The backends 'default' and 'orders' are the same log: both are DatabaseBackend on the database 'default', "
        "which has one."
    )
    assert message.hint is not None
    assert "OPTIONS['using']" in message.hint


def test_backends_with_a_log_each_are_no_e005(database: dict[str, Any]) -> None:
    """Beside each other: a database each, and whatever is no database."""
    backends = {"default": {"BACKEND": DATABASE}, "orders": {"BACKEND": DATABASE, "OPTIONS": {"using": "file"}}}
    backends |= {name: {"BACKEND": "tests.unit.test_checks_channels.Lost"} for name in ("a", "b")}
    assert "sse_django.E005" not in [message.id for message in check_all(backends)]


def test_memory_in_production_is_w003(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(MEMORY) == []  # in tests, where DEBUG is off too
    monkeypatch.delattr(mail, "outbox")
    (found,) = check(MEMORY)
    assert (found.id, found.is_serious(40)) == ("sse_django.W003", False)
    with override_settings(DEBUG=True):
        assert check(MEMORY) == []
    assert check(DATABASE) == []


# -- SQLite


@pytest.fixture
def database(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of a second database, `file`, which nobody opens."""
    name = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(name)) as connection:
        connection.execute("CREATE TABLE t (x)")
    config: dict[str, Any] = {**connections.settings["default"], "NAME": name, "OPTIONS": {}}
    connections.settings["file"] = config
    yield config
    connections["file"].close()
    del connections["file"]
    del connections.settings["file"]


def sqlite_ids(database: dict[str, Any], **options: Any) -> list[str | None]:
    """The checks' ids with these OPTIONS of the database."""
    database["OPTIONS"] = options
    try:
        return [message.id for message in check(DATABASE, using="file")]
    finally:
        del connections["file"]


def test_sqlite_as_it_comes_is_w004_and_w005(database: dict[str, Any]) -> None:
    assert sqlite_ids(database) == ["sse_django.W004", "sse_django.W005"]


def test_the_hint_s_options_satisfy_the_checks_and_sqlite(database: dict[str, Any], django_db_blocker: Any) -> None:
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": {"BACKEND": DATABASE, "OPTIONS": {"using": "file"}}}}):
        hints = {str(message.hint) for message in run_checks(tags=["sse_django"])}
    (hint,) = hints
    options = eval(hint.removeprefix("Add to DATABASES['file'] in settings.py: \"OPTIONS\": ").removesuffix("."))
    del connections["file"]

    assert sqlite_ids(database, **options) == []

    with django_db_blocker.unblock(), connections["file"].cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)


@pytest.mark.parametrize("mode", ["IMMEDIATE", "immediate", "EXCLUSIVE"])
def test_transactions_that_wait_are_no_w004(database: dict[str, Any], mode: str) -> None:
    assert sqlite_ids(database, transaction_mode=mode) == ["sse_django.W005"]


def test_deferred_transactions_are_w004(database: dict[str, Any]) -> None:
    assert sqlite_ids(database, transaction_mode="DEFERRED") == ["sse_django.W004", "sse_django.W005"]


@pytest.mark.parametrize(
    ("init_command", "ids"),
    [
        ("PRAGMA journal_mode=WAL;", []),
        ("PRAGMA synchronous=NORMAL; pragma main.journal_mode = 'wal'", []),
        ("PRAGMA journal_mode(wal)", []),
        ("PRAGMA journal_mode=WAL; PRAGMA journal_mode=DELETE", ["sse_django.W005"]),
        ("PRAGMA synchronous=NORMAL", ["sse_django.W005"]),
    ],
)
def test_what_init_command_says_decides_on_w005(database: dict[str, Any], init_command: str, ids: list[str]) -> None:
    assert sqlite_ids(database, transaction_mode="IMMEDIATE", init_command=init_command) == ids


def test_a_file_that_is_in_wal_mode_already_is_no_w005(database: dict[str, Any]) -> None:
    with closing(sqlite3.connect(database["NAME"])) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert sqlite_ids(database, transaction_mode="IMMEDIATE") == []
    assert sqlite_ids(database, transaction_mode="IMMEDIATE", init_command="PRAGMA journal_mode=DELETE") == [
        "sse_django.W005"
    ]


@pytest.mark.parametrize("name", ["nothing.sqlite3", "empty.sqlite3", "."])
def test_what_can_not_be_known_is_not_warned_of(database: dict[str, Any], tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.sqlite3").touch()
    database["NAME"] = tmp_path / name
    assert sqlite_ids(database, transaction_mode="IMMEDIATE") == []


def test_sqlite_in_memory_has_one_process_and_is_left_alone() -> None:
    assert settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert check(DATABASE) == []
