"""What Nimble's documents leave open: each switch names its positions, the first is the default."""

from sandbox.errors import invalid_at

POSITIONS: dict[str, tuple[str, ...]] = {
    "dead_token": ("403", "401"),
    "tags_shape": ("strings", "objects"),
    "next_page_url": ("absolute", "relative"),
    "deals_page": ("ignored", "honoured"),
    "deals_scope": ("all", "own"),
    "transitions": ("down", "up"),
    "transition_when": ("mixed", "date", "datetime"),
    "note_ids": ("chosen", "own"),
    "rotation": ("on", "off"),
    "company_users": ("off", "on"),
    "replace_param": ("type", "replace", "neither"),
    "deal_fields": ("map", "list"),
    "hidden_record": ("404", "403"),
    "ids_page": ("granted", "capped"),
    "quota_error": ("published", "legacy"),
    "field_in_use": ("403", "406"),
}
DEFAULTS = {name: positions[0] for name, positions in POSITIONS.items()}


def checked(name: str, position: object) -> str:
    if name not in POSITIONS:
        raise invalid_at(f"/{name}", f"no such switch; there are {', '.join(POSITIONS)}")
    if str(position) not in POSITIONS[name]:
        raise invalid_at(f"/{name}", f"must be one of {', '.join(POSITIONS[name])}")
    return str(position)
