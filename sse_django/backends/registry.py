"""Instances of the backends in SSE_DJANGO["BACKENDS"]: one per alias and process, shared by all its threads and loops.

Not Django's BaseConnectionHandler: that keeps instances per context, and a log has one reader per process.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sse_django.backends.base import BaseBackend
from sse_django.conf import SETTINGS_NAME, get_settings

_lock = threading.Lock()
_instances: dict[str, BaseBackend] = {}
_pid = os.getpid()


def get_backend(alias: str = "default") -> BaseBackend:
    """The backend of this alias, made at first use and anew after a fork.

    Raises:
        ImproperlyConfigured: if there is no such alias, or it can't be made.
    """
    global _pid
    backend = _instances.get(alias)
    if backend is not None and _pid == os.getpid():
        return backend
    with _lock:
        if _pid != os.getpid():
            _instances.clear()
            _pid = os.getpid()
        if alias not in _instances:
            _instances[alias] = _make(alias)
        return _instances[alias]


def _make(alias: str) -> BaseBackend:
    backends = get_settings().BACKENDS
    if alias not in backends:
        raise ImproperlyConfigured(
            f"{SETTINGS_NAME}['BACKENDS'] has no {alias!r}; it has {', '.join(map(repr, backends))}"
        )
    config = backends[alias]
    try:
        cls: Any = import_string(config["BACKEND"])
    except ImportError as error:
        raise ImproperlyConfigured(f"{SETTINGS_NAME}['BACKENDS'][{alias!r}]: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, BaseBackend)):
        raise ImproperlyConfigured(f"{SETTINGS_NAME}['BACKENDS'][{alias!r}]: {config['BACKEND']} is no BaseBackend")
    return cls(alias, config.get("OPTIONS", {}))


def reset_backends() -> None:
    """Close and forget all instances: after the settings have changed, in tests."""
    with _lock:
        backends = list(_instances.values())
        _instances.clear()
    if backends:
        # In a thread: settings change in async tests too, and what this thread holds of a database is the test's, not ours.
        closing = threading.Thread(target=_close_all, args=(backends,), name="sse-close")
        closing.start()
        closing.join()


def _close_all(backends: list[BaseBackend]) -> None:
    for backend in backends:
        backend.close()


def _settings_changed(*, setting: str, **kwargs: object) -> None:
    if setting == SETTINGS_NAME:
        reset_backends()


setting_changed.connect(_settings_changed, dispatch_uid="sse_django.backends")
