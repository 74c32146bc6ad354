"""The built-in endpoint's URL: `path("events/", include("sse_django.urls"))`."""

from __future__ import annotations

from django.urls import path

from sse_django.endpoint import stream

app_name = "sse_django"

urlpatterns = [path("<str:token>/", stream, name="stream")]
