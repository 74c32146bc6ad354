"""What `manage.py check` says of dashboards."""

from collections.abc import Iterator

import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin.sites import all_sites
from django.urls import path

from sse_django.admin import Dashboard, Number, Table, register_dashboard
from sse_django.admin.dashboard.checks import check_dashboards
from tests.app.models import Product

in_time, too_late = AdminSite(name="in_time"), AdminSite(name="too_late")


@register_dashboard(site=in_time)
class Fine(Dashboard):
    permission = "shop.view_product"
    n = Number(Product.objects, permission="auth.change_user")
    rows = Table(Product.objects.all(), fields=["name", "category__name", "get_status_display", "related"])


urlpatterns = [path("in-time/", in_time.urls), path("too-late/", too_late.urls)]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def site() -> Iterator[AdminSite]:
    """One for the test, in no URLconf."""
    made = AdminSite(name="test")
    yield made
    all_sites.discard(made)


def ids(site: AdminSite) -> list[str | None]:
    others = [other for other in all_sites if other is not site]
    for other in others:
        all_sites.discard(other)
    try:
        return [message.id for message in check_dashboards(None)]
    finally:
        for other in others:
            all_sites.add(other)


def test_a_dashboard_in_order_is_passed_over() -> None:
    assert ids(in_time) == []


def test_a_column_that_the_model_lacks_is_an_error(site: AdminSite) -> None:
    @register_dashboard(site=site)
    class Wrong(Dashboard):
        rows = Table(Product.objects.all(), fields=["nmae"])

    assert ids(site) == ["sse_django.E020"]
    [message] = [one for one in check_dashboards(None) if one.id == "sse_django.E020"]
    assert message.msg == "Wrong: Table 'rows': Product has no 'nmae' to show as a column."


def test_a_permission_that_nobody_declares_is_a_warning(site: AdminSite) -> None:
    @register_dashboard(site=site)
    class Wrong(Dashboard):
        permission = "shop.see_product"
        n = Number(Product.objects, permission="store.view_product")

    assert ids(site) == ["sse_django.W020", "sse_django.W020"]


def test_dashboards_that_came_after_the_urls_are_a_warning() -> None:
    @register_dashboard(site=too_late)
    class Late(Dashboard):
        n = Number(Product.objects)

    assert ids(too_late) == ["sse_django.W021"]
