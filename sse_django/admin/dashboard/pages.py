"""The views of a site's dashboards: the list, a page, and its stream. All behind the site's own `admin_view`.

The stream asks every `recheck_interval`, with the user and the session as they are then, whether what the viewer may see is
still the same; if not it ends, the page comes back, and is told.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from sse_django.admin.dashboard.board import wire_event
from sse_django.admin.dashboard.dashboard import Dashboard
from sse_django.admin.dashboard.pageconfig import page_config
from sse_django.admin.dashboard.section import section_for
from sse_django.audience import session_of
from sse_django.encoding import Encoder
from sse_django.respond import StreamOptions, respond


class Pages:
    """The views of one site's dashboards."""

    def __init__(self, site: AdminSite, dashboards: dict[str, Dashboard]) -> None:
        self._site = site
        self._dashboards = dashboards
        self._asked: dict[tuple[str | None, str], tuple[float, tuple[str, ...]]] = {}

    def wrap(self, view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
        """As `AdminSite.get_urls` wraps its own."""

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return self._site.admin_view(view)(*args, **kwargs)

        wrapper.admin_site = self._site  # type: ignore[attr-defined]
        wrapper.login_url = reverse_lazy("admin:login", current_app=self._site.name)  # type: ignore[attr-defined]
        return update_wrapper(wrapper, view)

    def index(self, request: HttpRequest) -> HttpResponse:
        """The dashboards that the viewer may see."""
        section = section_for(self._site, request)
        if section is None:
            raise Http404("There is no dashboard for you here.")
        context = {
            **self._site.each_context(request),
            "title": section["name"],
            "subtitle": None,
            "app_list": [section],
            "app_label": section["app_label"],
        }
        request.current_app = self._site.name
        return TemplateResponse(request, "sse_django/admin/dashboards.html", context)

    def page(self, request: HttpRequest, slug: str) -> HttpResponse:
        """One dashboard, without a value: they come by the stream."""
        dashboard = self._find(slug)
        widgets = dashboard.visible(request)
        if not dashboard.has_permission(request):
            raise PermissionDenied
        context = {
            **self._site.each_context(request),
            "title": str(dashboard),
            "subtitle": None,
            "dashboard": dashboard,
            "widgets": widgets,
            "config": page_config(dashboard, widgets, request),
            "charts": any(widget.kind == "timeseries" for widget in widgets),
        }
        request.current_app = self._site.name
        return TemplateResponse(request, "sse_django/admin/dashboard.html", context)

    def events(self, request: HttpRequest, slug: str) -> HttpResponseBase:
        """The stream of one dashboard."""
        dashboard = self._find(slug)
        names = tuple(widget.name for widget in dashboard.visible(request))
        if not names:
            raise PermissionDenied(_("You may not see this dashboard."))
        greeting = wire_event("widgets", names=list(names), version=dashboard.version())
        options = StreamOptions(
            recheck=lambda asked: self._seen_now(asked, dashboard) == names, recheck_interval=dashboard.recheck_interval
        )
        return respond(request, dashboard.board.watch(names, greeting), options, _AsItIs())

    def _find(self, slug: str) -> Dashboard:
        try:
            return self._dashboards[slug]
        except KeyError:
            raise Http404("There is no such dashboard.") from None

    def _seen_now(self, request: HttpRequest, dashboard: Dashboard) -> tuple[str, ...]:
        """The names of what the request's session may see now. Asked once for all streams of a session."""
        key = (session_of(request), request.get_full_path())
        now = time.monotonic()
        known = self._asked.get(key)
        if known is None or known[0] < now:
            names = tuple(widget.name for widget in dashboard.visible(_as_of_now(request)))
            known = (now + dashboard.recheck_interval / 2, names)
            if key[0] is not None:
                self._asked = {k: v for k, v in self._asked.items() if v[0] > now}
                self._asked[key] = known
        return known[1]


def _as_of_now(request: HttpRequest) -> HttpRequest:
    """The same request with its session and its user read again."""
    fresh = copy.copy(request)
    for remembered in ("_cached_user", "_acached_user"):
        fresh.__dict__.pop(remembered, None)
    session = getattr(request, "session", None)
    if session is not None:
        fresh.session = type(session)(session.session_key)
        fresh.user = get_user(fresh)
    return fresh


class _AsItIs(Encoder):
    """The board's items are bytes."""

    def __call__(self, item: Any) -> bytes:
        made: bytes = item
        return made
