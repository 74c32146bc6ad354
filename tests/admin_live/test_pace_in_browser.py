"""When a list asks again: the page's clock is ours, so that each pause is exact."""

import pytest
from playwright.sync_api import Page

from tests.admin_live.servers import Site

#: ms between two refreshes that come in numbers: the least, and what chance may add to it.
PAUSE, CHANCE = 200, 50


class Paced:
    """A page's own `Pace`, whose refreshes take so many ms of the page's clock."""

    def __init__(self, page: Page, site: Site, takes: int) -> None:
        self._page = page
        page.clock.install(time=0)
        page.goto(f"{site.url}/admin/")
        page.clock.pause_at(60_000)
        page.evaluate(
            "async takes => {\n"
            "  const { Pace } = await import('/static/sse_django/admin/live/pace.js')\n"
            "  window.refreshes = 0\n"
            "  const refresh = () => { refreshes += 1; return new Promise(done => setTimeout(done, takes)) }\n"
            "  window.pace = new Pace(refresh)\n"
            "}",
            takes,
        )

    def change(self, times: int = 1) -> None:
        """It is told, so often at once, that something changed."""
        self._page.evaluate("times => { for (let i = 0; i < times; i++) pace.want() }", times)

    def after(self, ms: int) -> int:
        """How many refreshes have begun when so much time has passed."""
        self._page.clock.run_for(ms)
        began: int = self._page.evaluate("refreshes")
        return began


def test_a_change_is_fetched_at_once_and_so_is_the_next_one_after_a_rest(page: Page, site: Site) -> None:
    """The look at the table that follows a change ends at any time, and somebody's save must not wait because of it."""
    paced = Paced(page, site, takes=80)
    for before in (0, 3):
        paced.change()
        assert paced.after(2) == before + 1
        paced.change()
        assert paced.after(82) == before + 2  # as soon as the first one is here
        paced.change()
        assert paced.after(80 + PAUSE - 10) == before + 2
        assert paced.after(CHANCE + 20) == before + 3
        paced.after(1_000)


@pytest.mark.parametrize("chance", [0, 1])
def test_changes_in_numbers_are_taken_together_and_ever_more_seldom(page: Page, site: Site, chance: int) -> None:
    paced = Paced(page, site, takes=80)
    page.evaluate("chance => { Math.random = () => chance }", chance)  # or the second pause would begin at any time
    paced.change(10)
    assert paced.after(2) == 1
    paced.change(10)
    assert paced.after(80 + 2 * (PAUSE + CHANCE * chance) - 10) == 1
    assert paced.after(20) == 2  # it began some 10 ms ago
    paced.change(10)
    assert paced.after(80 + 4 * (PAUSE + CHANCE * chance) - 30) == 2
    assert paced.after(40) == 3


@pytest.mark.parametrize("takes", [400, 1000])
def test_a_slow_server_is_left_twice_the_time_that_it_took(page: Page, site: Site, takes: int) -> None:
    paced = Paced(page, site, takes=takes)
    paced.change()
    assert paced.after(2) == 1
    paced.change()
    assert paced.after(3 * takes - 10) == 1
    assert paced.after(takes // 2 + 20) == 2
