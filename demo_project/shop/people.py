"""Signing in with one click, as one of two people. There is no password in it, so it is for this demo alone."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from demo_project.shop.opening import PEOPLE

NAMES = [username for username, _, _ in PEOPLE]


def available() -> bool:
    """Whether one click is enough: with DEBUG, and where the settings say so."""
    return bool(settings.DEBUG and getattr(settings, "DEMO_SIGN_IN", False))


@require_POST
def sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """Be `who`, a name of NAMES; nobody if it is empty."""
    if not available():
        raise Http404("one click is for the demo")
    who = request.POST.get("who", "")
    if who == "":
        logout(request)
    else:
        if who not in NAMES:
            raise Http404(f"nobody here is called {who!r}")
        user = get_object_or_404(get_user_model(), username=who)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect(_next(request))


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else reverse("shop:shop")


def choices(request: HttpRequest) -> list[dict[str, Any]]:
    """Whom one can be, for the pages."""
    return [
        {"username": username, "name": name, "staff": staff, "current": request.user.get_username() == username}
        for username, name, staff in PEOPLE
    ]
