"""What others do, on an open board: two people in two real browsers."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deals import actions
from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection
from sync.models import Event
from tests import factories
from tests.browser import Open
from tests.deals.test_browser import carry
from tests.people import BJORN, Connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def two(open_as: Open, ada: Connection, connect: Connect, transactional_db: None) -> Any:
    """Ada's and Björn's boards of the pipeline with the most deals, side by side."""
    factories.mirrored(ada, deals=120, contacts=20)
    bjorn = factories.caught_up(connect(BJORN))
    pipeline = max(
        Pipeline.objects.all(), key=lambda one: Deal.objects.filter(pipeline_nimble_id=one.nimble_id).count()
    )

    def opened_by(connection: Connection) -> Page:
        page = open_as(connection.user, pipeline.get_absolute_url(), width=1440)
        expect(page.locator('.card[tabindex="0"]').first).to_be_visible()
        return page

    return opened_by(ada), opened_by(bjorn), pipeline


def movable(pipeline: Pipeline, ada: Connection) -> tuple[Deal, Stage, Stage]:
    """A deal that both see and Ada may move, its stage, and the next one."""
    first, second = pipeline.stages.filter(role="open", archived_at=None).order_by("position")[:2]
    mine = Deal.objects.filter(sights__connection=ada, sights__view__is_editable=True, is_private=False)
    row = mine.filter(stage_nimble_id=first.nimble_id, probability__isnull=False).order_by("pk").first()
    assert row
    return row, first, second


def test_move_is_on_the_others_board_and_leaves_focus_and_scroll(two: Any, ada: Connection):
    hers, his, pipeline = two
    row, first, second = movable(pipeline, ada)
    more = [Deal.objects.get(pk=row.pk) for _n in range(20)]
    for n, one in enumerate(more):
        one.pk, one.nimble_id, one.updated_in_nimble = None, f"more-{n}", None
    Deal.objects.bulk_create(more)
    his.reload()
    kept = his.locator(f"#cards-{first.pk} .card:not(#deal-{row.pk})").last.get_attribute("id")
    other = his.locator(f"#{kept}")
    other.focus()
    assert his.locator(f"#cards-{first.pk}").evaluate("list => (list.scrollTop = 600, list.scrollTop)") == 600
    seen = his.locator(f"#cards-{first.pk} .card").last.get_attribute("id")
    place = his.locator(f"#{seen}").bounding_box()
    carry(hers, hers.locator(f"#deal-{row.pk}"), hers.locator(f"#cards-{second.pk}"))
    expect(his.locator(f"#cards-{second.pk} #deal-{row.pk}")).to_be_visible()
    expect(his.locator(f"#cards-{first.pk} #deal-{row.pk}")).to_have_count(0)
    count = Deal.objects.filter(stage_nimble_id=second.nimble_id).count()
    expect(his.locator(f"#head-{second.pk} .n")).to_contain_text(str(count))
    expect(other).to_be_focused()
    expect(his.locator("#live")).to_have_text(f"{row.name} changed.")
    assert his.locator(f"#{seen}").bounding_box() == place


def test_card_in_hand_is_left_alone_until_it_is_let_go(two: Any, ada: Connection):
    his, pipeline = two[1], two[2]
    first = movable(pipeline, ada)[1]
    mine = next(one for one in his.locator(f'#cards-{first.pk} .card[data-editable="1"]').all())
    row = Deal.objects.get(pk=int(mine.get_attribute("data-deal") or 0))
    mine = his.locator(f"#deal-{row.pk}")
    box = mine.bounding_box()
    assert box
    his.mouse.move(box["x"] + 60, box["y"] + 30)
    his.mouse.down()
    his.mouse.move(box["x"] + 90, box["y"] + 60, steps=6)
    expect(his.locator(".in-hand")).to_be_visible()
    actions.change(author=ada.user, deal=row, field="name", value="Renamed by Ada")
    his.wait_for_timeout(4_000)
    expect(his.locator(".in-hand")).to_be_visible()
    assert "Renamed by Ada" not in his.locator(f"#deal-{row.pk} .t").first.inner_text()
    his.mouse.move(box["x"] + 60, box["y"] + 30, steps=3)
    his.mouse.up()
    expect(his.locator(f"#deal-{row.pk} .t")).to_have_text("Renamed by Ada")


def test_board_that_is_read_anew_keeps_what_is_being_typed(two: Any, ada: Connection):
    his, pipeline = two[1], two[2]
    his.locator(".column .add").first.click()
    name = his.locator(".quick-add input[name=name]")
    name.fill("Half a na")
    Event.objects.filter(workspace=ada.workspace).delete()
    row = movable(pipeline, ada)[0]
    actions.change(author=ada.user, deal=row, field="name", value="Renamed by Ada")
    Event.objects.filter(workspace=ada.workspace).delete()
    expect(his.locator(f"#deal-{row.pk} .t")).to_have_text("Renamed by Ada")
    expect(name).to_have_value("Half a na")
    expect(name).to_be_focused()


def test_stage_that_comes_while_the_board_is_open_takes_cards_and_gives_them_back(two: Any, ada: Connection):
    hers, pipeline = two[0], two[2]
    row, first, second = movable(pipeline, ada)
    came = Stage.objects.get(pk=second.pk)
    came.pk, came.nimble_id, came.name = None, "came-meanwhile", "Came meanwhile"
    came.save()
    Event.objects.filter(workspace=ada.workspace).delete()
    actions.change(author=ada.user, deal=row, field="name", value="Renamed")
    Event.objects.filter(workspace=ada.workspace).delete()
    card = hers.locator(f"#deal-{row.pk}")
    expect(hers.locator(f"#cards-{came.pk}")).to_be_visible()
    expect(hers.locator(f'#many [name=stage][value="{came.pk}"]')).to_have_count(1)
    carry(hers, card, hers.locator(f"#cards-{came.pk}"))
    expect(hers.locator(f"#cards-{came.pk} #deal-{row.pk}")).to_be_visible()
    expect(card).not_to_have_attribute("aria-busy", "true")
    carry(hers, card, hers.locator(f"#cards-{first.pk}"))
    expect(hers.locator(f"#cards-{first.pk} #deal-{row.pk}")).to_be_visible()


def test_board_that_is_read_anew_keeps_what_was_scrolled_to(two: Any, ada: Connection):
    his, pipeline = two[1], two[2]
    row, first, _second = movable(pipeline, ada)
    more = [Deal.objects.get(pk=row.pk) for _n in range(130)]
    for n, one in enumerate(more):
        one.pk, one.nimble_id, one.updated_in_nimble = None, f"more-{n}", None
    Deal.objects.bulk_create(more)
    his.reload()
    cards = his.locator(f"#cards-{first.pk} .card")
    for shown in (50, 100):
        expect(cards).to_have_count(shown)
        his.locator(f"#cards-{first.pk} .more").scroll_into_view_if_needed()
    total = Deal.objects.filter(stage_nimble_id=first.nimble_id).count()
    expect(cards).to_have_count(min(total, 150))
    there = his.locator(f"#{cards.nth(120).get_attribute('id')}")
    there.focus()
    there.scroll_into_view_if_needed()
    place = there.bounding_box()
    actions.change(author=ada.user, deal=row, field="name", value="Renamed by Ada")
    Event.objects.filter(workspace=ada.workspace).delete()
    expect(his.locator(f"#deal-{row.pk} .t")).to_have_text("Renamed by Ada")
    expect(cards).to_have_count(min(total, 150))
    expect(there).to_be_focused()
    assert there.bounding_box() == place
