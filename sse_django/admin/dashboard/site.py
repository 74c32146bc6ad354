"""How a dashboard gets into an admin site, whatever its class: its addresses, and its entry in the index and in the sidebar.

`AdminSite` has no registry for pages without a model, so the site's own `get_urls` and `get_app_list` are wrapped, on the
instance, when its first dashboard is registered; what a subclass made of them stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import path

from sse_django.admin.dashboard.dashboard import Dashboard
from sse_django.admin.dashboard.pages import Pages
from sse_django.admin.dashboard.section import PREFIX, section_for

Class = TypeVar("Class", bound=type[Dashboard])


@overload
def register_dashboard(dashboard: Class, /, *, site: AdminSite | None = None) -> Class: ...
@overload
def register_dashboard(*, site: AdminSite | None = None) -> Callable[[Class], Class]: ...
def register_dashboard(
    dashboard: Class | None = None, /, *, site: AdminSite | None = None
) -> Class | Callable[[Class], Class]:
    """Put a dashboard into an admin site, as a decorator of the class: bare, or with `site=` for one of your own.

    Raises:
        ImproperlyConfigured: if it is no dashboard, has no widgets, or the site has one with its slug.
    """
    if dashboard is None:
        return lambda cls: register_dashboard(cls, site=site)
    if not (isinstance(dashboard, type) and issubclass(dashboard, Dashboard)):
        raise ImproperlyConfigured(f"register_dashboard registers subclasses of Dashboard, got {dashboard!r}")
    if not dashboard.widgets:
        raise ImproperlyConfigured(f"{dashboard.__name__} has no widgets")
    target = admin.site if site is None else site
    if not isinstance(target, AdminSite):
        raise ImproperlyConfigured(f"site= is an AdminSite, got {site!r}")
    known = _install(target)
    other = known.get(dashboard.slug)
    if other is not None:
        raise ImproperlyConfigured(
            f"{dashboard.__name__} and {type(other).__name__} have the same slug, {dashboard.slug!r}: give one another"
        )
    known[dashboard.slug] = dashboard(target)
    return dashboard


def _install(site: AdminSite) -> dict[str, Dashboard]:
    known: dict[str, Dashboard] | None = getattr(site, "_sse_dashboards", None)
    if known is not None:
        return known
    known = {}
    pages = Pages(site, known)
    get_urls, get_app_list = site.get_urls, site.get_app_list

    def urls() -> list[Any]:
        # In front: a site ends with a pattern that catches everything.
        return [
            path(f"{PREFIX}/", pages.wrap(pages.index), name="sse_dashboards"),
            path(f"{PREFIX}/<slug:slug>/", pages.wrap(pages.page), name="sse_dashboard"),
            path(f"{PREFIX}/<slug:slug>/events/", pages.wrap(pages.events), name="sse_dashboard_events"),
            *get_urls(),
        ]

    def app_list(request: HttpRequest, *args: Any, **kwargs: Any) -> list[Any]:
        found = get_app_list(request, *args, **kwargs)
        if args or kwargs.get("app_label"):  # one app's own page
            return found
        section = section_for(site, request)
        return [section, *found] if section is not None else found

    vars_of_site: Any = site
    vars_of_site.get_urls = urls
    vars_of_site.get_app_list = app_list
    vars_of_site._sse_dashboards = known
    return known
