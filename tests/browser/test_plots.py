"""The plots in JupyterLab: pointing, clicking, brushing, keys, dark and narrow pages, and pictures.

The tests share one page with a stored study; each leaves nothing chosen and nothing brushed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import Notebook, notebook_file, served
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

LOAD = "%load_ext hpo_magic"
SEARCH = """%%hpo seen --maximize val_accuracy -n 30 --sampler random --pruner none --recheck 0
act = hp.Choice(["relu", "<img src=x onerror=window.hacked=1>"])
lr = hp.Float(1e-4, 1e-1, sampling="log", default=1e-3)
for epoch in range(1, 6):
    hp.report(epoch, val_accuracy=(1 - lr) * epoch / 5)
print("printed", lr)
(1 - lr)
"""
STILL = """from IPython.display import HTML
HTML(f"<div class=still>{seen._repr_html_()}</div>")
"""
LIVE = SEARCH.replace("seen", "now").replace(
    "range(1, 6):", "range(1, 10_000):\n    time.sleep(0.1)"
)
STEPS = "document.querySelector('.hpo-plot-curves').plot.store.trials.get(0).curve[0]"
WHERE = """([key, number]) => {
  const { plot } = document.querySelector(`.hpo-plot-${key}`);
  const { left, top } = plot.top.getBoundingClientRect();
  const mark = plot.order().find((each) => each.number === number);
  return [left + mark.x, top + mark.y];
}"""
AXIS = """(name) => {
  const { plot } = document.querySelector(".hpo-plot-parallel");
  const { left, top } = plot.top.getBoundingClientRect();
  const k = plot.list.findIndex((axis) => axis.id === name);
  return [left + plot.xs[k], top + plot.y(0.75), top + plot.y(0.25)];
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Return the address of a JupyterLab, and its folder."""
    folder = tmp_path_factory.mktemp("plots") / "notebooks"
    folder.mkdir()
    with served(folder) as address:
        yield address, folder


@pytest.fixture(scope="module")
def stored(browser: Browser, lab: tuple[str, Path]) -> Iterator[Notebook]:
    """Return a notebook that shows a stored study."""
    address, folder = lab
    notebook_file(
        folder / "stored.ipynb",
        LOAD,
        SEARCH.replace("-n 30", "-n 30 --ui none"),
        "%hpo seen",
        STILL,
    )
    notebook = Notebook(browser, address, "stored.ipynb")
    notebook.run_all()
    notebook.page.locator(".hpo-drawn .hpo-plots").wait_for()
    notebook.page.locator("canvas[aria-label^='Convergence of']").scroll_into_view_if_needed()
    yield notebook
    notebook.close()


@pytest.fixture
def page(stored: Notebook) -> Iterator[Page]:
    """Return its page; afterwards nothing is chosen and nothing is brushed."""
    yield stored.page
    stored.page.mouse.move(0, 0)
    for label in ("Clear", "Back to the best"):
        button = stored.page.locator(".hpo-plots button:visible", has_text=label)
        if button.count():
            button.click()


def point(page: Page, plot: str, number: int) -> None:
    """Move the mouse to a trial."""
    page.locator(f".hpo-plot-{plot}").scroll_into_view_if_needed()
    page.mouse.move(*page.evaluate(WHERE, [plot, number]))


def brush(page: Page, name: str) -> None:
    """Drag along the middle half of an axis."""
    page.locator(".hpo-plot-parallel").scroll_into_view_if_needed()
    x, top, bottom = page.evaluate(AXIS, name)
    page.mouse.move(x, top)
    page.mouse.down()
    page.mouse.move(x, bottom, steps=4)
    page.mouse.up()


def text(page: Page, selector: str, part: str) -> Any:
    """Wait until an element has the text, which may be there for screen readers alone."""
    found = page.locator(selector, has_text=part)
    found.wait_for(state="attached", timeout=15_000)
    return found


def test_pointing_at_a_trial_shows_it(page: Page) -> None:
    """Its number, value, setting and duration; none of the user's words becomes markup."""
    point(page, "convergence", 3)
    tip = text(page, ".hpo-tip", "Trial 3 ✓ complete").inner_text()
    for part in ("val_accuracy 0.", "took ", "act ", "lr "):
        assert part in tip
    page.mouse.move(0, 0)
    page.locator(".hpo-tip").wait_for(state="hidden")
    assert page.evaluate("window.hacked") is None


def test_a_click_chooses_in_all_plots_and_the_table(page: Page) -> None:
    """The card has its difference to the best, and what it printed."""
    table = page.locator(".hpo-plots > details", has_text="Table of trials")
    table.locator("> summary").click()
    point(page, "convergence", 3)
    page.mouse.down()
    page.mouse.up()
    text(page, ".hpo-card", "printed")
    assert "worse than the best seen" in page.locator(".hpo-card").inner_text()
    assert table.locator("tr.hpo-chosen").get_attribute("data-number") == "3"
    table.locator("tr[data-number='5'] button").click()
    text(page, ".hpo-card h4", "Trial 5")
    text(page, ".hpo-plots caption", "30 trials")
    table.locator("select").select_option("complete")
    text(page, ".hpo-plots caption", "30 trials")
    assert table.locator("option").all_inner_texts() == ["all states", "complete"]
    table.locator("> summary").click()


def test_brushed_ranges_become_a_search(page: Page) -> None:
    """The trials within are counted; the cell with the ranges is shown."""
    brush(page, "lr")
    said = text(page, ".hpo-brushed", "of 30 trials are within the ranges").inner_text()
    assert "the best of them is trial" in said
    page.locator(".hpo-brushed button", has_text="Search here").click()
    cell = text(page, ".hpo-card .hpo-said", "seen.narrowed(lr=(").inner_text()
    assert "hp.Float(0.00" in cell


def test_run_this_queues_the_setting(page: Page) -> None:
    """Of the trial that is shown."""
    page.locator(".hpo-card button", has_text="Run this").click()
    text(page, ".hpo-said", "it is trained when the search goes on")


def test_keys_reach_points_and_axes(page: Page) -> None:
    """Arrows go through the trials, Enter chooses; on an axis brackets set the ends of a range."""
    page.locator(".hpo-plot-convergence canvas[tabindex]").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    text(page, ".hpo-spoken", "Trial 1 ")
    page.keyboard.press("Enter")
    text(page, ".hpo-card h4", "Trial 1 ")
    page.locator(".hpo-plot-parallel canvas[tabindex]").focus()
    page.keyboard.press("ArrowRight")
    text(page, ".hpo-spoken", "Axis lr")
    page.keyboard.press("Home")
    page.keyboard.press("[")
    text(page, ".hpo-brushed", "are within the ranges")
    page.keyboard.press("Backspace")
    page.locator(".hpo-brushed").wait_for(state="hidden")


def test_the_picture_stays_in_the_file_and_is_not_shown_twice(
    stored: Notebook, lab: tuple[str, Path]
) -> None:
    """Right below the plots that the browser drew it is hidden."""
    picture = stored.page.locator(".jp-OutputArea-child:has(.hpo-plots) + .jp-OutputArea-child img")
    picture.wait_for(state="attached")
    assert not picture.is_visible()
    stored.save()
    assert '"image/png"' in (lab[1] / "stored.ipynb").read_text(encoding="utf-8")


def test_a_dragged_rectangle_is_enlarged(page: Page) -> None:
    """By mouse and by key; what is outside cannot be pointed at, "Show all" shows all again."""
    plot = page.locator(".hpo-plot-convergence")
    within = "document.querySelector('.hpo-plot-convergence').plot.order().length"
    everything = page.evaluate(within)
    point(page, "convergence", 9)
    left, _ = page.evaluate(WHERE, ["convergence", 9])
    box = plot.locator("canvas[tabindex]").bounding_box()
    assert box is not None
    page.mouse.move(left, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 36, steps=3)
    page.mouse.up()
    show_all = plot.locator("button", has_text="Show all")
    show_all.wait_for()
    assert 0 < page.evaluate(within) < everything
    show_all.click()
    show_all.wait_for(state="detached")
    assert page.evaluate(within) == everything
    plot.locator("canvas[tabindex]").press("+")
    show_all.wait_for()
    plot.locator("canvas[tabindex]").press("0")
    show_all.wait_for(state="detached")


def test_each_plot_has_a_table_behind_it(page: Page) -> None:
    """For those who cannot see it."""
    behind = page.locator(".hpo-plot-convergence .hpo-behind")
    behind.locator("summary").click()
    behind.locator("tbody tr").first.wait_for()
    assert behind.locator("tbody tr").count() == 30
    behind.locator("summary").click()


def test_it_fits_a_narrow_and_a_dark_page(page: Page) -> None:
    """Nothing sticks out; the inks follow the theme. With $SHOTS pictures are kept."""
    panel = page.locator(".hpo-panel").first
    for width in (1280, 1000, 400):
        page.set_viewport_size({"width": width, "height": 1400})
        page.wait_for_timeout(300)
        assert panel.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
        if "SHOTS" in os.environ:
            page.screenshot(path=str(Path(os.environ["SHOTS"]) / f"plots-{width}.png"))
    page.set_viewport_size({"width": 1000, "height": 1400})
    for theme in ("Dark", "Light"):
        put_on(page, theme)


def put_on(page: Page, theme: str) -> None:
    """Choose JupyterLab's dark or light theme, and wait until the plots have its inks."""
    choose = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
    page.evaluate(choose, f"JupyterLab {theme}")
    page.locator(f".hpo-plots{'.hpo-dark' if theme == 'Dark' else ':not(.hpo-dark)'}").wait_for()


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing(page: Page, theme: str) -> None:
    """In all tabs with everything unfolded, and in the result that stays."""
    put_on(page, theme)
    page.locator(".still").wait_for()
    folded = "document.querySelectorAll('.hpo-panel details')"
    page.evaluate(f"for (const each of {folded}) each.open = true")
    tabs = page.locator(".hpo-panel .lm-TabBar-tab")
    found = {"still": Axe().run(page, context=".still").response}
    for k in reversed(range(tabs.count())):
        tabs.nth(k).click()
        found[tabs.nth(k).inner_text()] = Axe().run(page, context=".hpo-panel").response
    page.evaluate(f"for (const each of {folded}) each.open = false")
    put_on(page, "Light")
    assert len(found) > 2
    assert all(each["passes"] for each in found.values())
    assert {name: each["violations"] for name, each in found.items() if each["violations"]} == {}


def test_an_epoch_is_seen_while_the_cell_runs(browser: Browser, lab: tuple[str, Path]) -> None:
    """Also after the page is reloaded in mid-search: it has the epochs from before, each once."""
    address, folder = lab
    notebook_file(folder / "live.ipynb", LOAD, LIVE.replace("act =", "import time\nact =", 1))
    notebook = Notebook(browser, address, "live.ipynb")
    notebook.run_all()
    notebook.wait_for_text("epoch 1")
    before = len(notebook.page.evaluate(STEPS))
    notebook.save()
    notebook.open()
    notebook.wait_for_text("epoch 1")
    notebook.page.wait_for_timeout(500)
    seen = notebook.page.evaluate(STEPS)
    assert len(seen) > before
    assert seen == list(range(1, len(seen) + 1))
    notebook.click("Stop")
    notebook.wait_until_done()
    assert notebook.errors == []
    notebook.close()


def test_pictures_take_the_place_of_what_cannot_load(
    browser: Browser, lab: tuple[str, Path]
) -> None:
    """After 3 s without an answer, in a search and in a stored study; the search goes on."""
    address, folder = lab
    slow = LIVE.replace("now", "blocked").replace("act =", "import time\nact =", 1)
    notebook_file(folder / "blocked.ipynb", LOAD, slow, "%hpo seen")
    notebook = Notebook(browser, address, "blocked.ipynb")
    notebook.page.route("**/anywidget/**", lambda route: route.abort())
    notebook.open()
    notebook.run_all()
    notebook.page.locator(".hpo-panel img[alt^='Learning curve of trial 0']").wait_for()
    assert notebook.count(".hpo-plots") == 0
    notebook.click("Stop")
    notebook.wait_until_done()
    notebook.page.locator(".hpo-panel img[alt^='Convergence of val_accuracy']").wait_for()
    notebook.choose_tab("Trials")
    notebook.page.locator(".hpo-panel caption").wait_for()
    notebook.close()
