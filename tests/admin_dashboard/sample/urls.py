"""The admin, a way in without a password, and what the tests ask of the process."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import Permission
from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path

from sse_django import publish, shutdown
from sse_django.admin.dashboard.section import dashboards
from tests.admin_dashboard.sample import admin as sample


def ping(request: HttpRequest) -> HttpResponse:
    return HttpResponse("pong")


def sign_in(request: HttpRequest, name: str) -> HttpResponse:
    login(request, get_user_model().objects.get(username=name))
    return HttpResponseRedirect(request.GET.get("next", "/admin/"))


def asked(request: HttpRequest) -> JsonResponse:
    """How often each source was asked, how many queries there were, and how many look at each counted widget."""
    watched: dict[str, Any] = dashboards(admin.site)["counted"].board.watched
    return JsonResponse({"asked": dict(sample.ASKED), "queries": sample.QUERIES.count, "watched": watched})


def change(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Set what a source answers."""
    sample.ANSWERS[name] = value
    return HttpResponse("ok")


def staff(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Make a user staff, or not."""
    get_user_model().objects.filter(username=name).update(is_staff=value == "yes")
    return HttpResponse("ok")


def say(request: HttpRequest, channel: str, text: str) -> HttpResponse:
    """Publish a text."""
    publish(channel, text)
    return HttpResponse("ok")


def grant(request: HttpRequest, name: str, codename: str) -> HttpResponse:
    """Let a user view products, and have one permission more."""
    user = get_user_model().objects.get(username=name)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_product", codename]))
    return HttpResponse("ok")


def end(request: HttpRequest) -> HttpResponse:
    """End all streams of this process, as a network that fails."""
    for stream in shutdown.streams():
        stream.close("lifetime")
    return HttpResponse("ok")


urlpatterns = [
    path("publish/<channel>/<text>/", say),
    path("grant/<name>/<codename>/", grant),
    path("end/", end),
    path("staff/<name>/<value>/", staff),
    path("ping/", ping),
    path("sign-in/<name>/", sign_in),
    path("asked/", asked),
    path("change/<name>/<value>/", change),
    path("static/<path:path>", serve, {"insecure": True}),
    path("favicon.ico", ping),
    path("admin/", admin.site.urls),
    path("other/", sample.other_site.urls),
]
