"""What carries the log: `get_backend(alias)` gives the process's instance of a configured backend."""

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.registry import get_backend, reset_backends

__all__ = ["BaseBackend", "Message", "StoredEvent", "get_backend", "reset_backends"]
