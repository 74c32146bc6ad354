"""A number that changes when a table does: for what sends no signal, such as `QuerySet.update`, bulk operations and raw SQL.

The rows are hashed, all of a small table, the newest of a large one, whose older rows show themselves by the number of rows and
by columns with `auto_now`. Two queries, whatever changed.
"""

from __future__ import annotations

import hashlib
from datetime import date, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

from django.db.models import DateField, Max, Model

#: Types whose repr is the same for equal values.
PLAIN = (str, bytes, int, float, Decimal, date, time, timedelta, UUID, list, tuple, dict, NoneType)
#: Rows up to which a table is hashed whole.
WHOLE = 5000
#: Rows that are hashed of a larger one.
NEWEST = 1000


def fingerprint(model: type[Model], using: str) -> str:
    """What the model's table looks like now."""
    rows = model._base_manager.using(using)
    count = rows.count()
    digest = hashlib.blake2b(str(count).encode(), digest_size=16)
    columns = [field.attname for field in model._meta.concrete_fields]
    shown = rows.order_by("-pk").values_list(*columns)
    for row in shown[: count if count <= WHOLE else NEWEST].iterator(chunk_size=500):
        digest.update(repr(tuple(map(_plain, row))).encode(errors="surrogatepass"))
    if count > WHOLE:
        stamps = [
            field.name for field in model._meta.concrete_fields if isinstance(field, DateField) and field.auto_now
        ]
        if stamps:
            digest.update(repr(sorted(rows.aggregate(*map(Max, stamps)).items())).encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Something whose repr says what it is, not where it lies in memory."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, PLAIN):
        return value
    kind: Any = type(value)
    if kind.__str__ is not object.__str__:  # a geometry, say, whose repr has an address
        return str(value)
    return sorted(vars(value).items()) if kind.__repr__ is object.__repr__ and hasattr(value, "__dict__") else value
