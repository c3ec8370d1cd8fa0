"""The files of a deal: names and links. The bytes live elsewhere."""

from typing import Any

from sandbox.errors import invalid_at, not_found
from sandbox.exchange import Answer, Request, operation
from sandbox.store import Document
from sandbox.world import World

FILES = "/api/v2/deals/{deal_id}/files"
EXTERNAL = ("dropbox", "one_drive", "google_drive")
LIVES = 300


def _file(doc: Document, file_id: str) -> dict[str, Any]:
    found: dict[str, Any] | None = next((one for one in doc["files"] if one["file_id"] == file_id), None)
    if found is None:
        raise not_found("deal file", file_id)
    return found


@operation("POST", FILES, "deals")
def store_deal_file(world: World, request: Request, deal_id: str) -> Answer:
    """Answers nothing: the deal has it from then on."""
    doc = world.editable("deal", deal_id, request.user)
    sent = request.document()
    metadata = sent.get("metadata")
    if not isinstance(metadata, dict):
        raise invalid_at("/metadata", "missing required property")
    name: Any
    size: Any
    if metadata.get("source") == "uploaded_azure":
        if not isinstance(metadata.get("data_id"), str):
            raise invalid_at("/metadata/data_id", "missing required property")
        metadata = {"source": "uploaded_azure", "data_id": metadata["data_id"]}
        name, size = "upload", 0
    elif metadata.get("source") in EXTERNAL:
        name, size = sent.get("file_name"), sent.get("file_size", 0)
        if not isinstance(metadata.get("file_url"), str) or not metadata["file_url"].startswith("https://"):
            raise invalid_at("/metadata/file_url", "expected a https address")
        if not isinstance(name, str) or not 1 <= len(name) <= 255:
            raise invalid_at("/file_name", "expected 1 to 255 characters")
        if isinstance(size, bool) or not isinstance(size, int | float) or size < 0:
            raise invalid_at("/file_size", "expected a number")
        icon = metadata.get("icon_url", "")
        if not isinstance(icon, str):
            raise invalid_at("/metadata/icon_url", "expected an address")
        metadata = {"source": metadata["source"], "file_url": metadata["file_url"], "icon_url": icon}
    else:
        raise invalid_at("/metadata/source", f"expected one of uploaded_azure, {', '.join(EXTERNAL)}")
    made = {"file_id": world.new_id("file"), "file_name": name, "file_size": size, "metadata": metadata}
    doc["files"].append(made | {"uploader": request.user_id, "uploaded_at": world.next_stamp()})
    world.save("deal", doc, request.user_id)
    return Answer(status=201)


@operation("PUT", f"{FILES}/{{file_id}}", "deals")
def put_deal_file(world: World, request: Request, deal_id: str, file_id: str) -> Answer:
    """Only what was uploaded to Nimble itself can be renamed."""
    doc = world.editable("deal", deal_id, request.user)
    one = _file(doc, file_id)
    name = request.document().get("new_file_name")
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        raise invalid_at("/new_file_name", "expected 1 to 255 characters")
    if one["metadata"]["source"] != "uploaded_azure":
        raise invalid_at("/new_file_name", "Only uploaded files can be renamed")
    one["file_name"] = name
    world.save("deal", doc, request.user_id)
    return Answer()


@operation("DELETE", f"{FILES}/{{file_id}}", "deals")
def delete_deal_file(world: World, request: Request, deal_id: str, file_id: str) -> Answer:
    doc = world.editable("deal", deal_id, request.user)
    doc["files"].remove(_file(doc, file_id))
    world.save("deal", doc, request.user_id)
    return Answer()


@operation("GET", f"{FILES}/{{file_id}}/url", "deals")
def get_deal_file_url(world: World, request: Request, deal_id: str, file_id: str) -> Answer:
    _file(world.readable("deal", deal_id, request.user), file_id)
    return Answer({"url": f"{request.origin}/files/{file_id}?expires={world.now() // 1_000_000 + LIVES}"})
