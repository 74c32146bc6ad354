"""The log in a NATS JetStream stream."""

from sse_django.backends.nats.backend import NatsBackend

__all__ = ["NatsBackend"]
