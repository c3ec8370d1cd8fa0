"""The pages of the OAuth dialogue: plain HTML, no scripts."""

from html import escape

from sandbox.store import Document

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5d6b7a; --line: #dfe5ec; --page: #f2f5f8; --card: #fff;
  --blue: #1f6fb2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #9aa8b6; --line: #33404d; --page: #11171d;
  --card: #1a222b; --blue: #5aa9e6; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: min(26rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.75rem; }
h1 { font-size: 1.3rem; margin: 0 0 .25rem; } p { margin: .25rem 0 1rem; color: var(--soft); }
fieldset { border: 0; padding: 0; margin: 0 0 1.25rem; display: grid; gap: .5rem;
  max-height: min(31rem, 60vh); overflow: auto; }
legend { font-weight: 600; margin-bottom: .5rem; }
label { display: flex; gap: .75rem; align-items: center; border: 1px solid var(--line); border-radius: 10px;
  padding: .55rem .8rem; cursor: pointer; }
label:has(:checked) { border-color: var(--blue); box-shadow: inset 0 0 0 1px var(--blue); }
label small { display: block; color: var(--soft); }
.buttons { display: flex; gap: .75rem; }
button { flex: 1; font: inherit; font-weight: 600; padding: .65rem; border-radius: 10px; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: inherit; }
button[value=allow] { background: var(--blue); border-color: var(--blue); color: #fff; }
@media (prefers-color-scheme: dark) { button[value=allow] { color: #0d1b28; } }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
"""
MEANING = {"basic": "your profile", "contacts": "your contacts", "deals": "your deals"}


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def error_page(title: str, text: str) -> str:
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def _choice(user: Document, checked: bool) -> str:
    name, email, company = (escape(user[key]) for key in ("name", "email", "company_name"))
    radio = f'<input type="radio" name="user_id" value="{escape(user["user_id"])}"{" checked" if checked else ""}>'
    return f"<label>{radio}<span>{name}<small>{email} · {company}</small></span></label>"


def consent_page(users: list[Document], kept: dict[str, str], wanted: list[str]) -> str:
    """Everyone who could sign in, the request's parameters as hidden fields, Allow and Deny."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in kept.items()
    )
    choices = "".join(_choice(user, checked=not place) for place, user in enumerate(users))
    asks = ", ".join(MEANING[scope] for scope in wanted)
    body = (
        f"<h1>Nimble sandbox</h1><p>An application asks to see and change {escape(asks)}.</p>"
        f'<form method="post" action="/oauth/authorize">{hidden}'
        f"<fieldset><legend>Sign in as</legend>{choices}</fieldset>"
        '<div class="buttons"><button name="decision" value="deny">Deny</button>'
        '<button name="decision" value="allow">Allow</button></div></form>'
    )
    return _page("Allow access", body)
