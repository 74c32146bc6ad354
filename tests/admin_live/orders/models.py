"""Orders, their customers and tags; a proxy and a child that share the orders' table; a model whose admin isn't live."""

from decimal import Decimal

from django.db import models
from django.utils import timezone


class Customer(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=30)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    class Status(models.TextChoices):
        NEW = "new", "New"
        PAID = "paid", "Paid"
        SHIPPED = "shipped", "Shipped"

    number = models.CharField(max_length=20)
    customer = models.ForeignKey(Customer, models.CASCADE, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    total = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal("10.00"))
    gift = models.BooleanField(default=False)
    placed = models.DateTimeField(default=timezone.now)
    views = models.PositiveIntegerField(default=0, editable=False)
    tags = models.ManyToManyField(Tag, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.number


class OpenOrder(Order):
    class Meta:
        proxy = True


class SummedOrder(Order):
    class Meta:
        proxy = True


class RushOrder(Order):
    by = models.CharField(max_length=30, default="noon")


class Draft(models.Model):
    """Its admin isn't live."""

    text = models.CharField(max_length=30)

    def __str__(self) -> str:
        return self.text
