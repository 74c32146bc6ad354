"""Changelists that follow their model, and change forms that say when somebody else was faster."""

from sse_django.admin.live.modeladmin import LiveModelAdmin

__all__ = ["LiveModelAdmin"]
