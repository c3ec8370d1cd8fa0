"""The words for every way in which an edit or a run can stop."""

import pytest

from nimble import errors, oauth
from sync import failures, reasons
from sync.models import Edit, Run, State

assert oauth  # its classes of errors belong to the tree


def family(cls: type[errors.NimbleError]) -> list[type[errors.NimbleError]]:
    return [cls, *(grandchild for child in cls.__subclasses__() for grandchild in family(child))]


@pytest.mark.parametrize("cls", family(errors.NimbleError), ids=lambda cls: cls.__name__)
def test_every_error_has_words_for_what_happened_and_what_to_do(cls: type[errors.NimbleError]):
    reason = reasons.REASONS[cls.__name__]
    assert str(reason.text).endswith(".")
    assert str(reason.todo).endswith(".")


@pytest.mark.parametrize("blocked", ["reconnect", "quota"])
def test_every_reason_to_wait_has_words(blocked: str):
    edit = Edit(state=State.BLOCKED, error={"reason": blocked})
    assert reasons.of(edit) == reasons.REASONS[blocked]


def test_edit_that_goes_its_way_has_no_reason():
    assert reasons.of(Edit(state=State.PENDING)) is None


def test_error_of_our_own_is_owned_up_to():
    assert reasons.of(Edit(state=State.RETRYING, error={"reason": "ZeroDivisionError", "message": ""})) == reasons.OURS


def test_edit_that_failed_says_how_often_it_was_tried_and_why():
    found = reasons.of(Edit(state=State.FAILED, error={"reason": "ServerError"}))
    assert found is not None
    assert found.text == "It was tried ten times in vain. What you typed is kept. Nimble had an internal error."
    assert failures.MAX_ATTEMPTS == 10


def test_nimbles_own_words_are_told_apart_from_ours():
    default = str(errors.Forbidden())
    assert reasons.said(Edit(state=State.REJECTED, error={"reason": "Forbidden", "message": default})) == ""
    assert reasons.said(Edit(state=State.REJECTED, error={"reason": "Forbidden", "message": "No."})) == "No."


@pytest.mark.parametrize("path", ["name", "/fields_values/name", "/fields_values/name/0/value"])
def test_message_finds_the_field_that_it_is_about(path: str):
    edit = Edit(fields={"name": {"new": "x"}}, error={"fields": {path: ["Too short."], "other": ["Wrong."]}})
    assert reasons.field_messages(edit) == ({"name": ["Too short."]}, ["Wrong."])


def test_run_says_why_it_stopped():
    assert reasons.of_run(Run(error="")) == ""
    assert reasons.of_run(Run(state=Run.State.FAILED, error=str(errors.NoAnswer()))) == "Nimble did not answer in time."
    assert reasons.of_run(Run(state=Run.State.FAILED, error="Something else.")) == "Something else."
    braked = reasons.of_run(Run(state=Run.State.BRAKED, error="30 of 60 records vanished at once."))
    assert braked.startswith("30 of 60 records vanished at once. A revoked permission looks just like that")
