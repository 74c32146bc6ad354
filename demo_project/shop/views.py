"""The pages, and what their buttons do. The streams are in feeds.py."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from demo_project.catalog.pages import POLICY, served_by
from demo_project.shop import people
from demo_project.shop.models import Customer, Product
from demo_project.shop.orders import SoldOut, advance, place_order, read_all
from demo_project.shop.street import rush

#: Signing in is a form; everything else is as strict as on the other pages.
SHOP_POLICY = POLICY.replace("form-action 'none'", "form-action 'self'")
#: Seconds for which a click brings customers, and between two of the things that they do.
RUSH, PACE = 60, 0.7

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """A page with the policy, and with the cookie that its buttons need."""

    @wraps(view)
    def with_policy(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response.headers["Content-Security-Policy"] = SHOP_POLICY
        return response

    return ensure_csrf_cookie(with_policy)


def staff_only(view: View) -> View:
    """403 in JSON for whoever doesn't work here."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_staff:
            return JsonResponse({"detail": "That is for whoever works here."}, status=403)
        return view(request, *args, **kwargs)

    return guarded


@page
def shop(request: HttpRequest) -> HttpResponse:
    return _render(request, "shop/shop.html", {"products": Product.objects.all()})


@page
def board(request: HttpRequest) -> HttpResponse:
    if not request.user.is_staff:
        return _render(request, "shop/staff.html", {})
    return _render(request, "shop/board.html", {})


@require_POST
def buy(request: HttpRequest, pk: int) -> JsonResponse:
    """One of a product, for whoever asks."""
    try:
        order = place_order(_customer(request), {pk: 1})
    except SoldOut as error:
        return JsonResponse({"detail": f"{error}."}, status=409)
    return JsonResponse({"order": order.number})


@require_POST
@staff_only
def move(request: HttpRequest, pk: int) -> JsonResponse:
    """An order, one step on. The board hears of it as every other board does."""
    order = advance(pk)
    return JsonResponse(
        {"status": order.status} if order else {"detail": "It has left the board."}, status=200 if order else 409
    )


@require_POST
def read(request: HttpRequest) -> JsonResponse:
    """Everything in the bell."""
    if request.user.is_authenticated:
        read_all(request.user)
    return JsonResponse({})


@require_POST
def doors(request: HttpRequest) -> JsonResponse:
    """Customers for a minute."""
    return JsonResponse({"opened": rush.start(RUSH, PACE), "seconds": RUSH})


def _customer(request: HttpRequest) -> Customer:
    if request.user.is_authenticated:
        return Customer.objects.get_or_create(user=request.user, defaults={"name": request.user.get_username()})[0]
    return Customer.objects.get_or_create(name="A passer-by", user=None)[0]


def _render(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    return render(request, template, {**context, "people": people.choices(request), **served_by(request)})
