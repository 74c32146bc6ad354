"""What we ask of JetStream, in its own JSON: one stream, whose sequences are ours.

The stream's metadata has what the log must know of itself: its epoch, once that was rotated, and the floor with the tag of the
last event that went. JetStream drops nothing by itself: it would keep no tag.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from datetime import datetime
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.errors import APIError

from sse_django.backends.base import Message
from sse_django.backends.cursor import new_epoch, new_tag
from sse_django.backends.extent import Extent

STREAM_NOT_FOUND, NO_MESSAGE, NAME_IN_USE = 10059, 10037, 10058
#: A message stands on this key's subject already; the second is for one that is on its way.
WRONG_LAST_SEQUENCE = (10071, 10164)
#: Batches of direct gets.
MIN_VERSION = (2, 11)


class Entry(NamedTuple):
    """A message of the stream."""

    seq: int
    tag: str
    message: Message
    stamp: str  # when, in RFC 3339 with nanoseconds

    @property
    def time(self) -> datetime:
        """When it was stored. Python knows microseconds."""
        return datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*Z$|Z$", r"\1+00:00", self.stamp))


class Stream:
    """The stream of this name, on subjects below its name.

    Args:
        name: letters, digits, `_` and `-`.
        replicas: servers that keep it, when we make it.

    `copies` is how many do keep it, once `extent` was called.
    """

    def __init__(self, name: str, replicas: int) -> None:
        self.name = name
        self.copies = replicas
        self._replicas = replicas
        self._newest: Entry | None = None  # seen of late: mostly the one whose tag is asked for next

    # -- events

    async def append(self, client: Client, payload: bytes, digest: str) -> int | None:
        """Its sequence; None if there is an event with this key."""
        # Each key has a subject, so that "nothing stands there" is a question that the server answers with the append.
        headers = {"Nats-Expected-Stream": self.name}
        if digest:
            headers["Nats-Expected-Last-Subject-Sequence"] = "0"
        subject = f"{self.name}.{digest or 'event'}"
        try:
            reply = await client.request(subject, payload, headers=headers, timeout=_ALL)
        except NoRespondersError:  # nobody has made the stream
            await self.make(client)
            reply = await client.request(subject, payload, headers=headers, timeout=_ALL)
        answer = json.loads(reply.data)
        if "error" in answer:
            if digest and answer["error"].get("err_code") in WRONG_LAST_SEQUENCE:
                return None
            raise APIError.from_error(answer["error"])
        return int(answer["seq"])

    async def entries(self, client: Client, first: int, count: int) -> list[Entry]:
        """Events from a sequence on, without a gap, from any server that has them: fewer where it knows no more."""
        inbox = client.new_inbox()
        found: list[Entry] = []
        ended = asyncio.get_running_loop().create_future()

        async def take(reply: Msg) -> None:
            headers = reply.headers or {}
            if ended.done():
                return
            if "Status" in headers or int(headers["Nats-Sequence"]) != first + len(found):  # the end, or a gap
                ended.set_result(None)
            else:
                found.append(_entry(first + len(found), headers["Nats-Time-Stamp"], reply.data))

        # A callback: half the cost of asking for each message.
        subscription = await client.subscribe(inbox, cb=take)
        try:
            question = json.dumps({"seq": first, "batch": count}).encode()
            await client.publish(f"$JS.API.DIRECT.GET.{self.name}", question, reply=inbox)
            await ended
        finally:
            await subscription.unsubscribe()
        if found:
            self._newest = found[-1]
        return found

    async def entry(self, client: Client, seq: int) -> Entry | None:
        """An event, as the leader knows it."""
        answer = await self._api(client, "MSG.GET", {"seq": seq}, accept=(NO_MESSAGE,))
        if "error" in answer:
            return None
        message = answer["message"]
        return _entry(seq, message["time"], base64.b64decode(message.get("data", "")))

    async def push(self, client: Client, subject: str, first: int) -> None:
        """Have events from this sequence on sent to a subject, in order, for as long as somebody is subscribed to it."""
        config = {
            "deliver_subject": subject,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": first,
            "ack_policy": "none",
            "max_deliver": 1,
            "num_replicas": 1,
            "mem_storage": True,
        }
        await self._ask(client, f"CONSUMER.CREATE.{self.name}", {"stream_name": self.name, "config": config})

    # -- the stream

    async def info(self, client: Client) -> dict[str, Any]:
        """Its configuration and state; it is made if there is none."""
        answer = await self._api(client, "INFO", {}, accept=(STREAM_NOT_FOUND,))
        if "error" in answer:
            await self.make(client)
            answer = await self._api(client, "INFO", {})
        return dict(answer)

    async def make(self, client: Client) -> None:
        """Make it, unless somebody else just has."""
        config = {
            "name": self.name,
            "subjects": [f"{self.name}.>"],
            "storage": "file",
            "num_replicas": self._replicas,
            "allow_direct": True,
        }
        await self._api(client, "CREATE", config, accept=(NAME_IN_USE,))

    async def extent(self, client: Client, info: dict[str, Any] | None = None) -> Extent:
        """How far the log reaches; as in an `info` that has just been asked for, if that is given."""
        while True:
            info = info or await self.info(client)
            state, metadata = info["state"], info["config"].get("metadata") or {}
            self.copies = int(info["config"]["num_replicas"])
            epoch = metadata.get("sse_epoch") or re.sub(r"\D", "", info["created"])
            seq = int(state["last_seq"])
            floor = max(int(state["first_seq"]) - 1, 0) if seq else 0
            known = int(metadata.get("sse_floor", 0)) == floor
            floor_tag = metadata.get("sse_floor_tag", "") if known else ""
            if seq == floor:
                return Extent(epoch, floor, floor_tag, seq, floor_tag)
            last = self._newest
            if last is None or (last.seq, last.stamp) != (seq, state["last_ts"]):  # or its number has come again
                last = self._newest = await self.entry(client, seq)
            if last is not None:  # else it has been trimmed meanwhile
                return Extent(epoch, floor, floor_tag, seq, last.tag)
            info = None

    async def change(self, client: Client, metadata: dict[str, str]) -> None:
        """Put these into its metadata."""
        config = (await self.info(client))["config"]
        config["metadata"] = {**(config.get("metadata") or {}), **metadata}
        await self._api(client, "UPDATE", config)

    async def rotate(self, client: Client) -> None:
        """Give it another epoch."""
        await self.change(client, {"sse_epoch": new_epoch()})

    async def drop(self, client: Client, last: Entry) -> int:
        """Drop everything up to and with an event, whose tag is kept; how many went."""
        await self.change(client, {"sse_floor": str(last.seq), "sse_floor_tag": last.tag})
        return int((await self._api(client, "PURGE", {"seq": last.seq + 1}))["purged"])

    async def _api(self, client: Client, verb: str, body: Any, accept: tuple[int, ...] = ()) -> Any:
        return await self._ask(client, f"STREAM.{verb}.{self.name}", body, accept)

    async def _ask(self, client: Client, subject: str, body: Any, accept: tuple[int, ...] = ()) -> Any:
        reply = await client.request(f"$JS.API.{subject}", json.dumps(body).encode(), timeout=_ALL)
        answer = json.loads(reply.data)
        if "error" in answer and answer["error"].get("err_code") not in accept:
            raise APIError.from_error(answer["error"])
        return answer


#: Seconds for one answer; the call as a whole has its own, shorter limit.
_ALL = 3600


def encode(message: Message) -> bytes:
    """An event as payload: a line of JSON, and its data."""
    meta: dict[str, Any] = {"tag": new_tag(), "channels": message.channels}
    for name in ("event", "retry", "comment"):
        value = getattr(message, name)
        if value is not None:
            meta[name] = value
    head = json.dumps(meta, separators=(",", ":")).encode()
    return head if message.data is None else head + b"\n" + message.data.encode()


def entry_at(seq: int, nanoseconds: int, payload: bytes) -> Entry:
    """An event with the time of its storing since 1970."""
    whole, rest = divmod(nanoseconds, 10**9)
    # As the server writes it: its stamp is compared with others, and is the tag of what is not ours.
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:09d}".rstrip("0").rstrip(".") + "Z"
    return _entry(seq, text, payload)


def _entry(seq: int, stamp: str, payload: bytes) -> Entry:
    head, newline, data = payload.partition(b"\n")
    try:
        meta = json.loads(head)
        tag = meta["tag"]
    except (ValueError, KeyError, TypeError):  # not ours: an event that is in no channel
        return Entry(seq, hashlib.sha256(stamp.encode()).hexdigest()[:8], Message((), None), stamp)
    message = Message(
        tuple(meta["channels"]),
        data.decode() if newline else None,
        event=meta.get("event"),
        retry=meta.get("retry"),
        comment=meta.get("comment"),
    )
    return Entry(seq, tag, message, stamp)
