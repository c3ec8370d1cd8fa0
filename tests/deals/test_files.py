"""Files of a deal: listed, opened by a link that is kept nowhere, added by link, renamed, removed."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from deals import files
from deals.models import Deal, DealFile
from nimble.models import Connection
from sync import outbox, pull
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}
AZURE = {"source": "uploaded_azure", "data_id": "blob"}
DROPBOX = {"source": "dropbox", "file_url": "https://www.dropbox.com/s/1/offer.pdf", "icon_url": ""}


def file(number: int, name: str, metadata: dict[str, Any] = AZURE, **more: Any) -> dict[str, Any]:
    return {"file_id": f"file{number}", "file_name": name, "file_size": 2048, "metadata": metadata, **more}


def panel(page: Client, row: Deal) -> str:
    """The files on the deal's page."""
    body = page.get(row.get_absolute_url()).content.decode()
    found = re.search(r'<section class="panel" id="files">.*?</section></section>', body, re.DOTALL)
    assert found
    return found[0]


def add(page: Client, row: Deal, **data: str) -> Any:
    given = {"link": DROPBOX["file_url"], "name": "Offer", **data}
    return page.post(reverse("deals:add_file", args=[row.pk]), given, headers=HTMX)


def test_files_are_listed_with_what_can_be_done_to_each(page: Client, keep: Keep):
    [row] = keep(deal(1, files=[file(1, "a <1>.pdf"), file(2, "b.pdf", DROPBOX), {"metadata": None}]))
    shown = panel(page, row)
    assert "a &lt;1&gt;.pdf" in shown
    assert reverse("deals:open_file", args=[row.pk, "file1"]) in shown
    assert f'href="{DROPBOX["file_url"]}" target="_blank" rel="noopener noreferrer"' in shown
    assert "Dropbox" in shown
    assert reverse("deals:rename_file", args=[row.pk, "file1"]) in shown
    assert reverse("deals:rename_file", args=[row.pk, "file2"]) not in shown


def test_a_link_that_is_no_web_address_is_not_followed(page: Client, keep: Keep):
    [row] = keep(deal(1, files=[file(1, "a.pdf", {"source": "dropbox", "file_url": "javascript:alert(1)"})]))
    assert "javascript:" not in panel(page, row)


@pytest.mark.parametrize(
    "strange",
    [file(1, "a.pdf") | {"file_id": "a/b"}, {"file_id": 5}, file(1, "a.pdf", {**DROPBOX, "file_url": "https://[a"})],
)
def test_strange_file_keeps_nobody_from_the_deal(page: Client, keep: Keep, strange: dict[str, Any]):
    [row] = keep(deal(1, files=[strange]))
    assert "a.pdf" in panel(page, row) or "File" in panel(page, row)
    for route in ("open_file", "remove_file"):
        assert page.post(reverse(f"deals:{route}", args=[row.pk, "-0"])).status_code in (404, 405)


@pytest.mark.parametrize(
    ("link", "source", "taken"),
    [
        ("https://docs.google.com/d/1", "", "google_drive"),
        ("https://acme.sharepoint.com/x", "", "one_drive"),
        ("https://www.dropbox.com/s/1", "", "dropbox"),
        ("https://files.example/1", "dropbox", "dropbox"),
    ],
)
def test_a_file_is_added_by_its_link_and_shown_at_once(page: Client, keep: Keep, link: str, source: str, taken: str):
    [row] = keep(deal(1))
    answer = add(page, row, link=link, name="Offer <b>", source=source)
    assert "deal-changed" in answer.headers["HX-Trigger"]
    assert Edit.objects.get().fields["source"]["new"] == taken
    shown = panel(page, row)
    assert "Offer &lt;b&gt;" in shown
    assert "Saved here" in shown


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"link": "http://www.dropbox.com/s/1"}, "begins with https://"),
        ({"link": "javascript:alert(1)"}, "begins with https://"),
        ({"link": "https://"}, "begins with https://"),
        ({"link": "https://notdropbox.com/s/1"}, "does not say where the file is kept"),
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 256}, "at most 255 characters"),
    ],
)
def test_what_cannot_be_added_comes_back_as_typed(page: Client, keep: Keep, typed: dict[str, str], said: str):
    [row] = keep(deal(1))
    answer = add(page, row, **typed)
    assert answer.status_code == 422
    body = answer.content.decode()
    assert said in body
    assert all(f'value="{text}"' in body for text in typed.values() if text)
    assert not Edit.objects.exists()


def test_a_removed_file_is_hidden_and_comes_back(page: Client, keep: Keep):
    [row] = keep(deal(1, files=[file(1, "a.pdf"), file(2, "b.pdf")]))
    remove = reverse("deals:remove_file", args=[row.pk, "file1"])
    assert "cannot bring it back" in page.get(remove, headers=HTMX).content.decode()
    undo = re.search(r'hx-post="([^"]*undo[^"]*)"', page.post(remove, headers=HTMX).content.decode())
    assert undo
    assert "a.pdf" not in panel(page, row)
    page.post(undo[1], headers=HTMX)
    assert "a.pdf" in panel(page, row)
    page.post(remove, headers=HTMX)
    Edit.objects.filter(state=State.PENDING).update(state=State.SENDING)
    Edit.objects.filter(state=State.SENDING).update(state=State.REJECTED, error={"reason": "Forbidden"})
    DealFile.objects.update(removed=False)
    assert "a.pdf" in panel(page, row)


def test_an_unsent_file_that_is_removed_never_goes_out(page: Client, keep: Keep):
    [row] = keep(deal(1))
    add(page, row)
    key = f"-{DealFile.objects.get().pk}"
    page.post(reverse("deals:remove_file", args=[row.pk, key]), headers=HTMX)
    assert "Offer" not in panel(page, row)
    assert Edit.objects.get().state == State.DISCARDED


def test_a_file_of_another_deal_is_not_found(page: Client, keep: Keep):
    one, other = keep(deal(1, files=[file(1, "a.pdf")]), deal(2))
    assert page.get(reverse("deals:open_file", args=[other.pk, "file1"])).status_code == 404
    assert page.post(reverse("deals:remove_file", args=[other.pk, "file1"])).status_code == 404
    assert page.get(reverse("deals:rename_file", args=[one.pk, "file1"])).status_code == 200


def test_nobody_changes_files_of_a_deal_that_they_may_not_edit(page: Client, keep: Keep):
    [row] = keep(deal(1, is_editable=False, files=[file(1, "a.pdf")]))
    assert "/remove/" not in panel(page, row)
    assert add(page, row).status_code == 404
    assert page.post(reverse("deals:remove_file", args=[row.pk, "file1"])).status_code == 404


def test_files_without_javascript(page: Client, keep: Keep):
    [row] = keep(deal(1, files=[file(1, "a.pdf")]))
    for name, args in (("add_file", []), ("rename_file", ["file1"]), ("remove_file", ["file1"])):
        body = page.get(reverse(f"deals:{name}", args=[row.pk, *args])).content.decode()
        assert "<h1" in body
        assert 'method="post"' in body
    answer = page.post(reverse("deals:rename_file", args=[row.pk, "file1"]), {"name": "b.pdf"}, follow=True)
    assert "The file is renamed." in answer.content.decode()
    assert "b.pdf" in panel(page, row)


@pytest.fixture
def filed(mirror: Connection, sandbox: SandboxServer) -> Deal:
    """A deal that may be edited, with a file that Nimble keeps."""
    mine = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True)
    return next(row for row in mine if "uploaded_azure" in map(files.source_of, files.listed(row.remote)))


def kept(row: Deal) -> dict[str, Any]:
    return next(one for one in files.listed(row.remote) if files.source_of(one) == "uploaded_azure")


def in_nimble(sandbox: SandboxServer, row: Deal) -> dict[str, str]:
    return {one["file_id"]: one["file_name"] for one in sandbox.object("deal", row.nimble_id or "")["files"]}


def test_what_is_done_to_files_arrives_in_nimble(mirror: Connection, sandbox: SandboxServer, filed: Deal):
    page, file_id = browser(mirror.user), kept(filed)["file_id"]
    add(page, filed, name="Offer 7")
    page.post(reverse("deals:rename_file", args=[filed.pk, file_id]), {"name": "New name.pdf"}, headers=HTMX)
    assert outbox.deliver() == 2
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    names = in_nimble(sandbox, filed)
    assert names[file_id] == "New name.pdf"
    assert "Offer 7" in names.values()
    # Before the deal was read again, and after.
    for _time in range(2):
        shown = panel(page, filed)
        assert shown.count("Offer 7</a>") == 1
        assert shown.count("New name.pdf</a>") == 1
        assert "Saved here" not in shown
        pull.sync_again(mirror, "deals")
        pull.pull(mirror)
    added = DealFile.objects.get(name="Offer 7")
    page.post(reverse("deals:remove_file", args=[filed.pk, added.nimble_id]), headers=HTMX)
    Edit.objects.update(not_before=None)
    assert outbox.deliver() == 1
    assert "Offer 7" not in in_nimble(sandbox, filed).values()
    assert "Offer 7" not in panel(page, filed)


def test_a_file_stays_in_nimble_while_the_notice_offers_to_take_its_removal_back(
    mirror: Connection, sandbox: SandboxServer, filed: Deal
):
    page, file = browser(mirror.user), kept(filed)
    gone = reverse("deals:remove_file", args=[filed.pk, file["file_id"]])
    assert "Until it has gone out to Nimble" in page.get(gone).content.decode()
    page.post(gone, headers=HTMX)
    assert outbox.deliver() == 0
    page.post(reverse("deals:undo", args=[filed.pk, Edit.objects.get().pk]), headers=HTMX)
    Edit.objects.update(not_before=None)
    assert outbox.deliver() == 0
    assert file["file_id"] in in_nimble(sandbox, filed)
    assert escape(files.name_of(file)) in panel(page, filed)


def test_an_added_file_whose_answer_was_lost_is_there_once(mirror: Connection, sandbox: SandboxServer, filed: Deal):
    page = browser(mirror.user)
    add(page, filed, name="Offer 8")
    sandbox.fault(method="POST", path=r"/api/v2/deals/[^/]+/files", times=1, cut="after")
    outbox.deliver()
    Edit.objects.update(not_before=None)
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    assert list(in_nimble(sandbox, filed).values()).count("Offer 8") == 1


def test_a_file_is_opened_by_a_link_that_is_kept_nowhere(
    mirror: Connection, sandbox: SandboxServer, filed: Deal, caplog: pytest.LogCaptureFixture
):
    file_id = kept(filed)["file_id"]
    answer = browser(mirror.user).get(reverse("deals:open_file", args=[filed.pk, file_id]))
    assert answer.status_code == 302
    assert re.search(rf"/files/{file_id}\?expires=\d+$", answer["Location"])
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "expires=" not in caplog.text


def test_a_file_that_nimble_does_not_give_says_why(mirror: Connection, sandbox: SandboxServer, filed: Deal):
    file_id = kept(filed)["file_id"]
    sandbox.fault(method="GET", path=r"/api/v2/deals/[^/]+/files/[^/]+/url", times=2, status=500)
    answer = browser(mirror.user).get(reverse("deals:open_file", args=[filed.pk, file_id]))
    assert answer.status_code == 502
    assert "Nimble had an internal error." in answer.content.decode()
    assert "Try again" in answer.content.decode()
