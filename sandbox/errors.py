"""What Nimble answers when it refuses: one function for each shape."""

from typing import Any


class Refused(Exception):
    """Carries the whole answer; the server sends it and applies nothing."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}


def invalid(errors: dict[str, Any] | None = None, message: str = "Validation errors") -> Refused:
    """409/245. `errors` maps a contact field to a list of {message, field_id}, or a path to {message}."""
    body = {"message": message, "code": 245, "errors": errors or {}, "human_readable_error": message}
    return Refused(409, body)


def invalid_at(path: str, message: str) -> Refused:
    return invalid({path: {"message": message}}, f"Invalid value: {message}")


def not_found(kind: str, object_id: str) -> Refused:
    return Refused(404, {"object_type": kind, "object_id": object_id})


def forbidden(message: str) -> Refused:
    return Refused(403, {"message": message})


def not_acceptable(message: str, kind: str) -> Refused:
    return Refused(406, {"message": message, "type": kind})


def cannot_complete(message: str, kind: str) -> Refused:
    return Refused(406, {"message": message, "error_type": kind})


def quota_exceeded(shape: str) -> Refused:
    """402, as the specification draws it or as the older prose shows it (code 108)."""
    if shape == "legacy":
        message = "You have created the maximum number of contact records allowed for your subscription."
        return Refused(402, {"message": message, "code": 108})
    resource = {"resource_id": "number_of_contacts", "description": "Total number of contacts in a company"}
    return Refused(
        402,
        {
            "payment_type": "Resources/features usage exceeded",
            "extra_usage": {"features": [], "resources": [{"amount": 1, "resource": resource}]},
            "required_spec": {"plan": {"plan_id": "plan_1", "name": "Nimble Business"}, "upgrades": []},
        },
    )
