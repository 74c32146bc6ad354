"""Models with everything that a feed may meet."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from sse_django.feeds import FeedQuerySet


class Tag(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    class Status(models.TextChoices):
        NEW = "new", "New"
        PAID = "paid", "Paid"

    customer = models.ForeignKey(Customer, models.SET_NULL, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    total = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal("0.00"))
    secret = models.CharField(max_length=20, default="hidden")
    tags = models.ManyToManyField(Tag, blank=True)
    shared_with = models.ManyToManyField(Customer, blank=True, related_name="shared_orders")

    objects = FeedQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"order {self.pk}"

    @cached_property
    def audience(self) -> str:
        return f"customer:{self.customer_id}"


class RushOrder(Order):
    """Multi-table inheritance."""

    courier = models.CharField(max_length=20, default="bike")

    def __str__(self) -> str:
        return f"rush order {self.pk}"


class PaidOrder(Order):
    class Meta:
        proxy = True

    def __str__(self) -> str:
        return f"paid order {self.pk}"


class Note(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    slug = models.CharField(max_length=20, unique=True)
    text = models.CharField(max_length=50, blank=True)

    objects = FeedQuerySet.as_manager()

    def __str__(self) -> str:
        return self.slug


class _Kept(models.Manager["Page"]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


class Page(models.Model):
    """Softly deleted."""

    title = models.CharField(max_length=20)
    updated = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = _Kept()
    everything = models.Manager["Page"]()

    def __str__(self) -> str:
        return self.title


class Seat(models.Model):
    pk = models.CompositePrimaryKey("row", "number")
    row = models.IntegerField()
    number = models.IntegerField()
    taken = models.BooleanField(default=False)

    objects = FeedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.row}/{self.number}"


class Ticket(models.Model):
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"ticket {self.pk}"


class Plain(models.Model):
    """No feed follows it."""

    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name
