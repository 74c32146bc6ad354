"""The views of a site's dashboards: the list, a page, and its stream. All behind the site's own `admin_view`.

The stream asks every `recheck_interval`, with the user and the session as they are then, whether what the viewer may see is
still the same; if not it ends, the page comes back, and is told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from sse_django.admin.asking import Answers
from sse_django.admin.dashboard.board import wire_event
from sse_django.admin.dashboard.dashboard import Dashboard
from sse_django.admin.dashboard.pageconfig import page_config
from sse_django.admin.dashboard.section import section_for
from sse_django.encoding import Encoder
from sse_django.respond import StreamOptions, respond

#: Of the widgets that somebody may see.
Names = tuple[str, ...]


class Pages:
    """The views of one site's dashboards."""

    def __init__(self, site: AdminSite, dashboards: dict[str, Dashboard]) -> None:
        self._site = site
        self._dashboards = dashboards
        self._answers: Answers[Names] = Answers()

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

        def seen(asked: HttpRequest) -> Names:
            return tuple(widget.name for widget in dashboard.visible(asked))

        names, interval = seen(request), dashboard.recheck_interval
        if not names:
            raise PermissionDenied(_("You may not see this dashboard."))
        greeting = wire_event("widgets", names=list(names), version=dashboard.version())
        options = StreamOptions(
            recheck=lambda asked: self._answers.of(asked, seen, interval / 2) == names, recheck_interval=interval
        )
        return respond(request, dashboard.board.watch(names, greeting), options, _AsItIs())

    def _find(self, slug: str) -> Dashboard:
        try:
            return self._dashboards[slug]
        except KeyError:
            raise Http404("There is no such dashboard.") from None


class _AsItIs(Encoder):
    """The board's items are bytes."""

    def __call__(self, item: Any) -> bytes:
        made: bytes = item
        return made
