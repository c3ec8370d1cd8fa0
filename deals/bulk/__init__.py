"""Changing many deals in the same way: what is asked, what that would do, and doing it to each of them."""

from deals.bulk.change import Change, Wish
from deals.bulk.doing import begin, change_one, wish
from deals.bulk.plan import Plan, plan

__all__ = ["Change", "Plan", "Wish", "begin", "change_one", "plan", "wish"]
