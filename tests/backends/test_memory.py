"""MemoryBackend: the contract."""

import copy
from typing import Any

from sse_django.backends.memory import MemoryBackend
from sse_django.testing.contract import BackendContract


class TestMemoryBackend(BackendContract):
    shared = False
    log: MemoryBackend | None = None

    def make_backend(self, **options: Any) -> MemoryBackend:
        if self.log is None:
            self.log = MemoryBackend("default", options)
        return self.log

    def save(self, backend: Any) -> Any:
        return {name: copy.copy(value) for name, value in vars(backend).items() if name != "_changed"}

    def restore(self, backend: Any, saved: Any) -> None:
        vars(backend).update(saved)
