"""What the demo runs on: SQLite, or the engine that `make demo ENGINE=` has started, as settings.

`scripts/engine.py` leaves the address of a running engine in a file beside the SQLite database, so that `manage.py` in a second
terminal finds it too. The variable DEMO_ENGINE, an address or `sqlite`, goes before the file.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def file_beside(database: Path) -> Path:
    """Where the address of the engine is."""
    return database.with_suffix(".engine")


def address(database: Path) -> str:
    """`sqlite`, or the URL of a running engine."""
    file = file_beside(database)
    return os.environ.get("DEMO_ENGINE") or (file.read_text().strip() if file.exists() else "sqlite")


def database_of(engine: str) -> dict[str, Any] | None:
    """The settings of the default database, if that is not to be SQLite."""
    url = urlsplit(engine)
    if url.scheme != "postgres":
        return None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.lstrip("/"),
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.hostname,
        "PORT": url.port,
    }


def channels_of(engine: str) -> dict[str, Any]:
    """SSE_DJANGO: where the log is."""
    if engine.startswith("redis:"):
        backend = {"BACKEND": "sse_django.backends.redis.RedisBackend", "OPTIONS": {"url": engine}}
    else:
        backend = {"BACKEND": "sse_django.backends.database.DatabaseBackend"}
    return {"BACKENDS": {"default": backend}}


def name_of(engine: str) -> str:
    """For people."""
    return {"redis": "Valkey", "postgres": "PostgreSQL"}.get(urlsplit(engine).scheme, "SQLite")
