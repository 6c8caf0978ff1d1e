"""What changes objects over HTTP, by the rules of the real server."""

from collections.abc import Mapping
from typing import Any

from kwatch.testing._body import check_patched, read_object, read_patch
from kwatch.testing._call import Call, Reply
from kwatch.testing._form import PARTIAL, Form, form_of
from kwatch.testing._gates import Gates
from kwatch.testing._invalid import invalid, versionless, wrong
from kwatch.testing._list import page
from kwatch.testing._object import Object, merged
from kwatch.testing._query import parse
from kwatch.testing._resources import Resource, Target
from kwatch.testing._status import APIError
from kwatch.testing._store import Store
from kwatch.testing._write_options import Deletion, is_dry_run


def create(store: Store, call: Call, at: Target) -> Reply:
    """POST: a new object, without a status but for the phase in which it begins."""
    form, obj = _form(call, at), read_object(call, at)
    dry_run = is_dry_run(call.params, "CreateOptions")
    if obj["metadata"].get("resourceVersion"):
        raise APIError(500, "", "resourceVersion should not be set on objects to be created")
    if at.resource.status:
        obj.pop("status", None)
    if at.resource.phase:
        obj["status"] = {"phase": at.resource.phase}
    made = store.create(at.resource, at.namespace or "", obj, dry_run=dry_run)
    return Reply(form.one(made), 201)


def replace(store: Store, call: Call, at: Target) -> Reply:
    """PUT: another object in the place of one, or another status."""
    form, obj = _form(call, at), read_object(call, at)

    def change(before: Object) -> Mapping[str, Any]:
        metadata, uid = obj["metadata"], before["metadata"]["uid"]
        unconditional = at.resource.custom and not metadata.get("resourceVersion")
        if unconditional and metadata.get("uid", uid) == uid:
            raise versionless(at.resource, at.name or "")
        return _by_path(at, before, obj)

    return _updated(store, call, at, form, change)


def patch(store: Store, call: Call, at: Target) -> Reply:
    """PATCH: merge into an object, or into its status."""
    form, merge_patch = _form(call, at), read_patch(call, at)

    def change(before: Object) -> Mapping[str, Any]:
        after = merged(before, merge_patch)
        check_patched(at, after)
        uid = after["metadata"].get("uid")
        if uid not in (None, before["metadata"]["uid"]):
            cause = wrong("metadata.uid", uid, "field is immutable")
            raise invalid(at.resource, at.name or "", [cause, cause])
        return _by_path(at, before, after)

    return _updated(store, call, at, form, change)


def delete(store: Store, call: Call, at: Target) -> Reply:
    """DELETE: answers with a Status where the object has gone, with the object where it stays."""
    form, deletion = _form(call, at), Deletion.of(call)
    obj = _delete(store, at.resource, at.namespace or "", at.name or "", deletion)
    gone = not obj["metadata"].get("finalizers")
    return Reply(_success(at.resource, obj) if gone else form.one(obj))


def delete_collection(store: Store, call: Call, at: Target, gates: Gates) -> Reply:
    """DELETE of what a list would show; answers with that list."""
    deletion = Deletion.of(call)
    query = parse(at, call.params, call.accept, gates)
    with store.changed:
        metadata, objects = page(store, query)
        for obj in objects:
            namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
            _delete(store, at.resource, namespace, name, deletion)
    return Reply(query.form.many(metadata, objects))


def _updated(store: Store, call: Call, at: Target, form: Form, change: Any) -> Reply:
    kind = "PatchOptions" if call.method == "PATCH" else "UpdateOptions"
    dry_run = is_dry_run(call.params, kind)
    name, namespace = at.name or "", at.namespace or ""
    return Reply(form.one(store.update(at.resource, namespace, name, change, dry_run=dry_run)))


def _by_path(at: Target, before: Object, after: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the path lets be changed: the status, or all but the status."""
    if not at.resource.status:
        return after
    base, other = (before, after) if at.subresource else (after, before)
    base = {key: value for key, value in base.items() if key != "status"}
    if at.subresource:
        versions = {
            key: value
            for key, value in (after.get("metadata") or {}).items()
            if key in {"uid", "resourceVersion"}
        }
        base["metadata"] = {**before["metadata"], **versions}
    return {**base, "status": other["status"]} if "status" in other else base


def _delete(
    store: Store, resource: Resource, namespace: str, name: str, deletion: Deletion
) -> Object:
    return store.delete(
        resource,
        namespace,
        name,
        uid=deletion.uid,
        version=deletion.version,
        dry_run=deletion.dry_run,
    )


def _form(call: Call, at: Target) -> Form:
    return form_of(at.resource, call.params, call.accept, PARTIAL)


def _success(resource: Resource, obj: Object) -> Object:
    details = {"name": obj["metadata"]["name"]}
    if resource.group:
        details["group"] = resource.group
    details |= {"kind": resource.plural, "uid": obj["metadata"]["uid"]}
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return {**head, "status": "Success", "details": details}
