"""Items to JSON: what a view may yield, and `publish` may send, becomes compact UTF-8.

Pydantic serializes; this file adds what it doesn't know (lazy strings, model instances, querysets, files), and keeps three
promises: NaN and infinity are `null`, lone surrogates are U+FFFD, and what can't be sent is an error that says so.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine
from typing import Any

import pydantic_core
from django.db.models import Manager, Model, QuerySet
from django.db.models.fields.files import FieldFile
from django.utils.functional import Promise
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from sse_django.events import replace_surrogates
from sse_django.instances import instance_data

Dump = Callable[[Any], bytes]

#: With these begin the constants that are no JSON. To look for one byte costs a tenth of looking for the word.
_N, _I = b"NI"


def dump_json(value: Any) -> bytes:
    """Any value as JSON.

    Raises:
        TypeError: if the value, or something in it, has no JSON form.
        ValueError: if a model in it is configured to write NaN or infinity as constants.
    """
    try:
        out = _dump_any(value)
    except PydanticSerializationError as error:
        out = _dump_otherwise(value, error)
    if _N in out or _I in out:
        _check_constants(out, value)
    return out


def make_dump(adapter: TypeAdapter[Any], before: bytes = b"", after: bytes = b"") -> Dump:
    """A function that writes values of one declared type as JSON, between two texts; raises as `dump_json` does."""
    name = constant_writer(adapter.core_schema)
    if name is not None:
        raise ValueError(_CONSTANTS.format(name=name))
    to_json = adapter.serializer.to_json

    def dump(value: Any) -> bytes:  # once per event: no call that isn't needed
        try:
            out = to_json(value, by_alias=True, fallback=_fallback)
        except PydanticSerializationError as error:
            out = _dump_otherwise(value, error)
        if _N in out or _I in out:
            _check_constants(out, value)
        return before + out + after

    return dump


_CONSTANTS = (
    "{name} is configured with ser_json_inf_nan='constants', which writes NaN and Infinity, and those are not JSON. "
    "Use 'null' (the default) or 'strings'."
)


def _dump_any(value: Any) -> bytes:
    return pydantic_core.to_json(value, by_alias=True, inf_nan_mode="null", fallback=_fallback)


def _dump_otherwise(value: Any, error: PydanticSerializationError) -> bytes:
    """What Pydantic could not write, if it is for lone surrogates."""
    if "surrogates not allowed" not in str(error):
        raise TypeError(f"{type(value).__name__} can't be sent as JSON: {error}") from error
    # Twice: Pydantic stumbles over dict keys on the way to plain data, and finds more text inside models.
    return _dump_any(_without_surrogates(_to_python(_without_surrogates(value))))


def _check_constants(out: bytes, value: Any) -> None:
    # Rare, and perhaps only inside a string: look properly.
    if b"NaN" in out or b"Infinity" in out:
        json.loads(out, parse_constant=lambda constant: _refuse_constant(value))


def _to_python(value: Any) -> Any:
    return TypeAdapter(type(value) if isinstance(value, BaseModel) else Any).dump_python(
        value, mode="json", by_alias=True, fallback=_fallback
    )


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, dict):
        return {replace_surrogates(k) if isinstance(k, str) else k: _without_surrogates(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(v) for v in value]
    return value


def _refuse_constant(value: Any) -> None:
    raise ValueError(_CONSTANTS.format(name=_constant_model(value) or type(value).__name__))


def _constant_model(value: Any) -> str | None:
    """The name of the first model in a value that writes constants."""
    if isinstance(value, BaseModel):
        return constant_writer(value.__pydantic_core_schema__)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return next(filter(None, map(_constant_model, value)), None)
    return None


def constant_writer(schema: Any) -> str | None:
    """The name of the first model in a core schema that is configured to write NaN and infinity as constants."""
    if isinstance(schema, dict):
        config = schema.get("config")
        if isinstance(config, dict) and config.get("ser_json_inf_nan") == "constants":
            cls = schema.get("cls")
            return cls.__name__ if cls is not None else str(config.get("title", "a model"))
        schema = list(schema.values())
    if isinstance(schema, (list, tuple)):
        return next(filter(None, map(constant_writer, schema)), None)
    return None


def advice(cls: type) -> str | None:
    """What to do with a thing of this class in place of yielding it, if it is no data at all."""
    if issubclass(cls, Awaitable):
        return "it is a coroutine: await it" if issubclass(cls, Coroutine) else "it is something to wait for: await it"
    if issubclass(cls, AsyncIterable):
        return "it is a stream by itself: return it, or iterate it with async for (in a sync view, with for)"
    return None


def _fallback(value: Any) -> Any:
    """What Pydantic doesn't know but a Django project has. The result is serialized in turn."""
    if isinstance(value, Promise):  # a lazy translation
        return str(value)
    if isinstance(value, Model):
        return instance_data(value)
    if isinstance(value, FieldFile):
        return value.name or None
    if isinstance(value, Manager):
        value = value.all()
    if isinstance(value, QuerySet):
        return list(value)
    if isinstance(value, memoryview):
        return bytes(value)
    what_to_do = advice(type(value)) or (
        "yield a Pydantic model, a dataclass, a dict, a list, a plain value or a Django model instance"
    )
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} has no JSON form: {what_to_do}")
