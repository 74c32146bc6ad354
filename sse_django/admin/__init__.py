"""Pages in Django's admin. Imported by its autodiscovery, so only where the admin is installed."""

from sse_django.admin.log import EventAdmin

__all__ = ["EventAdmin"]
