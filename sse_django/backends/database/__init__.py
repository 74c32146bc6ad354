"""The log in a table of the site's own database: PostgreSQL, MySQL, MariaDB or SQLite. The default backend."""

from sse_django.backends.database.backend import DatabaseBackend

__all__ = ["DatabaseBackend"]
