"""An event as it comes out of a channel: a `ServerSentEvent` that is decoded only if somebody looks. Knows no Django."""

from __future__ import annotations

import json
from typing import Any

from pydantic import PrivateAttr

from sse_django.events import ServerSentEvent

_set = object.__setattr__


class ChannelEvent(ServerSentEvent[Any]):
    """An event of a channel; `id` is its cursor, `data` is decoded from JSON when it is first read.

    Yielded on as it is, it costs nothing: the bytes are those made once for all readers. A changed one is written anew.
    A block that holds only a cursor has an `id` and neither event nor data; `stream-reset` has its reason in `data`.
    """

    _wire: bytes | None = PrivateAttr(default=None)
    _json: str | None = PrivateAttr(default=None)

    @classmethod
    def received(cls, *, cursor: str, event: str | None, data: str | None, wire: bytes) -> ChannelEvent:
        """From the fields of a block."""
        # As model_construct makes it, with no look at any field: each reader has its own of each event.
        made = cls.__new__(cls)
        fields = {"event": event, "id": cursor, "raw_data": None, "retry": None, "comment": None}
        _set(made, "__dict__", fields)
        _set(made, "__pydantic_fields_set__", set(fields))
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", {"_wire": wire, "_json": data})
        return made

    @property
    def wire(self) -> bytes | None:
        """The bytes, if nobody has changed a field."""
        private = self.__pydantic_private__
        return self._wire if private is None else private["_wire"]

    @property
    def text(self) -> str | None:
        """The data as it stands in the log."""
        private = self.__pydantic_private__
        return self._json if private is None else private["_json"]

    def __getattr__(self, name: str) -> Any:
        if name == "data" and "data" not in self.__dict__:
            value = None if self._json is None else _decode(self._json)
            self.__dict__["data"] = value
            return value
        return super().__getattr__(name)  # type: ignore[misc]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).model_fields:
            _ = self.data  # a field that was never decoded must not be lost
            super().__setattr__(name, value)
            self._wire = None
        else:
            super().__setattr__(name, value)


def _decode(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # it was published as raw_data
        return text
