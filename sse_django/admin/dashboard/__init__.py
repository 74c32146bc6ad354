"""Dashboards: pages of the admin whose widgets move by themselves."""

from sse_django.admin.dashboard import checks as checks  # registers itself
from sse_django.admin.dashboard.dashboard import Dashboard
from sse_django.admin.dashboard.site import register_dashboard
from sse_django.admin.dashboard.widgets import Bar, Log, Number, Progress, Table, TimeSeries, Widget

__all__ = ["Bar", "Dashboard", "Log", "Number", "Progress", "Table", "TimeSeries", "Widget", "register_dashboard"]
