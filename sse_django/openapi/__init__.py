"""Descriptions of every stream in a URLconf: an OpenAPI 3.2 document, TypeScript definitions, pages for people.

views and their options ──> streams ──> document ──> JSON, YAML
                               └──────> typescript, pages
"""

from sse_django.openapi.document import openapi_document
from sse_django.openapi.pages import openapi_view
from sse_django.openapi.typescript import typescript_types

__all__ = ["openapi_document", "openapi_view", "typescript_types"]
