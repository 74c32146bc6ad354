"""The kinds of widgets."""

from sse_django.admin.dashboard.figures import Bar, Number, Progress, TimeSeries
from sse_django.admin.dashboard.lists import Log, Table
from sse_django.admin.dashboard.widget import Widget

__all__ = ["Bar", "Log", "Number", "Progress", "Table", "TimeSeries", "Widget"]
