"""What the bakery sells, to whom, what was ordered, and who was told about it."""

from django.conf import settings
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=60, unique=True)
    art = models.SlugField(help_text="a drawing in static/shop/art/")
    price = models.DecimalField(max_digits=6, decimal_places=2)
    stock = models.PositiveIntegerField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    name = models.CharField(max_length=60)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    class Status(models.TextChoices):
        NEW = "new", "New"
        OVEN = "oven", "In the oven"
        READY = "ready", "Ready"
        COLLECTED = "collected", "Collected"

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    summary = models.CharField(max_length=200, help_text="the lines, as the customer was told")
    total = models.DecimalField(max_digits=7, decimal_places=2)
    placed = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["status"]), models.Index(fields=["placed"])]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def number(self) -> int:
        """What is called out at the counter."""
        return 1000 + self.pk


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.PositiveSmallIntegerField()
    price = models.DecimalField(max_digits=6, decimal_places=2, help_text="of one, when it was ordered")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"


class Notification(models.Model):
    class Kind(models.TextChoices):
        ORDER = "order", "An order"
        STATUS = "status", "An order's progress"
        STOCK = "stock", "A shelf"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.CharField(max_length=160)
    created = models.DateTimeField(auto_now_add=True)
    read = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text
