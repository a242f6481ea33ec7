"""Endpoints of the loopback Hub that change something: a repository made, files sent, a commit."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import yaml

from tests.hub_repository import LARGE, RefusalError, Repository, git_id, sha256
from tests.hub_requests import PREFIXES, Answer, Request, Shelves, Visit, json_answer, role_of


def created(shelves: Shelves, request: Request) -> Answer:
    asked, role = request.json, role_of(shelves, request)
    if role != "write":
        raise RefusalError(401 if role == "none" else 403, message="You don't have the rights to create a repository")
    key = f"{PREFIXES[asked.get('type', 'model') + 's']}{asked['organization'] or 'owner'}/{asked['name']}"
    url = f"{shelves.address}/{key}"
    if key in shelves.repositories:
        raise RefusalError(409, message="You already created this repo", url=url)
    made = shelves.repositories[key] = Repository(private=asked.get("visibility") == "private")
    made.add(key, {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}, "initial commit")
    return json_answer({"url": url, "name": key})


def upload_modes(visit: Visit, commit: str) -> Answer:
    files = visit.repository.commits[commit]
    said = []
    for file in visit.request.json["files"]:
        path = file["path"]
        one: dict[str, Any] = {"path": path, "shouldIgnore": False, "uploadMode": "regular"}
        if path.endswith(LARGE):
            one["uploadMode"] = "lfs"
        if path in files:
            one["oid"] = sha256(files[path]) if path.endswith(LARGE) else git_id(files[path])
        said.append(one)
    return json_answer({"files": said})


def large_files(visit: Visit, action: str) -> Answer:
    objects, asked, address = visit.shelves.objects, visit.request.json, visit.shelves.address
    if action == "verify":
        if len(objects.get(asked["oid"], b"")) != asked["size"]:
            raise RefusalError(404, message="Object not found")
        return json_answer({})
    said = []
    for one in asked["objects"]:
        verify = f"{address}/{visit.key}.git/info/lfs/objects/verify"
        actions = {"upload": {"href": f"{address}/lfs/{one['oid']}"}, "verify": {"href": verify}}
        said.append(one if one["oid"] in objects else one | {"actions": actions})
    return json_answer({"transfer": "basic", "objects": said})


def received(shelves: Shelves, oid: str, content: bytes) -> Answer:
    if sha256(content) != oid:
        raise RefusalError(400, message="Content does not match its digest")
    shelves.objects[oid] = content
    return Answer(b"")


def committed(visit: Visit) -> Answer:
    header, *changes = map(json.loads, visit.request.body.splitlines())
    head = visit.repository.commit("main")
    if header["value"].get("parentCommit", head) != head:
        raise RefusalError(412, message="A commit has happened since. Please refresh and try again.")
    files = dict(visit.repository.commits[head])
    for change in changes:
        _change(files, change["key"], change["value"], visit.shelves.objects)
    made = visit.repository.add(visit.key, files, header["value"]["summary"])
    url = f"{visit.shelves.address}/{visit.key}/commit/{made}"
    return json_answer({"success": True, "commitOid": made, "commitUrl": url})


def _change(files: dict[str, bytes], key: str, value: dict[str, Any], objects: Mapping[str, bytes]) -> None:
    path = value["path"]
    match key:
        case "file":
            files[path] = base64.b64decode(value["content"])
        case "lfsFile" if value["oid"] in objects:
            files[path] = objects[value["oid"]]
        case "deletedFile" if path in files:
            del files[path]
        case "deletedFolder":
            for name in [name for name in files if name.startswith(f"{path.rstrip('/')}/")]:
                del files[name]
        case "lfsFile":
            raise RefusalError(400, message=f"LFS pointer pointed to a file that does not exist: {path}")
        case _:
            raise RefusalError(404, "EntryNotFound", f"A file with this name doesn't exist: {path}")


def validated(content: str) -> Answer:
    """The card's YAML read as YAML; of the Hub's own rules only those of `configs`, which decide what loads."""
    front = content.split("---\n", 2)[1] if content.startswith("---\n") and content.count("---\n") > 1 else ""
    try:
        read = yaml.safe_load(front) or {}
        errors = _wrong(read)
    except yaml.YAMLError as error:
        read, errors = {}, [f"YAML: {error}"]
    if errors:
        raise RefusalError(400, errors=[{"message": line} for line in errors], warnings=[])
    warnings = [] if read else [{"message": "empty or missing yaml metadata in repo card"}]
    return json_answer({"errors": [], "warnings": warnings})


def _wrong(read: Any) -> list[str]:
    if not isinstance(read, dict):
        return ["the metadata is no mapping"]
    lines = [f"{key} must be a list" for key in ("configs", "tags") if not isinstance(read.get(key, []), list)]
    named = lines or all(isinstance(one, dict) and "config_name" in one for one in read.get("configs", []))
    return lines if named else ["every one of configs needs a config_name"]
