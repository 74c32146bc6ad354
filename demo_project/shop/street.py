"""The street outside: customers who come by themselves, bakers who get on with it. For `make_orders` and the page's button."""

import logging
import random
import threading
import time
from collections.abc import Callable

from django.db import connections

from demo_project.shop.models import Customer, Order, Product
from demo_project.shop.orders import LOW, NEXT, SoldOut, advance, place_order, restock

logger = logging.getLogger(__name__)

#: Orders that are open before the bakers get ahead of the customers.
BUSY = 12


def step(chance: random.Random | None = None) -> str:
    """Let one thing happen, and say what."""
    chance = chance or random.Random()
    open_orders = list(Order.objects.exclude(status=Order.Status.COLLECTED).filter(customer__user=None).order_by("pk"))
    if len(open_orders) > BUSY or (len(open_orders) > 3 and chance.random() < 0.6):
        # Each of the three has somebody at work there, and the oldest order is the next.
        status = chance.choice(sorted({order.status for order in open_orders}))
        order = next(order for order in open_orders if order.status == status)
        advance(order.pk)
        return f"{order} is {NEXT[Order.Status(status)].label.lower()}"
    empty = Product.objects.filter(stock__lte=LOW).order_by("?").first()
    if empty is not None and chance.random() < 0.35:
        restock(empty, chance.randrange(18, 25))
        return f"{empty} comes out of the oven"
    return _buy(chance)


def _buy(chance: random.Random) -> str:
    customer = Customer.objects.filter(user=None).order_by("?").first()
    shelf = list(Product.objects.filter(stock__gt=0))
    if customer is None or not shelf:
        return "nobody comes"
    wanted = chance.sample(shelf, k=min(len(shelf), chance.choice([1, 1, 2, 2, 3])))
    basket = {product.pk: chance.choice([1, 1, 1, 2, 2, 4]) for product in wanted}
    try:
        order = place_order(customer, basket)
    except SoldOut as error:
        return str(error)
    return f"{order}: {order.summary}, for {customer}"


def serve(*, seconds: float | None, pace: float, say: Callable[[str], object], stop: threading.Event) -> int:
    """Let things happen until the time is up, or `stop` is set.

    Args:
        seconds: how long; None for as long as nobody stops it.
        pace: seconds between two things, on average.
        say: gets a line for each.

    Returns:
        how many things have happened.
    """
    end = None if seconds is None else time.monotonic() + seconds
    happened = 0
    while not stop.is_set() and (end is None or time.monotonic() < end):
        say(step())
        happened += 1
        stop.wait(random.uniform(0.4, 1.6) * pace)
    return happened


class Rush:
    """Customers for a while, in a thread of the server's process. At most one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, seconds: float, pace: float) -> bool:
        """Open the doors; False if they are open already."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._thread = threading.Thread(target=self._run, args=(seconds, pace), name="street", daemon=True)
            self._thread.start()
        return True

    def _run(self, seconds: float, pace: float) -> None:
        try:
            serve(seconds=seconds, pace=pace, say=logger.debug, stop=threading.Event())
        except Exception:
            logger.exception("the street is closed")
        finally:
            connections.close_all()


rush = Rush()
