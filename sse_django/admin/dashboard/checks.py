"""System checks of dashboards: what can only be known when all models and permissions are there.

E020 a table shows a column that its model doesn't have; W020 a permission that no model declares, which only superusers have;
W021 dashboards registered after the URLconf was read, which have no address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_permission_codename
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from sse_django.admin.dashboard.dashboard import Dashboard
from sse_django.admin.dashboard.lists import Table
from sse_django.admin.dashboard.section import dashboards


@register("sse_django")
def check_dashboards(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """All dashboards of all sites."""
    found: list[CheckMessage] = []
    declared = set(_declared())
    for site in all_sites:
        registered = dashboards(site)
        for dashboard in registered.values():
            found += _check_columns(dashboard)
            found += _check_permissions(dashboard, declared)
        if registered and not _has_address(site.name):
            found.append(
                CheckWarning(
                    f"The dashboards of the admin site {site.name!r} have no addresses: its URLs were made before the first of "
                    "them was registered.",
                    hint="Register dashboards in an admin.py, which Django imports before the URLconf.",
                    id="sse_django.W021",
                )
            )
    return found


def _check_columns(dashboard: Dashboard) -> Iterator[CheckMessage]:
    for widget in dashboard.widgets.values():
        if isinstance(widget, Table):
            try:
                widget.check_columns()
            except ImproperlyConfigured as error:
                yield Error(
                    f"{type(dashboard).__name__}: {error}.",
                    hint="Name a field, an attribute or a method of the model, or use a function of the row.",
                    id="sse_django.E020",
                )


def _check_permissions(dashboard: Dashboard, declared: set[str]) -> Iterator[CheckMessage]:
    named = {type(dashboard).__name__: type(dashboard).permission}
    named |= {f"{type(dashboard).__name__}.{name}": widget.permission for name, widget in dashboard.widgets.items()}
    for where, permission in named.items():
        if isinstance(permission, str) and permission not in declared:
            yield CheckWarning(
                f"{where} asks for the permission {permission!r}, which no model declares: only superusers have it.",
                hint="Permissions are 'app_label.codename', as in 'shop.view_order'.",
                id="sse_django.W020",
            )


def _declared() -> Iterator[str]:
    for model in apps.get_models():
        options = model._meta
        for action in options.default_permissions:
            yield f"{options.app_label}.{get_permission_codename(action, options)}"
        for codename, _ in options.permissions:
            yield f"{options.app_label}.{codename}"


def _has_address(name: str) -> bool:
    """True, too, for a site that is in no URLconf at all: that is somebody's choice."""
    try:
        # reverse() takes another site where there is none of that name.
        if resolve(reverse("admin:index", current_app=name)).namespace != name:
            return True
    except (NoReverseMatch, Resolver404, ImportError):
        return True
    try:
        return resolve(reverse("admin:sse_dashboards", current_app=name)).namespace == name
    except NoReverseMatch:
        return False
