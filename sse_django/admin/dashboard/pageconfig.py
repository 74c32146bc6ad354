"""What a dashboard's page tells its script: where the stream is, how the viewer's language writes things, and the texts.

All that depends on the viewer is in here; the stream's bytes are the same for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from sse_django.admin.dashboard.dashboard import Dashboard
from sse_django.admin.dashboard.lists import Table
from sse_django.admin.dashboard.widget import Widget


def page_config(dashboard: Dashboard, widgets: Iterable[Widget], request: HttpRequest) -> dict[str, Any]:
    """For `json_script`."""
    return {
        "events": reverse("admin:sse_dashboard_events", args=[dashboard.slug], current_app=dashboard.site.name),
        "version": dashboard.version(),
        "language": get_language() or "en",
        "timeZone": timezone.get_current_timezone_name(),
        "widgets": {widget.name: _described(widget, dashboard, request) for widget in widgets},
        "texts": _texts(),
    }


def _described(widget: Widget, dashboard: Dashboard, request: HttpRequest) -> dict[str, Any]:
    described = {"kind": widget.kind, "label": widget.label, "interval": widget.interval, **widget.options()}
    if isinstance(widget, Table):
        described["columns"] = widget.headings()
        described["link"] = _link(widget, dashboard, request)
    return described


def _link(table: Table, dashboard: Dashboard, request: HttpRequest) -> str | None:
    """The address of a row's object in this site, with __pk__ in the place of its key, if the viewer may go there."""
    if not table.link or table.model is None or not dashboard.site.is_registered(table.model):
        return None
    options = table.model._meta
    model_admin = dashboard.site.get_model_admin(table.model)
    if not model_admin.has_view_or_change_permission(request):
        return None
    try:
        name = f"admin:{options.app_label}_{options.model_name}_change"
        return reverse(name, args=["__pk__"], current_app=dashboard.site.name)
    except NoReverseMatch:
        return None


def _texts() -> dict[str, str]:
    """In the viewer's language, where the project translates them."""
    return {
        "connecting": _("Connecting…"),
        "live": _("Live"),
        "lost": _("Connection lost, values as of %(time)s. Trying again…"),
        "reconnecting": _("Connection lost. Trying again…"),
        "closed": _("Not connected: you may have been signed out."),
        "reload": _("Load the page again"),
        "failed": _("This can't be read at the moment."),
        "timeout": _("This takes too long to read."),
        "waiting": _("Waiting for the first value…"),
        "collecting": _("Collecting values: the line begins here."),
        "none": _("None"),
        "empty": _("Nothing here yet."),
        "idle": _("Nothing is running."),
        "more": _("and %(count)s more"),
        "time": _("Time"),
        "value": _("Value"),
        "values": _("Values"),
        "yes": _("Yes"),
        "no": _("No"),
        "unchanged": _("Unchanged for %(time)s"),
        "since": _("%(change)s in %(time)s"),
        "newer": _("Show the newest lines"),
    }
