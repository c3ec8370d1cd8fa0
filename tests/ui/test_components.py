import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("pending", "Saved here"),
        ("retrying", "Saved here"),
        ("sending", "Sent"),
        ("conflict", "Needs you"),
        ("rejected", "Needs you"),
        ("failed", "Needs you"),
        ("ambiguous", "Needs you"),
        ("blocked", "Needs you"),
    ],
)
def test_edit_state_says_where_the_edit_is(state: str, text: str) -> None:
    assert f">{text}</span>" in render_to_string("components/edit_state.html", {"state": state})


@pytest.mark.parametrize("state", ["confirmed", "superseded", "discarded", "undone", ""])
def test_edit_state_is_silent_when_all_is_well(state: str) -> None:
    assert render_to_string("components/edit_state.html", {"state": state}).strip() == ""


def test_toast_escapes_its_text_and_offers_undo() -> None:
    context = {"text": "<b>Deal</b> moved", "undo": "/sync/edits/7/undo/"}
    html = render_to_string("components/toast_oob.html", context, RequestFactory().get("/"))
    assert "&lt;b&gt;Deal&lt;/b&gt; moved" in html
    assert 'hx-swap-oob="beforeend:#toasts"' in html
    assert 'hx-post="/sync/edits/7/undo/"' in html
    assert "csrfmiddlewaretoken" in html


def test_progress_is_determinate_only_with_a_total() -> None:
    known = render_to_string(
        "components/progress.html", {"label": "Contacts", "done": 4210, "total": 8800, "rate": 312.4, "left": 15}
    )
    assert 'max="8800" value="4210"' in known
    assert "4,210 of 8,800" in known
    assert "312 per second" in known
    unknown = render_to_string("components/progress.html", {"label": "Notes", "done": 3, "total": None})
    assert "value=" not in unknown


def test_server_error_page_needs_no_request_and_no_database() -> None:
    html = render_to_string("500.html", {"reference": "abc123"})
    assert "abc123" in html
    assert 'href="/"' in html
