"""The bakery without a browser: who may do what, what orders do, and the street."""

from pathlib import Path

import pytest

from tests.demo.bakery import opened
from tests.demo.server import manage

#: Before each script: a client, and the people.
PRELUDE = """
from django.conf import settings
from django.test import Client
from django.test.utils import override_settings
from django.contrib.auth import get_user_model
from demo_project.shop.models import Customer, Line, Notification, Order, Product
from demo_project.shop.orders import SoldOut, advance, place_order, read_all
settings.ALLOWED_HOSTS.append("testserver")
client = Client()
def be(who, **more):
    return client.post("/shop/sign-in/", {"who": who, **more})
User = get_user_model()
ada, grace = (User.objects.get(username=name) for name in ("ada", "grace"))
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opened(tmp_path_factory.mktemp("bakery"))


def ask(database: Path, script: str) -> list[str]:
    """Run Python in the demo and return the lines that it prints."""
    lines = manage(database, "shell", "-c", PRELUDE + script).splitlines()
    return [line for line in lines if line and not line.endswith("(use -v 2 for details).")]


def test_one_click_signs_in_as_one_of_two_people(database: Path) -> None:
    script = """
print(be("ada").status_code, client.session["_auth_user_id"] == str(ada.pk))
print(be("grace").status_code, client.session["_auth_user_id"] == str(grace.pk))
print(be("").status_code, "_auth_user_id" in client.session)
print(be("demo").status_code, be("nobody").status_code, client.get("/shop/sign-in/").status_code)
print(be("ada", next="/shop/board/").url, be("ada", next="https://example.org/").url)
"""
    assert ask(database, script) == [
        "302 True",
        "302 True",
        "302 False",
        "404 404 405",
        "/shop/board/ /shop/",
    ]


def test_one_click_is_for_the_demo_alone(database: Path) -> None:
    script = """
for name, value in (("DEBUG", False), ("DEMO_SIGN_IN", False)):
    with override_settings(**{name: value}):
        print(be("ada").status_code)
del settings.DEMO_SIGN_IN
print(be("ada").status_code, "_auth_user_id" in client.session)
"""
    assert ask(database, script) == ["404", "404", "404 False"]


def test_the_board_is_for_whoever_works_there_and_a_bell_for_its_owner(database: Path) -> None:
    script = """
paths = ["/shop/board/live/", "/shop/bell/live/"]
def statuses():
    return [client.head(path).status_code for path in paths] + [client.post("/shop/move/1/").status_code]
print(*statuses())
be("grace"); print(*statuses())
be("ada"); print(*statuses()[:2])
"""
    assert ask(database, script) == ["403 403 403", "403 200 403", "200 200"]


def test_its_buttons_want_the_csrf_token(database: Path) -> None:
    script = """
client = Client(enforce_csrf_checks=True)
print(*(client.post(f"/shop/{path}/").status_code for path in ("sign-in", "buy/1", "move/1", "read", "doors")))
"""
    assert ask(database, script) == ["403 403 403 403 403"]


def test_what_is_sold_out_is_not_ordered_and_nothing_else_happens(database: Path) -> None:
    script = """
cake, bun = Product.objects.get(name="Plum cake"), Product.objects.get(name="Cinnamon bun")
def state():
    return Order.objects.count(), Line.objects.count(), Notification.objects.count(), Product.objects.get(pk=bun.pk).stock
before = state()
try:
    place_order(Customer.objects.get(user=grace), {bun.pk: 1, cake.pk: 1000})
except SoldOut as error:
    print(error, state() == before)
Product.objects.filter(pk=cake.pk).update(stock=0)
answer = client.post(f"/shop/buy/{cake.pk}/")
print(answer.status_code, answer.json()["detail"], client.post("/shop/buy/12345/").json()["detail"], state() == before)
"""
    assert ask(database, script) == [
        "Plum cake is sold out True",
        "409 Plum cake is sold out. That is sold out. True",
    ]


def test_an_order_goes_from_step_to_step_and_says_so_to_whom_it_concerns(database: Path) -> None:
    script = """
Notification.objects.all().delete()
order = place_order(Customer.objects.get(user=grace), {Product.objects.get(name="Coffee").pk: 2})
print(order.summary, order.total, order.lines.get().quantity)
print(*(advance(order.pk).status for _ in range(3)), advance(order.pk), advance(98765))
for one in Notification.objects.order_by("pk"):
    print(one.user.username, one.kind, one.text.replace(str(order), "#"))
read_all(grace)
print(Notification.objects.filter(read=False, user=grace).count(), Notification.objects.filter(user=ada).count())
"""
    assert ask(database, script) == [
        "2 × Coffee 5.60 2",
        "oven ready collected None None",
        "demo order Grace orders 2 × Coffee",
        "ada order Grace orders 2 × Coffee",
        "grace status Order # is in the oven",
        "grace status Order # is ready, still warm",
        "grace status Enjoy! Order # is yours",
        "0 1",
    ]


def test_a_bell_keeps_the_newest(database: Path) -> None:
    script = """
from demo_project.shop.orders import KEPT, tell
for number in range(KEPT + 7):
    tell([grace], "status", f"number {number}")
kept = Notification.objects.filter(user=grace)
print(kept.count() == KEPT, kept.first(), kept.last())
"""
    assert ask(database, script) == ["True number 36 number 7"]


def test_make_orders_ends_after_its_time_and_says_what_happened(database: Path) -> None:
    said = manage(database, "make_orders", "--seconds", "1", "--pace", "0").splitlines()
    assert said[-1] == f"{len(said) - 1} things have happened."
    assert any(" × " in line and ", for " in line for line in said)
    assert any(" is in the oven" in line for line in said)


def test_the_street_leaves_no_column_to_grow_without_end(database: Path) -> None:
    script = """
from demo_project.shop.street import BUSY, step
counts = []
for _ in range(300):
    step()
    counts.append(Order.objects.exclude(status="collected").filter(customer__user=None).count())
print(max(counts) <= BUSY + 1, min(Product.objects.values_list("stock", flat=True)) >= 0)
"""
    assert ask(database, script) == ["True True"]


def test_opening_again_changes_nothing(database: Path) -> None:
    script = """
from demo_project.shop.opening import prepare
Product.objects.filter(name="Pretzel").update(stock=3)
def state():
    return [list(model.objects.values()) for model in (Product, Customer, Order, Line, User)]
before = state()
prepare()
print(state() == before)
"""
    assert ask(database, script) == ["True"]
