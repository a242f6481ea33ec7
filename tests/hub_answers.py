"""What the loopback Hub answers: the endpoints that huggingface_hub 2.4.0 and datasets 5.2.0 ask."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from tests.hub_repository import LARGE, RefusalError, Repository, described, git_id, sha256
from tests.hub_requests import PREFIXES, Answer, Request, Shelves, UnexpectedError, Visit, json_answer, role_of
from tests.hub_writes import committed, created, large_files, received, upload_modes, validated


def answer(shelves: Shelves, request: Request) -> Answer:  # noqa: PLR0911  # one for each endpoint
    """Do what a request asks.

    Raises:
        RefusalError: it is refused.
        UnexpectedError: no client is known to ask this.
    """
    with shelves.lock:
        match request.method, request.parts:
            case "GET", ("api", "agent-harnesses"):
                raise RefusalError(404)
            case "GET", ("api", "whoami-v2"):
                return json_answer(_whoami(role_of(shelves, request)))
            case "POST", ("api", "validate-yaml"):
                return validated(request.json["content"])
            case "POST", ("api", "repos", "create"):
                return created(shelves, request)
            case "PUT", ("lfs", oid):
                return received(shelves, oid, request.body)
            case "GET" | "POST", ("api", kind, owner, name, *rest) if kind in PREFIXES:
                return _asked(Visit.to(shelves, request, f"{PREFIXES[kind]}{owner}/{name}"), rest)
            case "POST", (*prefix, owner, git, "info", "lfs", "objects", action) if git.endswith(".git"):
                key = "/".join([*prefix, owner, git.removesuffix(".git")])
                return large_files(Visit.to(shelves, request, key, write=True), action)
            case "GET" | "HEAD", ("datasets" | "spaces" as kind, owner, name, "resolve", revision, *path):
                return _file(Visit.to(shelves, request, f"{kind}/{owner}/{name}"), revision, "/".join(path))
            case "GET" | "HEAD", (owner, name, "resolve", revision, *path):
                return _file(Visit.to(shelves, request, f"{owner}/{name}"), revision, "/".join(path))
    raise UnexpectedError


def _whoami(role: str) -> dict[str, Any]:
    if role == "none":
        raise RefusalError(401, message="Invalid username or password.")
    return {"name": "owner", "type": "user", "orgs": [], "auth": {"accessToken": {"role": role}}}


def _asked(visit: Visit, rest: list[str]) -> Answer:  # noqa: PLR0911  # one for each endpoint
    repository, request = visit.repository, visit.request
    match request.method, rest:
        case "GET", []:
            return _info(visit, "main")
        case "GET", ["revision", revision]:
            return _info(visit, revision)
        case "GET", ["tree", revision, *path]:
            options = {name: request.flag(name) for name in ("recursive", "expand")}
            return json_answer(repository.tree(repository.commit(revision), "/".join(path), **options))
        case "POST", ["paths-info", revision]:
            form = parse_qs(request.body.decode())
            expand = form.get("expand", [""])[0].lower() == "true"
            return json_answer([*repository.entries(repository.commit(revision), form.get("paths", []), expand=expand)])
        case "GET", ["commits", revision]:
            return _commits(repository, repository.commit(revision))
        case "POST", ["preupload", revision]:
            return upload_modes(visit.writing(), repository.commit(revision))
        case "POST", ["commit", "main"]:
            return committed(visit.writing())
        case "POST", ["super-squash", "main"]:
            repository.squash(visit.writing().key, request.json["message"])
            return json_answer({})
    raise UnexpectedError


def _info(visit: Visit, revision: str) -> Answer:
    repository, commit = visit.repository, visit.repository.commit(revision)
    siblings = [_sibling(*item) for item in repository.commits[commit].items()]
    name = "/".join(visit.key.split("/")[-2:])
    said = {"id": name, "sha": commit, "private": repository.private, "tags": [], "siblings": siblings}
    return json_answer(said | {"lastModified": repository.notes[commit][1]})


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    known = {"rfilename": name, "size": len(content), "blobId": described(name, content)["oid"]}
    large = {"size": len(content), "sha256": sha256(content), "pointerSize": 134}
    return known | ({"lfs": large} if name.endswith(LARGE) else {})


def _commits(repository: Repository, newest: str) -> Answer:
    order = list(repository.commits)
    said = []
    for commit in reversed(order[: order.index(newest) + 1]):
        title, date = repository.notes[commit]
        said.append({"id": commit, "title": title, "message": "", "date": date, "authors": [{"user": "owner"}]})
    return json_answer(said)


def _file(visit: Visit, revision: str, path: str) -> Answer:
    if visit.repository.gated:
        raise RefusalError(401, "GatedRepo")
    commit = visit.repository.commit(revision)
    if path not in visit.repository.commits[commit]:
        raise RefusalError(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
    content = visit.repository.commits[commit][path]
    headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes", **_tags(path, content)}
    if path in visit.shelves.corrupt:
        content = bytes(byte ^ 1 for byte in content)
    if "Range" not in visit.request.headers:
        return Answer(content, headers)
    first, last = _span(visit.request.headers["Range"], len(content))
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Answer(content[first : last + 1], headers, 206)


def _span(asked: str, size: int) -> tuple[int, int]:
    start, _, end = asked.removeprefix("bytes=").partition("-")
    first, last = (int(start), int(end or size - 1)) if start else (max(0, size - int(end)), size - 1)
    if first >= size:
        raise RefusalError(416, headers={"Content-Range": f"bytes */{size}"})
    return first, min(last, size - 1)


def _tags(name: str, content: bytes) -> dict[str, str]:
    if not name.endswith(LARGE):
        return {"ETag": f'"{git_id(content)}"'}
    digest = sha256(content)
    return {"ETag": f'"{digest}"', "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
