"""sse_django: a response from a subscription, in the application of `sse_django.asgi`."""

from __future__ import annotations

from bench.channels.servers.ours import publish
from sse_django.asgi import get_asgi_application

__all__ = ["app", "publish"]

app = get_asgi_application()
