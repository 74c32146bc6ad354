"""The one settings dict, `SSE_DJANGO`: its names, defaults and kinds. Read at use, so that tests can override it.

An unknown name or a value of the wrong kind is `ImproperlyConfigured`; `checks.py` says it at `manage.py check` already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

SETTINGS_NAME = "SSE_DJANGO"


@dataclass(frozen=True)
class Settings:
    """`settings.SSE_DJANGO` with defaults. Times are in seconds."""

    #: What carries channels: `{alias: {"BACKEND": dotted name, "OPTIONS": {…}}}`.
    BACKENDS: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"default": {"BACKEND": "sse_django.backends.database.DatabaseBackend"}}
    )
    #: Silence after which `: ping` is sent; None turns pings off.
    PING_INTERVAL: float | None = 15.0
    #: Sync generators that may stream at once in a process, each in a thread of its own.
    MAX_SYNC_STREAMS: int | None = 256
    #: Lifetime of a stream, shortened by up to a tenth at random so that clients do not return together; None is no limit.
    MAX_DURATION: float | None = None
    #: Streams at once in a process; None is no limit.
    MAX_STREAMS: int | None = None
    #: Streams at once of one user in a process, where the user is known; None is no limit.
    MAX_STREAMS_PER_USER: int | None = None
    #: How long the server may take to accept a chunk before the stream is cut; None is no limit.
    WRITE_TIMEOUT: float | None = None


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "PING_INTERVAL": ((int, float), "seconds above 0, or None for no pings"),
    "MAX_SYNC_STREAMS": (int, "a whole number of 1 or more, or None"),
    "MAX_DURATION": ((int, float), "seconds above 0, or None"),
    "MAX_STREAMS": (int, "a whole number of 1 or more, or None"),
    "MAX_STREAMS_PER_USER": (int, "a whole number of 1 or more, or None"),
    "WRITE_TIMEOUT": ((int, float), "seconds above 0, or None"),
}


def problems(raw: object) -> Iterator[str]:
    """What is wrong with a settings value, a sentence each."""
    if not isinstance(raw, Mapping):
        yield f"{SETTINGS_NAME} must be a dict, got {raw!r}."
        return
    for name, value in raw.items():
        if name == "BACKENDS":
            yield from _backend_problems(value)
            continue
        if name not in _KINDS:
            yield f"{SETTINGS_NAME} has no setting {name!r}; it knows {', '.join(sorted([*_KINDS, 'BACKENDS']))}."
            continue
        kind, wanted = _KINDS[name]
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, kind) or not cast("float", value) > 0
        ):
            yield f"{SETTINGS_NAME}[{name!r}] must be {wanted}, got {value!r}."


def _backend_problems(backends: object) -> Iterator[str]:
    if not isinstance(backends, Mapping) or not backends:
        yield f"{SETTINGS_NAME}['BACKENDS'] must be a dict of backends by alias, got {backends!r}."
        return
    for alias, config in backends.items():
        where = f"{SETTINGS_NAME}['BACKENDS'][{alias!r}]"
        if not isinstance(config, Mapping) or not isinstance(config.get("BACKEND"), str):
            yield f"{where} must be a dict with a dotted name as 'BACKEND', got {config!r}."
        elif not isinstance(config.get("OPTIONS", {}), Mapping):
            yield f"{where}['OPTIONS'] must be a dict, got {config['OPTIONS']!r}."
        elif set(config) - {"BACKEND", "OPTIONS"}:
            yield f"{where} has 'BACKEND' and 'OPTIONS' only, got {', '.join(map(repr, config))}."


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings in force.

    Raises:
        ImproperlyConfigured: if a name is unknown or a value of the wrong kind.
    """
    raw: Any = getattr(settings, SETTINGS_NAME, {})
    for problem in problems(raw):
        raise ImproperlyConfigured(problem)
    return Settings(**raw)


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == SETTINGS_NAME:
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="sse_django.conf")
