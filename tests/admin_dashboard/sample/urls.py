"""The admin, a way in without a password, and what the tests ask of the process."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model, login
from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path

from sse_django.admin.dashboard.site import dashboards
from tests.admin_dashboard.sample import admin as sample


def ping(request: HttpRequest) -> HttpResponse:
    return HttpResponse("pong")


def sign_in(request: HttpRequest, name: str) -> HttpResponse:
    login(request, get_user_model().objects.get(username=name))
    return HttpResponseRedirect(request.GET.get("next", "/admin/"))


def asked(request: HttpRequest) -> JsonResponse:
    """How often each source was asked, and how many look at each widget of the shop."""
    watched: dict[str, Any] = dashboards(admin.site)["shop"].board.watched
    return JsonResponse({"asked": dict(sample.ASKED), "queries": sample.QUERIES.count, "watched": watched})


def change(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Set what a source answers."""
    sample.ANSWERS[name] = value
    return HttpResponse("ok")


urlpatterns = [
    path("ping/", ping),
    path("sign-in/<name>/", sign_in),
    path("asked/", asked),
    path("change/<name>/<value>/", change),
    path("static/<path:path>", serve, {"insecure": True}),
    path("admin/", admin.site.urls),
    path("other/", sample.other_site.urls),
]
