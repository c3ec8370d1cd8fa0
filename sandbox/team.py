"""Who is asking, and the team."""

from sandbox.errors import not_found
from sandbox.exchange import Answer, Request, operation
from sandbox.store import Document
from sandbox.world import World


@operation("GET", "/api/v1/myself")
def get_myself(world: World, request: Request) -> Answer:
    user = request.user
    size = sum(not one["disabled"] for one in world.users(user["company_id"]).values())
    names = ("user_id", "company_id", "email", "name")
    return Answer({name: user[name] for name in names} | {"company_size": size})


def full_user(user: Document) -> Document:
    first, _, last = user["name"].partition(" ")
    created = "2024-02-01T09:00:00Z"
    return {
        **{name: user[name] for name in ("user_id", "company_id", "company_name", "email", "name", "avatar_url")},
        "first_name": first,
        "last_name": last,
        "timezone": "Europe/Lisbon",
        "disabled": user["disabled"],
        "created": created,
        "last_active": created,
        "account_type": "email",
        "is_company_owner": user["is_company_owner"],
        "is_pending": False,
        "receive_newsletter": False,
        "has_password": True,
        "under_gdpr": True,
        "permissions": {"contacts": 1, "deals": 1},
        "metadata": {"company_name": user["company_name"], "help_tour_data": {"disabled": 1}}
        | dict.fromkeys(("city", "country", "employees_count", "industry", "phone", "state", "street", "title", "zip")),
        "email_verification_due": False,
    }


@operation("GET", "/api/v1/company/users")
def list_company_users(world: World, request: Request) -> Answer:
    """Known from the older prose only, so it is not there unless the switch says so."""
    if world.switch("company_users") == "off":
        raise not_found("operation", request.path)
    return Answer({"users": [full_user(user) for user in world.users(request.company_id).values()]})
