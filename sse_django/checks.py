"""System checks: what would make streams fail or stall in this project, said before the first request.

E001 SSE_DJANGO has a wrong name or value; E002 a backend can't be made; E003 the log's database is missing or can't carry it;
E005 two backends share one database's log.
W001 only WSGI is configured; W002 GZipMiddleware, which streams bypass; W003 a log of one process in production; W004 and W005
SQLite as it comes: transactions that fail instead of waiting, and readers that hold writers up.

Nothing here talks to an engine, and what it would have to guess (a publish in another database's transaction) it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.module_loading import import_string

from sse_django.backends import BaseBackend, get_backend
from sse_django.conf import SETTINGS_NAME, get_settings, problems

SQLITE_OPTIONS = (
    '"OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}'
)


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001: unknown names and wrong values in SSE_DJANGO."""
    return [
        Error(problem, hint="docs/reference.md lists the settings, their kinds and defaults.", id="sse_django.E001")
        for problem in problems(getattr(settings, SETTINGS_NAME, {}))
    ]


def check_asgi(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W001: no ASGI application, so that every open stream holds a thread of the server."""
    if getattr(settings, "ASGI_APPLICATION", None) or not getattr(settings, "WSGI_APPLICATION", None):
        return []
    return [
        CheckWarning(
            "WSGI_APPLICATION is set and ASGI_APPLICATION is not: under WSGI an open stream holds one of the server's threads.",
            hint="Serve the project by ASGI (uvicorn, granian, hypercorn, daphne) and set ASGI_APPLICATION; "
            "or give the WSGI server a thread per expected stream and silence this.",
            id="sse_django.W001",
        )
    ]


def check_middleware(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W002: GZipMiddleware is there and leaves streams alone; compression is an option of each stream."""
    if "django.middleware.gzip.GZipMiddleware" not in settings.MIDDLEWARE:
        return []
    return [
        CheckWarning(
            "GZipMiddleware doesn't compress event streams: it would hold events back, so they say Content-Encoding: identity.",
            hint="Where a stream is worth compressing, say @event_stream(compress=True); then silence this check.",
            id="sse_django.W002",
        )
    ]


def check_backends(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E002, E003, E005: backends that can't be made, or not beside each other; W003, W004, W005: those that will disappoint."""
    if any(problems(getattr(settings, SETTINGS_NAME, {}))):
        return []  # E001
    found = [
        message for alias, config in get_settings().BACKENDS.items() for message in _check_backend(str(alias), config)
    ]
    if "BACKENDS" in getattr(settings, SETTINGS_NAME, {}):
        return [*found, *_check_shared()]
    # Nobody chose the default: a site without a database may still stream, if it never publishes.
    return [message for message in found if not isinstance(message, Error)]


def _check_backend(alias: str, config: Mapping[str, Any]) -> Iterator[CheckMessage]:
    where = f"{SETTINGS_NAME}['BACKENDS'][{alias!r}]"
    try:
        cls = import_string(config["BACKEND"])
        if not (isinstance(cls, type) and issubclass(cls, BaseBackend)):
            yield _not_made(f"{where}: {config['BACKEND']} is no subclass of sse_django.backends.BaseBackend", config)
            return
        backend = get_backend(alias)
    except ImproperlyConfigured as error:
        yield _not_made(str(error), config)
    except Exception as error:  # an ImportError, a mistake in somebody else's backend, OPTIONS that are no dict
        yield _not_made(f"{where} can't be made: {type(error).__name__}: {error}", config)
    else:
        yield from _check_memory(backend)
        yield from _check_sqlite(backend)


def _check_shared() -> Iterator[CheckMessage]:
    """A database has one pair of tables: two backends on it are one log with two retentions, read twice by every process."""
    from sse_django.backends.database import DatabaseBackend

    by_database: dict[str, list[str]] = {}
    for alias in get_settings().BACKENDS:
        with suppress(Exception):  # E002 or E003
            backend = get_backend(alias)
            if isinstance(backend, DatabaseBackend):
                by_database.setdefault(backend.using, []).append(str(alias))
    for using, aliases in by_database.items():
        if len(aliases) > 1:
            yield Error(
                f"The backends {' and '.join(map(repr, aliases))} are the same log: both are DatabaseBackend on the database "
                f"{using!r}, which has one.",
                hint="Keep one of them, and tell events apart by their channels; or give each a database of its own in "
                "OPTIONS['using'].",
                id="sse_django.E005",
            )


def _not_made(problem: str, config: Mapping[str, Any]) -> CheckMessage:
    problem = problem.rstrip(".") + "."
    if _has_no_database(config):
        hint = "Name one of DATABASES in OPTIONS['using'] that is PostgreSQL, MySQL, MariaDB or SQLite."
        return Error(problem, hint=hint, id="sse_django.E003")
    hint = "docs/howto/backends.md lists the backends, their OPTIONS and what installs their drivers."
    return Error(problem, hint=hint, id="sse_django.E002")


def _has_no_database(config: Mapping[str, Any]) -> bool:
    from sse_django.backends.database.backend import VENDORS, DatabaseBackend

    try:
        cls = import_string(config["BACKEND"])
        using = config.get("OPTIONS", {}).get("using", "default")
        return issubclass(cls, DatabaseBackend) and (
            using not in connections.settings or connections[using].vendor not in VENDORS
        )
    except Exception:  # then that is the problem, and E002 says it
        return False


def _check_memory(backend: BaseBackend) -> Iterator[CheckMessage]:
    from sse_django.backends.memory import MemoryBackend

    # setup_test_environment() turns DEBUG off and makes the outbox; a log in memory is what tests want.
    if settings.DEBUG or hasattr(mail, "outbox") or not isinstance(backend, MemoryBackend):
        return
    yield CheckWarning(
        f"DEBUG is off, and the backend {backend.alias!r} keeps its log in the memory of one process: events don't reach "
        "readers in other workers, tasks or shells, and a restart forgets them.",
        hint="Use DatabaseBackend, RedisBackend or NatsBackend; or, with a single process that may forget, silence this.",
        id="sse_django.W003",
    )


def _check_sqlite(backend: BaseBackend) -> Iterator[CheckMessage]:
    from sse_django.backends.database import DatabaseBackend

    if not isinstance(backend, DatabaseBackend):
        return
    connection: Any = connections[backend.using]
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        return
    where = f"DATABASES[{backend.using!r}]"
    options = connection.settings_dict.get("OPTIONS", {})
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield CheckWarning(
            f"{where} is SQLite without transaction_mode IMMEDIATE: a transaction that reads before it publishes fails with "
            '"database is locked", at once, if another has written meanwhile.',
            hint=f"Add to {where} in settings.py: {SQLITE_OPTIONS}.",
            id="sse_django.W004",
        )
    if not _is_wal(str(connection.settings_dict["NAME"]), str(options.get("init_command", ""))):
        yield CheckWarning(
            f"{where} is SQLite without write-ahead logging: everyone who reads the log makes those who write wait.",
            hint=f"Add to {where} in settings.py: {SQLITE_OPTIONS}.",
            id="sse_django.W005",
        )


def _is_wal(name: str, init_command: str) -> bool:
    """Whether the database uses a write-ahead log, as far as that can be known without opening it; True if it can't."""
    modes = re.findall(r"journal_mode\s*[=(]\s*['\"]?(\w+)", init_command, re.IGNORECASE)
    if modes:
        return str(modes[-1]).upper() == "WAL"
    try:
        with Path(name).open("rb") as file:
            header = file.read(20)
    except OSError:  # not there yet, or a URI
        return True
    # https://www.sqlite.org/fileformat2.html#file_format_version_numbers
    return header[:16] != b"SQLite format 3\0" or header[18] == 2


ALL: Sequence[Any] = (check_settings, check_asgi, check_middleware, check_backends)
