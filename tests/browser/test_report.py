"""The HTML report as a person meets it: on a screen, at night, on a phone, on paper, and when the code is hostile."""

import re
from pathlib import Path

import pytest

from tests.support.audits import hostile, sample
from tests.support.browser import browser
from twelve.audit.audit import audit
from twelve.audit.model import Verdict
from twelve.audit.report import html

LEGACY = Path(__file__).parents[2] / "examples" / "legacy"
A4 = {"width": 688, "height": 1032}  # CSS pixels inside of the margins
READABLE = 4.5  # contrast that WCAG AA asks for

# The lowest contrast of any text with what is behind it.
CONTRAST = """
(() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const found = colour(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  let lowest = 21;
  for (const node of document.querySelectorAll("main *")) {
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [light(colour(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    lowest = Math.min(lowest, (a + 0.05) / (b + 0.05));
  }
  return lowest;
})()
"""


@pytest.fixture(scope="module")
def chromium():
    with browser() as made:
        yield made


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "report.html"
    path.write_text(html.render(sample(ai=Verdict.UNKNOWN)), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_is_readable_by_day_and_by_night(chromium, page, scheme):
    chromium.open(page, scheme=scheme)
    assert chromium.value(CONTRAST) >= READABLE
    dark = "sum = getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)[0] < 128"
    assert chromium.value(dark) is (scheme == "dark")


def test_on_paper_colours_are_light_and_the_checklist_is_the_first_page(chromium, page):
    chromium.open(page, scheme="dark", media="print", **A4)
    assert chromium.value(CONTRAST) >= READABLE
    assert chromium.value("document.querySelector('#factors').getBoundingClientRect().bottom") <= A4["height"]
    pages = len(re.findall(rb"/Type\s*/Page\b", chromium.pdf()))
    assert pages == 3  # the factors, the AI items, the findings


def test_the_checklist_is_one_page_even_where_everything_is_broken(chromium, tmp_path):
    path = tmp_path / "legacy.html"
    path.write_text(html.render(audit(LEGACY)), encoding="utf-8")
    chromium.open(path, media="print", **A4)
    assert chromium.value("document.querySelector('#factors').getBoundingClientRect().bottom") <= A4["height"]


@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_nothing_is_wider_than_the_screen(chromium, page, width):
    chromium.open(page, width=width)
    assert chromium.value("document.documentElement.scrollWidth") <= width


def test_each_tile_leads_to_its_item_and_says_its_verdict(chromium, page):
    chromium.open(page)
    assert chromium.value("[...document.querySelectorAll('.strip a')].every(a => document.querySelector(a.hash))")
    assert chromium.value("document.querySelector('.strip .fail .spoken').textContent") == "Config: fail"


def test_nothing_is_loaded_and_nothing_complained_about(chromium, page):
    chromium.open(page)
    assert {one["request"]["url"] for one in chromium.did("Network.requestWillBeSent")} == {page.as_uri()}
    assert not chromium.did("Log.entryAdded")


def test_what_the_code_says_stays_text(chromium, tmp_path):
    path = tmp_path / "hostile.html"
    path.write_text(html.render(hostile()), encoding="utf-8")
    chromium.open(path, width=390)
    assert chromium.value("document.querySelectorAll('script').length") == 0
    assert chromium.value("document.title").startswith("Twelve-factor audit of")
    assert chromium.value("document.documentElement.scrollWidth") <= 390
