"""One event and its bytes: the WHATWG event stream format (HTML, section 9.2.5 and 9.2.6). Knows no Django.

`ServerSentEvent` is what a view yields when it wants more than data; `format_sse_event` is the only place that writes the
wire format. Line ends inside fields are the format's one injection: `event` and `id` refuse them, data and comments are
split at CRLF, LF and CR, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Generic, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

__all__ = ["KEEPALIVE_COMMENT", "ServerSentEvent", "format_sse_event"]

#: What is sent when a stream has been silent for `ping_interval` seconds. Clients ignore comments.
KEEPALIVE_COMMENT = b": ping\n\n"

_LINE_END = re.compile(r"\r\n|\n|\r")
_T = TypeVar("_T")


def _check_event(value: str | None) -> str | None:
    if value is not None and ("\n" in value or "\r" in value):
        raise ValueError(f"SSE 'event' must be a single line, got {value!r}")
    return value


def _check_id(value: str | None) -> str | None:
    if value is not None:
        if "\n" in value or "\r" in value:
            raise ValueError(f"SSE 'id' must be a single line, got {value!r}")
        if "\0" in value:  # a browser drops such an id without a word (9.2.6)
            raise ValueError(f"SSE 'id' must not contain null characters, got {value!r}")
    return value


def _check_retry(value: object) -> object:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"SSE 'retry' must be a whole number of milliseconds, 0 or more, got {value!r}")
    return value


def _refuse_bool(value: object) -> object:
    # Pydantic would take True for 1.
    return _check_retry(value) if isinstance(value, bool) else value


class ServerSentEvent(BaseModel, Generic[_T]):
    """One server-sent event.

    `data` is always written as JSON, strings too; `raw_data` verbatim; setting both is an error. `event` names the event
    (`addEventListener(event, …)`), `id` is what a browser sends back as `Last-Event-ID`, `retry` is in milliseconds,
    `comment` is ignored by browsers. `ServerSentEvent[Item]` validates its `data` as an `Item`.

    Raises:
        ValueError: (as Pydantic's `ValidationError`) if both data fields are set, if `event` or `id` spans lines, if `id`
            holds NUL, if `retry` is negative or a bool. Assignment and `model_copy` check the same.
    """

    data: _T | None = None
    raw_data: str | None = None
    event: Annotated[str | None, AfterValidator(_check_event)] = None
    id: Annotated[str | None, AfterValidator(_check_id)] = None
    retry: Annotated[int | None, Field(ge=0), BeforeValidator(_refuse_bool)] = None
    comment: str | None = None

    @field_validator("data", mode="wrap")
    @classmethod
    def _data_from_attributes(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        # An ORM row fits ServerSentEvent[Item] by its attributes, as it does when it is yielded bare.
        try:
            return handler(value)
        except ValidationError:
            if type(value).__module__ == "builtins" or isinstance(value, BaseModel):
                raise
            adapter = TypeAdapter(cast("type[Any]", cls.model_fields["data"].annotation))
            return adapter.validate_python(value, from_attributes=True)

    @model_validator(mode="after")
    def _one_data_field(self) -> Self:
        if self.data is not None and self.raw_data is not None:
            raise ValueError(
                "Cannot set both 'data' and 'raw_data': give 'data' for JSON or 'raw_data' for text that goes out as it is"
            )
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        # Not `validate_assignment`: there a model validator runs after the value is already in place.
        if name in type(self).model_fields:
            value = getattr(type(self).model_validate({**self.__dict__, name: value}), name)
        super().__setattr__(name, value)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As Pydantic's, but the update is validated."""
        copy = super().model_copy(deep=deep)
        if not update:
            return copy
        return type(self).model_validate({**copy.__dict__, **update})


def format_sse_event(
    *,
    data_str: str | None = None,
    event: str | None = None,
    id: str | None = None,
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """Write one event: comment, event, data, id, retry, and the blank line that ends it.

    `data_str` is text already serialized. With `event` and no data an empty data line is written, since a browser fires
    nothing for an event without data (9.2.6).

    Raises:
        ValueError: if `event` or `id` spans lines, `id` holds NUL, or `retry` is not a whole number >= 0.
    """
    parts: list[str] = []
    if comment is not None:
        parts.extend(f": {line}\n" for line in _LINE_END.split(comment))
    if event is not None:
        parts.append(f"event: {_check_event(event)}\n")
        if data_str is None:
            parts.append("data: \n")
    if data_str is not None:
        if "\n" in data_str or "\r" in data_str:
            parts.extend(f"data: {line}\n" for line in _LINE_END.split(data_str))
        else:
            parts.append(f"data: {data_str}\n")
    if id is not None:
        parts.append(f"id: {_check_id(id)}\n")
    if retry is not None:
        parts.append(f"retry: {_check_retry(retry)}\n")
    parts.append("\n")
    return encode_text("".join(parts))


def encode_text(text: str) -> bytes:
    """UTF-8; a lone surrogate, which has no UTF-8, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return replace_surrogates(text).encode()


def replace_surrogates(text: str) -> str:
    """Join surrogate pairs and put U+FFFD in place of lone ones."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
