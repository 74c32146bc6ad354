"""Pages about every stream: `path("streams/", include("sse_django.docs_urls"))`. For staff, unless DEBUG is on."""

from __future__ import annotations

from django.urls import path

from sse_django.openapi import pages

app_name = "sse_docs"

urlpatterns = [
    path("", pages.stream_list, name="index"),
    path("openapi.json", pages.openapi_json, name="json"),
    path("openapi.yaml", pages.openapi_yaml, name="yaml"),
    path("streams.d.ts", pages.typescript, name="typescript"),
    path("<str:stream_id>/", pages.stream_page, name="stream"),
]
