"""The dashboards of a site, and their section in its index and in its sidebar."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from sse_django.admin.dashboard.dashboard import Dashboard

#: First in every address. It has a hyphen, so no app's label can be the same.
PREFIX = "live-dashboards"
SECTION = _("Dashboards")


def dashboards(site: AdminSite) -> dict[str, Dashboard]:
    """The site's, by slug, in the order of their registration."""
    found: dict[str, Dashboard] = getattr(site, "_sse_dashboards", {})
    return found


def section_for(site: AdminSite, request: HttpRequest) -> dict[str, Any] | None:
    """The section of the index, as `get_app_list` describes apps, with what the request may see; None if that is nothing."""
    try:
        entries = [
            {
                "model": None,
                "name": str(one),
                "object_name": type(one).__name__,
                "perms": {"add": False, "change": False, "delete": False, "view": True},
                "admin_url": reverse("admin:sse_dashboard", args=[one.slug], current_app=site.name),
                "add_url": None,
                "view_only": True,
            }
            for one in dashboards(site).values()
            if one.visible(request)
        ]
        if not entries:
            return None
        url = reverse("admin:sse_dashboards", current_app=site.name)
    except NoReverseMatch:  # registered after the URLconf was read, or the site isn't in it
        return None
    return {
        "name": str(SECTION),
        "app_label": PREFIX,
        "app_url": url,
        "has_module_perms": True,
        "models": entries,
    }
