"""RedisBackend on Valkey."""

import time
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from sse_django.backends import Message
from sse_django.backends.redis import RedisBackend
from sse_django.exceptions import Gone, PublishError
from sse_django.testing.contract import PATIENCE, page_events, publish, texts
from tests.backends.processes import AcrossProcesses
from tests.engines.hanging import hanging
from tests.engines.valkey import Valkey


class TestValkey(AcrossProcesses):
    @pytest.fixture(autouse=True)
    def _empty_log(self, valkey: Valkey) -> None:
        self.engine = valkey
        valkey.client.flushall()

    def make_backend(self, **options: Any) -> RedisBackend:
        return RedisBackend("default", {"url": self.engine.url, **options})

    def save(self, backend: Any) -> Any:
        return {key: self.engine.client.dump(key) for key in self.engine.client.scan_iter()}

    def restore(self, backend: Any, saved: Any) -> None:
        self.engine.client.flushall()
        for key, value in saved.items():
            self.engine.client.restore(key, 0, value)

    def test_a_crash_and_a_restart_lose_nothing_and_are_errors_meanwhile(self) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        publish(backend, "a", key="1")
        self.engine.kill()
        try:
            with pytest.raises(PublishError):
                publish(backend, "never")
            with pytest.raises(redis.RedisError):
                backend.read(start, None, 1)
            with pytest.raises(redis.RedisError):
                backend.wait(start, PATIENCE)
        finally:
            self.engine.start()
        publish(backend, "again", key="1")
        publish(backend, "b")
        assert texts(page_events(backend, start)) == ["a", "b"]

    def test_an_engine_that_hangs_is_an_error_in_time(self) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        begun = time.monotonic()
        with hanging(self.engine.process.pid):
            with pytest.raises(PublishError):
                publish(backend, "perhaps")
            with pytest.raises(redis.RedisError):
                backend.read(start, None, 1)
        assert time.monotonic() - begun < PATIENCE / 3

    def test_an_emptied_engine_is_another_log(self) -> None:
        backend = self.new()
        publish(backend, "a")
        cursor = backend.head()
        self.engine.client.flushall()
        publish(backend, "b")
        with pytest.raises(Gone, match=r"epoch|ahead"):
            backend.read(cursor, None, 10)

    @pytest.mark.parametrize("lost", ["{sse_django}:log", "{sse_django}:state"])
    def test_an_evicted_key_is_no_silent_gap(self, lost: str) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, *"abc")
        cursor = backend.read(start, None, 1)[1]
        self.engine.client.delete(lost)
        publish(backend, "d")
        for place in (start, cursor):
            with pytest.raises(Gone):
                backend.read(place, None, 10)
        head = backend.head()
        publish(backend, "e")
        assert texts(page_events(backend, head)) == ["e"]

    def test_a_log_that_nobody_reads_is_bounded(self) -> None:
        backend = self.new(max_events=10)
        for _ in range(22):
            backend.publish([Message(("orders",), "x")] * 100)
        assert self.engine.client.xlen("{sse_django}:log") < 1100

    def test_an_old_server_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        backend: Any = self.new()
        monkeypatch.setattr(backend._client, "info", lambda section: {"redis_version": "6.2.14"})
        with pytest.raises(ImproperlyConfigured, match=r"7 or newer; the server is 6\.2\.14"):
            backend.head()


def test_a_url_of_something_else_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="url"):
        RedisBackend("default", {"url": "http://127.0.0.1"})


def test_valkeys_own_scheme_is_understood() -> None:
    RedisBackend("default", {"url": "valkey://127.0.0.1:1/0"})
    RedisBackend("default", {"url": "valkeys://127.0.0.1:1/0"})
