"""How fast Nimble is asked: a budget and two slots for each connection, and one breaker for Nimble as a whole.

`budget`, `slots`, `usage` and `breaker` are pure; `stored` keeps them in the database; a client's `gate` applies them
to each of its requests; `status` says how things are, for pages.
"""
