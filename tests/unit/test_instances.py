"""Model instances as data: what is left out without a type, and relations that must not query."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import TestCase
from pydantic import BaseModel

from sse_django.encoding import Encoder
from sse_django.exceptions import RelationNotLoaded
from sse_django.instances import SecretFieldsOmitted, sendable_fields
from sse_django.payloads import dump_json
from tests.app.models import Account, Category, Product


@pytest.fixture(autouse=True)
def _warn_anew() -> Iterator[None]:
    sendable_fields.cache_clear()
    yield
    sendable_fields.cache_clear()


def test_an_instance_is_sent_with_its_concrete_fields_by_attname() -> None:
    data = json.loads(dump_json(Product(pk=7, name="Plumbus", category_id=3)))
    assert set(data) == {"id", "name", "price", "status", "sku", "attributes", "created", "category_id"}
    assert (data["id"], data["name"], data["price"], data["category_id"]) == (7, "Plumbus", "0.00", 3)


def test_fields_that_look_secret_stay_home_with_a_warning_once_per_model() -> None:
    with pytest.warns(
        SecretFieldsOmitted, match="Account is sent without password, api_token, secret_answer"
    ) as caught:
        data = json.loads(dump_json([Account(name="a", password="p", api_token="t"), Account(name="b")]))
    assert data == [{"id": None, "name": n, "email": ""} for n in ("a", "b")]
    assert len(caught) == 1


def test_a_users_password_is_never_sent() -> None:
    with pytest.warns(SecretFieldsOmitted, match="password"):
        assert b"hash" not in dump_json(User(username="ann", password="hash"))


def test_a_session_is_refused() -> None:
    with pytest.raises(TypeError, match="credential"):
        dump_json(Session(session_key="k"))


class CategoryOut(BaseModel):
    name: str


class ProductOut(BaseModel):
    name: str
    category: CategoryOut | None


class ShelfOut(BaseModel):
    name: str
    products: list[CategoryOut]


class RelationsTest(TestCase):
    """In the event loop a relation is read only if it is loaded."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.category = Category.objects.create(name="Gadgets")
        Product.objects.create(name="Plumbus", category=cls.category)

    def encode_in_loop(self, item: object, declared: type) -> bytes:
        async def encode() -> bytes:
            return Encoder(declared)(item)

        return asyncio.run(encode())

    def test_a_relation_that_is_not_loaded_is_named_with_the_way_out(self) -> None:
        product = Product.objects.get()
        with pytest.raises(RelationNotLoaded, match=r"Product\.category .* add select_related\('category'\)"):
            self.encode_in_loop(product, ProductOut)

    def test_a_loaded_relation_is_sent(self) -> None:
        product = Product.objects.select_related("category").get()
        assert self.encode_in_loop(product, ProductOut) == b'data: {"name":"Plumbus","category":{"name":"Gadgets"}}\n\n'

    def test_no_relation_is_null_without_a_query(self) -> None:
        assert self.encode_in_loop(Product(name="x"), ProductOut) == b'data: {"name":"x","category":null}\n\n'

    def test_many_rows_need_prefetch_related(self) -> None:
        with pytest.raises(RelationNotLoaded, match=r"Category\.products .* add prefetch_related\('products'\)"):
            self.encode_in_loop(Category.objects.get(), ShelfOut)
        shelf = Category.objects.prefetch_related("products").get()
        assert self.encode_in_loop(shelf, ShelfOut) == b'data: {"name":"Gadgets","products":[{"name":"Plumbus"}]}\n\n'

    def test_a_deferred_field_is_named(self) -> None:
        with pytest.raises(RelationNotLoaded, match=r"Product\.name is deferred"):
            self.encode_in_loop(Product.objects.only("pk").get(), CategoryOut)

    def test_outside_the_loop_reading_may_query(self) -> None:
        assert b"Gadgets" in Encoder(ProductOut)(Product.objects.get())

    def test_deferred_fields_are_left_out_of_an_untyped_instance(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecretFieldsOmitted)
            assert set(json.loads(dump_json(Product.objects.only("name").get()))) == {"id", "name"}
