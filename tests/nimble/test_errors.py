"""Which failure means what, and what a 409 says about which field."""

import pytest

from nimble import errors
from nimble.answers import failure

KNOWN = {"operation": "put-deal", "request_id": "r1"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (302, None, errors.Redirected),
        (304, None, errors.Redirected),
        (400, {"message": "no"}, errors.Refused),
        (401, {}, errors.DeadToken),
        (402, {"payment_type": "contacts"}, errors.PaymentRequired),
        (403, {"message": "Can't authenticate request"}, errors.DeadToken),
        (403, {"message": "email_verification_required"}, errors.Forbidden),
        (403, None, errors.Forbidden),
        (404, {"object_type": "deal", "object_id": "1"}, errors.NotFound),
        (406, {"message": "archived", "type": "x"}, errors.NotAcceptable),
        (409, {"message": "bad", "errors": {}}, errors.Invalid),
        (418, None, errors.Refused),
        (429, None, errors.RateLimited),
        (500, {"code": 107, "message": "internal"}, errors.ServerError),
        (503, None, errors.ServerError),
    ],
)
def test_failure_by_status(status, body, kind):
    error = failure(status, {}, body, **KNOWN)
    assert type(error) is kind
    assert (error.status, error.operation, error.request_id) == (status, "put-deal", "r1")


def test_failure_of_success_is_none():
    assert failure(200, {}, {}, **KNOWN) is None
    assert failure(201, {}, None, **KNOWN) is None


def test_503_with_retry_after_is_not_applied():
    error = failure(503, {"Retry-After": "7"}, None, **KNOWN)
    assert (type(error), error.retry_after, error.ambiguous) == (errors.RateLimited, 7.0, False)


@pytest.mark.parametrize(
    ("kind", "retryable", "ambiguous", "reconnect"),
    [
        (errors.Unreachable, True, False, False),
        (errors.NoAnswer, True, True, False),
        (errors.BadAnswer, True, True, False),
        (errors.AnswerTooLarge, False, True, False),
        (errors.ServerError, True, True, False),
        (errors.RateLimited, True, False, False),
        (errors.DeadToken, True, False, False),
        (errors.AppRefused, True, False, False),
        (errors.NeedsReconnect, False, False, True),
        (errors.Redirected, False, False, False),
        (errors.Refused, False, False, False),
        (errors.PaymentRequired, False, False, False),
        (errors.Invalid, False, False, False),
    ],
)
def test_class_says_what_to_do(kind, retryable, ambiguous, reconnect):
    assert (kind.retryable, kind.ambiguous, kind.reconnect) == (retryable, ambiguous, reconnect)


def test_message_prefers_words_for_people():
    body = {"message": "validation", "human_readable_error": "The name is too long."}
    assert str(failure(409, {}, body, **KNOWN)) == "The name is too long."


def test_message_of_a_failed_preflight_check_is_that_of_its_errors():
    body = {"errors": [{"message": "Field is used in 3 deals", "total": 3, "nse_query": {}, "type": "in_use"}]}
    assert str(failure(406, {}, body, **KNOWN)) == "Field is used in 3 deals"


def test_message_of_server_error_is_ours():
    assert str(failure(500, {}, {"message": "Traceback: token=abc"}, **KNOWN)) == "Nimble had an internal error."


def test_field_errors_of_contacts():
    body = {"errors": {"email": [{"message": "not an address", "field_id": "f1"}, {"message": "twice"}]}}
    assert errors.field_errors(body) == {"email": ["not an address", "twice"]}


def test_field_errors_of_paths():
    body = {"errors": {"/fields_values/name": {"message": "required"}, "/amount": "negative"}}
    assert errors.field_errors(body) == {"/fields_values/name": ["required"], "/amount": ["negative"]}


@pytest.mark.parametrize("body", [None, [], {}, {"errors": None}, {"errors": ["x"]}])
def test_field_errors_of_anything_else(body):
    assert errors.field_errors(body) == {}


def test_field_errors_without_message_still_name_the_field():
    assert errors.field_errors({"errors": {"name": [{"field_id": "f"}]}}) == {
        "name": ["Nimble did not accept these values."]
    }
