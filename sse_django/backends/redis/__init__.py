"""The log in a Redis or Valkey stream."""

from sse_django.backends.redis.backend import RedisBackend

__all__ = ["RedisBackend"]
