"""`RedisBackend`: one stream; publishing, reading and trimming are scripts, so that each sees the log as one thing.

Where the engine loses what it acknowledged (its append-only file is synced once a second, replication is asynchronous), numbers
come again but tags do not, and readers are told. Nothing is tried twice: a publish that was not answered may have happened.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:
    raise ImproperlyConfigured('RedisBackend needs redis-py: pip install "sse-django[redis]"') from error

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.cursor import new_tag, parse_cursor
from sse_django.backends.extent import Extent
from sse_django.backends.redis import scripts
from sse_django.backends.retention import Retention, seconds
from sse_django.exceptions import Gone, PublishError

#: Redis, and the Redis that a Valkey says it is compatible with.
MIN_VERSION = (7, 0)
#: Entries fetched at once.
PAGE = 500
#: Seconds that the engine is asked to hold a blocking read; a longer wait asks again.
BLOCK = 5.0
#: Fields of an entry, beside its time `t`; an absent one is None.
TAG, CHANNELS, EVENT, DATA, RETRY, COMMENT = b"g", b"c", b"e", b"d", b"r", b"m"


class RedisBackend(BaseBackend):
    """The log in Redis or Valkey, 7 or newer. OPTIONS:

    - `url`: `redis://`, `rediss://` (TLS), `unix://`, or the same with `valkey`; "redis://127.0.0.1:6379/0".
    - `stream`: the name of the log; its keys are `{name}:log`, `{name}:state` and `{name}:keys` (one slot of a cluster).
    - `timeout`: seconds for a connection and for an answer; 5.
    - `max_events`, `max_age` (seconds): what is kept. Give the server `maxmemory-policy noeviction`.
    """

    transactional: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Any]] = {
        **BaseBackend.options,
        "url": "redis://127.0.0.1:6379/0",
        "stream": "sse_django",
        "timeout": 5.0,
    }

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        retention = Retention.of(self)
        max_age = 0 if retention.max_age is None else max(1, round(retention.max_age * 1000))
        self._limits = [retention.max_events or 0, max_age]
        self._keys = [f"{{{self.settings['stream']}}}:{name}" for name in ("log", "state", "keys")]
        timeout = seconds(self, "timeout")
        self._client = self._make_client(timeout, timeout)
        self._waiting = self._make_client(timeout, timeout + BLOCK)
        self._publish, self._read, self._trim, self._rotate = map(
            self._client.register_script, (scripts.PUBLISH, scripts.READ, scripts.TRIM, scripts.ROTATE)
        )
        self._lock = threading.Lock()
        self._checked = False

    def _make_client(self, connect_timeout: float, timeout: float) -> Any:
        url = str(self.settings["url"])
        if url.startswith("valkey"):
            url = "redis" + url.removeprefix("valkey")
        try:
            return redis.Redis.from_url(
                url,
                socket_connect_timeout=connect_timeout,
                socket_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                decode_responses=False,
            )
        except ValueError as error:
            raise ImproperlyConfigured(f"RedisBackend ({self.alias!r}): OPTIONS['url']: {error}") from error

    def publish(self, messages: Sequence[Message]) -> None:
        """Append all or, if the engine is out of memory half way, the first of them. See BaseBackend.publish()."""
        arguments: list[Any] = [*self._limits]
        for message in messages:
            self.check_size(message)
            fields = _fields(message)
            arguments += [_digest(message.key), len(fields), *fields]
        try:
            self._check_version()
            self._publish(keys=self._keys, args=arguments)
        except redis.RedisError as error:
            raise PublishError(f"the engine of {self.alias!r} did not take the event: {error}") from error

    def head(self) -> str:
        return self._page(-1, 0)[0].head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        wanted = None if channels is None else {name.encode() for name in channels}
        try:
            place = parse_cursor(after, "").seq
        except Gone:
            place = -1  # the extent says so, and knows the head
        extent, there, entries = self._page(place, min(limit, PAGE))
        cursor = extent.place(after)
        if extent.floor < place < extent.seq:
            extent.match(cursor, there)
        events: list[StoredEvent] = []
        while place < extent.seq:
            if not entries:
                raise Gone("trimmed", extent.head)  # evicted, or deleted by hand
            for id_, values in entries:
                seq = int(id_.partition(b"-")[2])
                if seq != place + 1:
                    raise Gone("trimmed", extent.head)
                place = seq
                fields = dict(zip(values[::2], values[1::2], strict=True))
                if wanted is None or not wanted.isdisjoint(fields[CHANNELS].split()):
                    events.append(StoredEvent(extent.cursor(seq, fields[TAG].decode()), _message(fields)))
                    if len(events) == limit:
                        return events, events[-1].cursor
            if place < extent.seq:
                now, _, entries = self._page(place, PAGE)
                if now.epoch != extent.epoch:
                    raise Gone("epoch", now.head)
                entries = entries[: extent.seq - place]
        return events, extent.head

    def wait(self, after: str, timeout: float) -> None:
        """A blocking read of one entry, which is thrown away."""
        end = time.monotonic() + timeout
        try:
            cursor = parse_cursor(after, "")
        except Gone:
            return
        self._check_version()
        place = f"{cursor.epoch}-{cursor.seq}"
        while (left := end - time.monotonic()) > 0:
            block = max(1, round(min(left, BLOCK) * 1000))
            if self._waiting.execute_command("XREAD", "COUNT", 1, "BLOCK", block, "STREAMS", self._keys[0], place):
                return

    def trim(self) -> int:
        self._check_version()
        return int(self._trim(keys=self._keys, args=self._limits))

    def rotate_epoch(self) -> None:
        self._check_version()
        self._rotate(keys=self._keys)

    def close(self) -> None:
        """Close connections that nobody uses just now."""
        for client in (self._client, self._waiting):
            client.connection_pool.disconnect(inuse_connections=False)

    def _page(self, place: int, limit: int) -> tuple[Extent, str | None, list[Any]]:
        self._check_version()
        epoch, floor, floor_tag, seq, tag, there, entries = self._read(keys=self._keys, args=[place, limit])
        extent = Extent(epoch.decode(), int(floor), floor_tag.decode(), int(seq), tag.decode())
        return extent, None if there is None else there.decode(), entries

    def _check_version(self) -> None:
        if self._checked:
            return
        with self._lock:
            text = str(self._client.info("server")["redis_version"])
            if tuple(int(part) for part in text.split(".")[:2]) < MIN_VERSION:
                raise ImproperlyConfigured(
                    f"RedisBackend ({self.alias!r}) needs Redis or Valkey 7 or newer; the server is {text}"
                )
            self._checked = True


def _digest(key: str | None) -> str:
    return "" if key is None else hashlib.sha256(key.encode()).hexdigest()


def _fields(message: Message) -> list[Any]:
    """Names and values of an entry, the tag first."""
    fields: list[Any] = [TAG, new_tag(), CHANNELS, " ".join(message.channels)]
    for name, value in (
        (EVENT, message.event),
        (DATA, message.data),
        (RETRY, message.retry),
        (COMMENT, message.comment),
    ):
        if value is not None:
            fields += [name, value]
    return fields


def _message(fields: Mapping[bytes, bytes]) -> Message:
    def text(name: bytes) -> str | None:
        value = fields.get(name)
        return None if value is None else value.decode()

    retry = fields.get(RETRY)
    return Message(
        tuple(fields[CHANNELS].decode().split()),
        text(DATA),
        event=text(EVENT),
        retry=None if retry is None else int(retry),
        comment=text(COMMENT),
    )
