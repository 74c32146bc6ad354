"""Pages in Django's admin. Imported by its autodiscovery, so only where the admin is installed."""

from sse_django.admin.dashboard import (
    Bar,
    Dashboard,
    Log,
    Number,
    Progress,
    Table,
    TimeSeries,
    Widget,
    register_dashboard,
)
from sse_django.admin.live import LiveModelAdmin
from sse_django.admin.log import EventAdmin

__all__ = [
    "Bar",
    "Dashboard",
    "EventAdmin",
    "LiveModelAdmin",
    "Log",
    "Number",
    "Progress",
    "Table",
    "TimeSeries",
    "Widget",
    "register_dashboard",
]
