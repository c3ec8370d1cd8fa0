"""Who is asking, and with whom they work."""

from typing import Any

from nimble.client.calls import MYSELF, Calls


class PeopleCalls(Calls):
    # get-myself
    def myself(self) -> dict[str, Any]:
        return self.call("get-myself", "GET", MYSELF)

    # Not in the specification; known from public clients.
    def company_users(self) -> dict[str, Any]:
        return self.call("company-users", "GET", "/api/v1/company/users")
