"""Models with the kinds of fields that people stream, and one with the kinds that nobody should."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone


class Category(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ON_SALE = "on_sale", "On sale"

    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal("0.00"))
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    sku = models.UUIDField(default=uuid.uuid4)
    attributes = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(default=timezone.now)
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="products")
    related = models.ManyToManyField("self", blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """Half of these columns must not reach a browser because somebody yielded the instance."""

    name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    password = models.CharField(max_length=128)
    api_token = models.CharField(max_length=64)
    secret_answer = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.name


class Parcel(models.Model):
    """Its postage is NULL while nobody has weighed it, whatever the output field says."""

    grams = models.IntegerField(null=True, blank=True)
    postage = models.GeneratedField(
        expression=models.F("grams") * models.Value(2), output_field=models.IntegerField(), db_persist=True
    )

    def __str__(self) -> str:
        return f"parcel {self.pk}"


class Notification(models.Model):
    """docs/tutorial-feeds.md."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.CharField(max_length=200)
    read = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.text
