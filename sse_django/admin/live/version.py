"""What an object looked like when its form was rendered, and what has become of it since.

A form's version covers the fields that it shows, so that one's own save, after which the form shows what it saved, is no news,
and a counter in a column that the form doesn't have isn't either. Who changed it is what the admin's own log knows.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import ModelAdmin, get_content_type_for_model
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Field, Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.formats import date_format
from django.utils.translation import gettext as _

#: The form's hidden field: a form that comes back with errors still is about the object as it was when it was opened.
FIELD = "_sse_version"
_VERSION = re.compile(r"(([0-9a-f]{32})\.([0-9]{1,17}))\.([0-9a-f]{32})")


def version_of(admin: ModelAdmin[Any], request: HttpRequest, obj: Model) -> str:
    """The object's version now, as text for the page: a digest, when it was made, and a seal: this user has seen it."""
    made = f"{_digest(admin, request, obj)}.{time.time_ns() // 1000}"
    return f"{made}.{_seal(admin, request, str(obj.pk), made)}"


def is_version(text: str | None) -> bool:
    """Whether it may be one of ours."""
    return text is not None and _VERSION.fullmatch(text) is not None


def what_became(admin: ModelAdmin[Any], request: HttpRequest, object_id: str, version: str) -> dict[str, str]:
    """`{"state": "same" | "changed" | "gone", "text": a sentence for the person}`."""
    match = _VERSION.fullmatch(version)
    digest, since = (match[2], int(match[3])) if match else ("", 0)
    obj = admin.get_object(request, object_id)
    if obj is None:
        # What the admin's log says of an object is for those who have seen it: it may be one that they never could.
        seen = match is not None and constant_time_compare(match[4], _seal(admin, request, object_id, match[1]))
        return {"state": "gone", "text": _gone(admin, request, object_id, since if seen else None)}
    if not digest or constant_time_compare(digest, _digest(admin, request, obj)):
        return {"state": "same", "text": ""}
    return {"state": "changed", "text": _changed(admin, request, object_id, since)}


def _seal(admin: ModelAdmin[Any], request: HttpRequest, object_id: str, made: str) -> str:
    what = "\0".join([admin.opts.label_lower, object_id, str(request.user.pk), made])
    return salted_hmac("sse_django.admin.live.seen", what, algorithm="sha256").hexdigest()[:32]


def _digest(admin: ModelAdmin[Any], request: HttpRequest, obj: Any) -> str:
    shown = set(flatten_fieldsets(admin.get_fieldsets(request, obj)))
    deferred = obj.get_deferred_fields()
    parts = [
        f"{field.name}={_text(field, obj)}"
        for field in obj._meta.concrete_fields
        if field.name in shown and field.attname not in deferred
    ]
    for field in obj._meta.many_to_many:
        if field.name in shown:
            pks = sorted(map(str, getattr(obj, field.name).order_by().values_list("pk", flat=True)))
            parts.append(f"{field.name}={','.join(pks)}")
    return salted_hmac("sse_django.admin.live.version", "\0".join(parts), algorithm="sha256").hexdigest()[:32]


def _text(field: Field[Any, Any], obj: Model) -> str:
    return str(field.value_to_string(obj))


def _entry(admin: ModelAdmin[Any], object_id: str, since: int) -> LogEntry | None:
    """The newest entry about the object since then, in microseconds of the epoch."""
    then = datetime.fromtimestamp(since / 1e6, tz=UTC)
    return (
        LogEntry.objects.filter(
            content_type=get_content_type_for_model(admin.model),
            object_id=object_id,
            action_time__gt=then if settings.USE_TZ else timezone.make_naive(then),
        )
        .select_related("user")
        .order_by("-action_time", "-pk")
        .first()
    )


def _changed(admin: ModelAdmin[Any], request: HttpRequest, object_id: str, since: int) -> str:
    entry = _entry(admin, object_id, since)
    names = {"name": admin.opts.verbose_name}
    if entry is None:
        return _("This %(name)s has been changed meanwhile.") % names
    if entry.user_id == request.user.pk:
        return _("At %(time)s you changed this %(name)s in another window.") % {**names, "time": _time(entry)}
    return _("At %(time)s %(user)s changed this %(name)s.") % {**names, "user": entry.user, "time": _time(entry)}


def _gone(admin: ModelAdmin[Any], request: HttpRequest, object_id: str, since: int | None) -> str:
    entry = None if since is None else _entry(admin, object_id, since)
    names = {"name": admin.opts.verbose_name}
    if entry is None or not entry.is_deletion():
        return _("This %(name)s has been deleted, or you may no longer see it.") % names
    if entry.user_id == request.user.pk:
        return _("At %(time)s you deleted this %(name)s in another window.") % {**names, "time": _time(entry)}
    return _("At %(time)s %(user)s deleted this %(name)s.") % {**names, "user": entry.user, "time": _time(entry)}


def _time(entry: LogEntry) -> str:
    when = entry.action_time
    return date_format(timezone.localtime(when) if timezone.is_aware(when) else when, "TIME_FORMAT")
