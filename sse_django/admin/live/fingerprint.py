"""A number that changes when a table does: for what sends no signal, such as `QuerySet.update`, bulk operations and raw SQL.

The rows are hashed, all of a small table, the newest of a large one, whose older rows show themselves by the number of rows and
by columns with `auto_now`. Two queries, whatever changed.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import DateField, Max, Model

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
    return bytes(value) if isinstance(value, memoryview) else value  # whose repr is its address
