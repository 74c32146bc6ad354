"""`LiveModelAdmin`: a ModelAdmin whose changelist is always as a reload would show it, and whose form says who was faster.

The server tells that rows have changed, and not what they look like: that is asked for by the very request that a reload would
make, so that permissions, `get_queryset(request)`, filters and every `list_display` are what they are anyway.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sse_django.admin.asking import Answers
from sse_django.admin.live import checks, page, version, watch
from sse_django.admin.live.fingerprint import fingerprint
from sse_django.admin.live.notices import Follower, follow, row_key
from sse_django.admin.live.quiet import is_refresh, leave_messages
from sse_django.backends import get_backend
from sse_django.decorators import event_stream
from sse_django.resumption import last_event_id
from sse_django.subscription import Subscription
from sse_django.tokens import head_or_none

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

#: Seconds between two questions whether whoever watches still may.
RECHECK = 30.0


class LiveModelAdmin(ModelAdmin):
    """In place of `admin.ModelAdmin`, or in front of another subclass of it: `class ProductAdmin(LiveModelAdmin, ImportAdmin)`.

    Attributes:
        live_backend: the alias in SSE_DJANGO["BACKENDS"] whose log carries the notices.
        live_check_interval: seconds between two looks for changes that send no signal, while somebody watches; None is never.
        live_models: other models (classes or "app.Model") whose changes alter what the list shows.
    """

    live_backend: str = "default"
    live_check_interval: float | None = 5.0
    live_models: Sequence[type[Model] | str] = ()

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self._answers: Answers[bool] = Answers()
        _ = self._follower  # from now on changes are told, in processes that show no page as well

    def live_fingerprint(self) -> object:
        """What the table looks like: anything whose `repr` differs once rows have changed.

        Else that has to be the same, in every process. Asked every `live_check_interval` seconds while somebody watches, by
        one thread a process. Override it where you know better, as with a column that every write sets.
        """
        return fingerprint(self.model, router.db_for_read(self.model))

    # -- Django's hooks

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(**kwargs), *checks.check_admin(self)]

    def get_urls(self) -> list[URLPattern]:
        stream: Any = event_stream(recheck=self._still_may_watch, recheck_interval=RECHECK)(self._stream)
        stream.sse_internal = True  # not for the documents
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("live/", _public(require_safe(never_cache(stream))), name=f"{name}_live"),
            path("<path:object_id>/live/", _public(require_safe(never_cache(self._state))), name=f"{name}_live_state"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        refresh = is_refresh(request)
        if refresh:
            leave_messages(request)
            # The navigation isn't taken over, so it needn't be rendered.
            extra_context = {**(extra_context or {}), "is_nav_sidebar_enabled": False, "available_apps": []}
        # Before anything is read for the page, so that no change falls between the two.
        cursor = None if refresh else head_or_none(get_backend(self.live_backend))
        response = super().changelist_view(request, extra_context)
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context is not None and "cl" in context and "media" in context:
            keys = [row_key(self.model, obj.pk) for obj in context["cl"].result_list]
            context["media"] += page.media_for(
                "changelist",
                stream=self._url("live"),
                cursor=cursor,
                keys=json.dumps(keys, separators=(",", ":")),
                bound="" if request.method == "POST" else None,
            )
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj", args[3] if len(args) > 3 else None)  # add, change, form_url, obj
        if obj is not None and obj.pk is not None and not context.get("is_popup") and "media" in context:
            sent = request.POST.get(version.FIELD)
            # After a POST the object in hand is what the form made of it, which is not what is stored.
            known = version.version_of(self, request, obj) if request.method != "POST" else sent
            context["media"] += page.media_for(
                "form",
                stream=self._url("live"),
                key=row_key(self.model, obj.pk),
                state=self._url("live_state", quote(obj.pk)),
                version=known if version.is_version(known) else "",
                field=version.FIELD,
            )
        return super().render_change_form(request, context, *args, **kwargs)

    # -- ours

    @cached_property
    def _follower(self) -> Follower:
        return follow(self.model, self.live_backend, tuple(map(self._followed, self.live_models)))

    def _followed(self, model: Any) -> type[Model]:
        found = model
        if isinstance(model, str):
            try:
                found = apps.get_model(model)
            except (LookupError, ValueError):
                found = None
        if not (isinstance(found, type) and issubclass(found, Model)):
            raise ImproperlyConfigured(
                f"{type(self).__name__}.live_models: {model!r} is no model: 'app_label.Model', or the class"
            )
        return found

    def _url(self, name: str, *args: str) -> str:
        route = f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"
        return reverse(route, args=args, current_app=self.admin_site.name)

    def _may_watch(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request) and self.has_view_or_change_permission(request)

    def _still_may_watch(self, request: HttpRequest) -> bool:
        return self._answers.of(request, self._may_watch, RECHECK / 2)

    def _stream(self, request: HttpRequest) -> Any:
        """The notices, to whoever may see the list."""
        if not self._may_watch(request):
            return _refused()
        after = last_event_id(request, _cursor)
        if self.live_check_interval is not None:
            watch.watch(self._follower, self.live_fingerprint, self.live_check_interval)
        return Subscription((self._follower.channel,), after, self.live_backend)

    def _state(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What has become of an object since its form was rendered."""
        pk = unquote(object_id)
        if not self._may_watch(request):
            return _refused()
        obj = self.get_object(request, pk)
        if obj is not None and not self.has_view_or_change_permission(request, obj):
            return _refused()
        return JsonResponse(version.what_became(self, request, pk, request.GET.get("version", "")))


def _cursor(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("a cursor is a single line")
    return text


def _refused() -> HttpResponse:
    return HttpResponseForbidden("sign in as somebody who may see this\n", content_type="text/plain; charset=utf-8")


def _public(view: Any) -> Any:
    """It looks for itself who asks, and a login page would be no answer: for LoginRequiredMiddleware."""
    view.login_required = False
    return view
