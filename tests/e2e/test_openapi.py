"""proto/openapi.yaml against a running daemon: every documented route is called, every answer has exactly the
documented shape. A field or route that is not documented fails, and so does a documented one that is not served."""
import json
import re

import jsonschema
import pytest
import yaml
from helpers import FIXTURES, ROOT, World, wait_until

DOCUMENT = yaml.safe_load((ROOT / "proto/openapi.yaml").read_text())
VERBS = ("get", "post", "put", "patch", "delete")
PROMISED = """
GET /v1/searches | POST /v1/searches | GET /v1/searches/{} | POST /v1/searches/{}/pause | POST /v1/searches/{}/resume
POST /v1/searches/{}/cancel | POST /v1/searches/{}/ask | POST /v1/searches/{}/tell | GET /v1/searches/{}/front | GET /v1/searches/{}/trials | GET /v1/searches/{}/trials/{}
GET /v1/searches/{}/trials/{}/written | GET /v1/searches/{}/trials.csv | GET /v1/searches/{}/replay | GET /v1/searches/{}/plan | GET /v1/searches/{}/preflight | GET /v1/searches/{}/digests
POST /v1/workers | GET /v1/workers | POST /v1/leases
POST /v1/workers/{}/leave | POST /v1/leases/{}/heartbeat | POST /v1/leases/{}/slice | POST /v1/leases/{}/result | POST /v1/leases/{}/failure | POST /v1/leases/{}/release
GET /healthz | GET /readyz | GET /
"""


def routes():
    """{"GET /v1/searches/{}": operation}: parameter names do not matter."""
    found = {}
    for path, item in DOCUMENT["paths"].items():
        for verb in VERBS:
            if verb in item:
                found[f"{verb.upper()} {re.sub('{[^}]*}', '{}', path)}"] = resolve(item[verb])
    return found


def resolve(node, seen=()):
    """The node with every $ref written out."""
    if isinstance(node, list):
        return [resolve(n, seen) for n in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"]
        assert name not in seen, f"{name} refers to itself"
        target = DOCUMENT
        for step in name.removeprefix("#/").split("/"):
            target = target[step]
        more = {k: v for k, v in node.items() if k != "$ref"}
        return {**resolve(target, seen + (name,)), **resolve(more, seen)}
    return {k: resolve(v, seen) for k, v in node.items()}


def strict(schema):
    """OpenAPI's schema as JSON Schema in which every field that is not named is wrong."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if "allOf" in schema:  # one object: else each part would refuse the other's fields
        merged = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            part = strict(part)
            for key, value in part.items():
                if key == "properties":
                    merged["properties"] = {**merged.get("properties", {}), **value}
                elif key == "required":
                    merged["required"] = sorted({*merged.get("required", []), *value})
                else:
                    merged.setdefault(key, value)
        merged.pop("additionalProperties", None)
        schema = merged
    nullable = schema.pop("nullable", False)
    for key in ("properties", "patternProperties"):
        if key in schema:
            schema[key] = {k: strict(v) for k, v in schema[key].items()}
    for key in ("items", "oneOf", "anyOf", "additionalProperties", "prefixItems"):
        if key in schema:
            schema[key] = strict(schema[key])
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    if nullable:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


class Recorder:
    """Calls routes and keeps which were answered with what."""

    def __init__(self, world):
        self.world = world
        self.routes = routes()
        self.called = {}

    def __call__(self, route, status, *parts, query="", body=None, headers=None):
        verb, path = route.split(" ")
        for part in parts:
            path = path.replace("{}", str(part), 1)
        answer = self.world.api.call(verb, path + query, body=body, headers=headers)
        assert answer.status == status, f"{verb} {path}: {answer}"
        self.check(route, answer)
        self.called.setdefault(route, set()).add(status)
        return answer

    def check(self, route, answer):
        assert route in self.routes, f"{route} is not documented"
        documented = {str(s): r for s, r in self.routes[route]["responses"].items()}
        about = documented.get(str(answer.status)) or documented.get("default")
        assert about, f"{route}: status {answer.status} is not documented"
        content = about.get("content")
        if not content:
            assert answer.body == b"", f"{route} {answer.status}: has a body that is not documented"
            return
        kind = answer.headers.get_content_type()
        assert kind in content, f"{route} {answer.status}: {kind} is not one of {list(content)}"
        if kind == "application/json":
            schema = strict(content[kind]["schema"])
            jsonschema.Draft202012Validator(schema).validate(answer.json)


@pytest.fixture(scope="module")
def recorder():
    world = World()
    try:
        world.start_daemon()
        yield Recorder(world)
        faults = world.close()
        assert not faults, faults
    finally:
        world.close()
        world.remove()


def lease(call, worker, wait_s=5):
    return call("POST /v1/leases", 200, body={"worker": worker, "wait_s": wait_s}).json


def scores():
    return {"scores": [{"metric": f"synthetic.{name}", "mean": mean, "stderr": 0.1, "n": 3, "items": [mean] * 3}
                       for name, mean in (("reward", 0.5), ("tasks", 0.25))], "merge_s": 0.0, "evaluate_s": 0.1,
            "effective": [0.5, None, -0.25]}


def test_what_is_promised_is_documented():
    promised = {route.strip() for route in PROMISED.replace("\n", "|").split("|") if route.strip()}
    assert promised <= set(routes()), promised - set(routes())


def test_every_schema_is_one():
    for route, operation in routes().items():
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                if "schema" in content:
                    jsonschema.Draft202012Validator.check_schema(strict(content["schema"]))


def test_searches(recorder):
    call, world = recorder, recorder.world
    spec = world.synthetic(trials=6, strategy={"type": "sobol", "sweep_points": 3}, attempts=1)
    first = call("POST /v1/searches", 201, body=spec, headers={"Idempotency-Key": "k"}).json["id"]
    call("POST /v1/searches", 200, body=spec, headers={"Idempotency-Key": "k"})
    call("POST /v1/searches", 409, body={**spec, "seed": 2}, headers={"Idempotency-Key": "k"})
    call("POST /v1/searches", 422, body={**spec, "goal": 1})
    call("POST /v1/searches", 400, body=b"{")
    listed = call("GET /v1/searches", 200)
    call("GET /v1/searches", 304, headers={"If-None-Match": listed.headers["ETag"]})
    for part in ("", "/front", "/trials", "/trials.csv"):
        call("GET /v1/searches/{}" + part, 200, first)
        call("GET /v1/searches/{}" + part, 404, 999)
    front = call("GET /v1/searches/{}/front", 200, first)
    call("GET /v1/searches/{}/front", 304, first, headers={"If-None-Match": front.headers["ETag"]})
    call("GET /v1/searches/{}/front", 304, first, query="?wait=1", headers={"If-None-Match": front.headers["ETag"]})
    call("GET /v1/searches/{}/trials", 200, first, query="?limit=2&after=0")
    call("GET /v1/searches/{}/trials/{}", 200, first, 0)
    call("GET /v1/searches/{}/trials/{}", 404, first, 400)
    assert call("GET /v1/searches/{}/trials/{}/written", 200, first, 0).json == {"trial": 0, "written": {}}
    call("GET /v1/searches/{}/trials/{}/written", 404, first, 400)
    for part in ("plan", "preflight", "digests"):  # ratios alone have no tensors
        call(f"GET /v1/searches/{{}}/{part}", 404, first)
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert call(f"POST /v1/searches/{{}}/{verb}", 200, first, body={}).json["state"] == state
        call(f"POST /v1/searches/{{}}/{verb}", 404, 999, body={})
    for verb in ("pause", "resume"):
        call(f"POST /v1/searches/{{}}/{verb}", 409, first, body={})
    program = {"type": "resident", "argv": ["/bin/true"], "merge": "none", "written": True}
    kept = call("POST /v1/searches", 201, body={**spec, "name": "kept", "evaluator": program}).json["id"]
    assert call("GET /v1/searches/{}", 200, kept).json["spec"]["evaluator"]["written"] is True
    call("POST /v1/searches/{}/cancel", 200, kept, body={})


def test_a_search_without_a_front(recorder):
    call, world = recorder, recorder.world
    search = call("POST /v1/searches", 201, body=world.synthetic(trials=3, strategy={"type": "identify", "ratio": 0.5})).json["id"]
    assert call("GET /v1/searches/{}", 200, search).json["spec"]["strategy"] == {"type": "identify", "ratio": 0.5}
    front = call("GET /v1/searches/{}/front", 200, search).json
    assert "identifies" in front["note"] and front["points"] == front["sweep"] == front["dominated"] == []
    worker = call("POST /v1/workers", 200, body={"name": "writer:1", "slots": 1, "version": "0.1.0"}).json["worker"]
    got = lease(call, worker)
    assert got["search"] == search
    texts = {"synthetic": [{"id": "a", "output": "x"}, {"id": "b", "output": "", "samples": ["ä", ""], "cut": True},
                           {"id": "c", "output": "B", "samples": []}]}
    found = scores() | {"effective": [0.5] * len(got["ratios"])}
    call("POST /v1/leases/{}/result", 200, got["lease"], body=found | {"written": texts})
    written = call("GET /v1/searches/{}/trials/{}/written", 200, search, got["trial"]).json
    assert written == {"trial": got["trial"], "written": {"search": texts}}
    got = lease(call, worker)
    call("POST /v1/leases/{}/result", 422, got["lease"], body=found | {"written": {"synthetic": texts["synthetic"][:2]}})
    call("POST /v1/workers/{}/leave", 200, worker, body={})
    call("POST /v1/searches/{}/cancel", 200, search, body={})


def test_plan_of_a_pair(recorder):
    call, world = recorder, recorder.world
    spec = world.synthetic(trials=2, strategy={"type": "sweep", "sweep_points": 2})
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    spec["groups"] = {"count": 2, "split": "kind", "freeze": {"layers 0-3 mlp": 0.5}, "tie": [],
                      "bounds": {"layers 4-7 mlp": {"min": 0.25, "max": 1}}}
    spec["output"], spec["ends"] = {"rounding": "stochastic"}, "paper-code"
    made = call("POST /v1/searches", 201, body=spec).json
    search, digests = made["id"], made["digests"]
    assert call("GET /v1/searches/{}/plan", 200, search).json["tensors"]
    assert call("GET /v1/searches/{}", 200, search).json["digests"] == digests
    report = call("GET /v1/searches/{}/preflight", 200, search).json
    assert report["ok"]
    warnings = [{k: f[k] for k in ("field", "text")} for f in report["findings"] if f["level"] == "warning"]
    assert made["warnings"] == warnings
    whole = call("GET /v1/searches/{}/digests", 200, search).json
    assert {side: whole[side]["digest"] for side in whole} == digests and digests["base"] != digests["tuned"]

    # a worker is told which files it must have; one that has others is never asked again
    worker = call("POST /v1/workers", 200, body={"name": "other:1", "slots": 1, "version": "0.1.0"}).json["worker"]
    got = lease(call, worker)
    assert (got["search"], got["models"]) == (search, digests)
    call("POST /v1/leases/{}/release", 422, got["lease"], body={"refused": ""})
    for _ in range(2):  # again: nothing happens
        call("POST /v1/leases/{}/release", 200, got["lease"], body={"refused": "models.base: tensor x differs"})
    call("POST /v1/leases", 204, body={"worker": worker, "wait_s": 0})
    workers = call("GET /v1/workers", 200).json["workers"]
    assert [w["refused"] for w in workers if w["worker"] == worker] == [
        [{"search": search, "reason": "models.base: tensor x differs"}]]
    said = call("GET /v1/searches/{}", 200, search).json["warnings"]
    assert any("other:1" in w["text"] and "tensor x differs" in w["text"] for w in said)
    assert any("nobody works on this search" in w["text"] for w in said)
    trial = call("GET /v1/searches/{}/trials/{}", 200, search, got["trial"]).json
    assert (trial["state"], trial["attempts"]) == ("ready", 0)
    call("POST /v1/workers/{}/leave", 200, worker, body={})
    call("POST /v1/searches/{}/cancel", 200, search, body={})


def test_the_worker_side(recorder):
    call, world = recorder, recorder.world
    call("POST /v1/leases", 404, body={"worker": "nobody", "wait_s": 0})
    worker = call("POST /v1/workers", 200, body={"name": "test:1", "slots": 2, "version": "0.1.0"}).json["worker"]
    call("POST /v1/leases", 204, body={"worker": worker, "wait_s": 0})
    spec = world.synthetic(trials=4, strategy={"type": "sweep", "sweep_points": 4}, attempts=1, held_out=True)
    search = call("POST /v1/searches", 201, body=spec).json["id"]

    first = lease(call, worker)
    assert (first["search"], first["half"], first["attempt"]) == (search, "search", 1)
    call("POST /v1/leases/{}/heartbeat", 200, first["lease"], body={})
    call("GET /v1/workers", 200)
    part = {**scores(), "slices_done": 2, "slices": 8, "items": 3}
    for _ in range(2):
        told = call("POST /v1/leases/{}/slice", 200, first["lease"], body=part).json
        assert told["stop"] is False and told["lease_s"] >= 1
    for wrong in ({"slices_done": 9}, {"slices_done": 0}, {"slices": 65}, {"slices": None}, {"items": 0}, {"items": 1.5},
                  {"scores": []}, {"scores": [{"metric": "synthetic.reward", "mean": 1, "n": 3}]}):
        call("POST /v1/leases/{}/slice", 422, first["lease"], body={**part, **wrong})
    for missing in ("slices_done", "slices", "items", "scores"):
        call("POST /v1/leases/{}/slice", 422, first["lease"], body={k: v for k, v in part.items() if k != missing})
    call("POST /v1/leases/{}/slice", 410, "no-such-lease", body=part)
    for duplicate in (False, True):
        answer = call("POST /v1/leases/{}/result", 200, first["lease"], body=scores()).json
        assert answer == {"accepted": True, "duplicate": duplicate}

    second = lease(call, worker)
    call("POST /v1/leases/{}/release", 200, second["lease"], body={})
    again = lease(call, worker)
    assert (again["trial"], again["attempt"]) == (second["trial"], 1), "a released lease is no attempt"
    call("POST /v1/leases/{}/failure", 200, again["lease"], body={"reason": "it broke", "code": "evaluator"})
    call("POST /v1/leases/{}/heartbeat", 410, again["lease"], body={})
    call("POST /v1/leases/{}/heartbeat", 410, "no-such-lease", body={})
    while (got := world.api.call("POST", "/v1/leases", body={"worker": worker, "wait_s": 1})).status == 200:
        recorder.check("POST /v1/leases", got)
        call("POST /v1/leases/{}/result", 200, got.json["lease"], body=scores())
    call("GET /v1/searches/{}/front", 200, search)
    call("GET /v1/searches/{}/trials", 200, search)
    for trial in range(4):
        call("GET /v1/searches/{}/trials/{}", 200, search, trial)
    assert world.api.search(search)["state"] == "done"

    # a cancelled search needs no result any more
    other = call("POST /v1/searches", 201, body=spec).json["id"]
    held = lease(call, worker)
    call("POST /v1/searches/{}/cancel", 200, other, body={})
    call("POST /v1/leases/{}/result", 410, held["lease"], body=scores())

    # a worker that leaves gives back what it has
    third = call("POST /v1/searches", 201, body=spec).json["id"]
    assert lease(call, worker)["search"] == third
    assert call("POST /v1/workers/{}/leave", 200, worker, body={}).json == {"released": 1}
    call("POST /v1/workers/{}/leave", 404, worker, body={})
    call("POST /v1/leases", 404, body={"worker": worker, "wait_s": 0})
    front = world.api.front(third)["progress"]
    assert (front["running"], front["failed"]) == (0, 0)
    call("POST /v1/searches/{}/cancel", 200, third, body={})


def test_the_outsiders_side(recorder):
    call, world = recorder, recorder.world
    spec = {**world.synthetic(trials=3, strategy={"type": "sweep", "sweep_points": 3}, attempts=1),
            "evaluator": {"type": "external"},
            "given": [{"ratios": [0.5, 0.5, 0.5], "scores": {"reward": 1, "tasks": {"mean": 2, "stderr": 0.5}}}]}
    search = call("POST /v1/searches", 201, body=spec).json["id"]
    call("GET /v1/searches/{}", 200, search)
    first = call("POST /v1/searches/{}/ask", 200, search, body={"client": "a", "wait_s": 5, "lease_s": 60}).json
    for body in ({}, {"client": "a", "lease_s": 1}):
        call("POST /v1/searches/{}/ask", 422, search, body=body)
    part = {"lease": first["lease"], "share": 0.5, "scores": {"reward": 1, "tasks": {"mean": 2, "stderr": 1, "n": 9}}}
    call("POST /v1/searches/{}/tell", 200, search, body=part)
    call("POST /v1/searches/{}/tell", 422, search, body={**part, "share": 2})
    for duplicate in (False, True):
        told = {"lease": first["lease"], "scores": {"reward": 1, "tasks": 2}}
        assert call("POST /v1/searches/{}/tell", 200, search, body=told).json == {"duplicate": duplicate, "stop": False}
    second = call("POST /v1/searches/{}/ask", 200, search, body={"client": "a", "wait_s": 5}).json
    third = call("POST /v1/searches/{}/ask", 200, search, body={"client": "b", "wait_s": 5}).json
    call("POST /v1/searches/{}/ask", 204, search, body={"client": "c"})
    call("POST /v1/searches/{}/tell", 200, search, body={"trial": second["trial"], "failed": "no power"})
    call("POST /v1/searches/{}/tell", 410, search, body={**told, "lease": second["lease"]})
    call("POST /v1/searches/{}/tell", 200, search, body={**told, "lease": third["lease"]})
    call("POST /v1/searches/{}/ask", 409, search, body={"client": "a"})
    for part in ("/front", "/trials"):
        call("GET /v1/searches/{}" + part, 200, search)
    for verb in ("ask", "tell"):
        call(f"POST /v1/searches/{{}}/{verb}", 404, 999, body={"client": "a"})


def test_derived_again(recorder):
    call, world = recorder, recorder.world
    spec = {**world.synthetic(trials=12, strategy={"type": "bayes", "sweep_points": 3, "design": 3}, groups=2),
            "evaluator": {"type": "external"},
            "given": [{"ratios": [0.25, 0.5], "scores": {"reward": 1, "tasks": {"mean": 2, "stderr": 0.5}}}]}
    search = call("POST /v1/searches", 201, body=spec).json["id"]
    while (asked := world.api.call("POST", f"/v1/searches/{search}/ask", {"client": "a", "wait_s": 20})).status != 409:
        if asked.status == 204:
            continue
        x, y = asked.json["ratios"]
        told = {"reward": {"mean": x + y / 2, "stderr": 0.1}, "tasks": {"mean": 1 - x * x - y / 3, "stderr": 0.1}}
        call("POST /v1/searches/{}/tell", 200, search, body={"lease": asked.json["lease"], "scores": told})
    first = call("GET /v1/searches/{}/replay", 200, search, query="?count=9").json
    assert first["next"] == 9 and [t["trial"] for t in first["trials"]] == list(range(9))
    rest = call("GET /v1/searches/{}/replay", 200, search, query="?from=9").json
    assert rest["next"] is None
    trials = first["trials"] + rest["trials"]
    assert [t["trial"] for t in trials] == list(range(13)) and all(t["same"] for t in trials)
    assert all(t["ratios"] == t["again"] for t in trials)
    assert {t["path"] for t in trials} >= {"direct", "design", "model"}
    call("GET /v1/searches/{}/replay", 404, 999)
    call("GET /v1/searches/{}/replay", 400, search, query="?count=0")
    for part in ("/front", "/trials"):
        call("GET /v1/searches/{}" + part, 200, search)
    wait_until(lambda: world.api.front(search)["insight"], 60, "the model has looked at the scores")
    front = call("GET /v1/searches/{}/front", 200, search).json
    raw = call("GET /v1/searches/{}/front", 200, search, query="?front=raw&tax=1").json
    assert (front["answer"], raw["answer"]) == ("posterior", "raw")
    assert front["insight"]["watermark"] == front["insight"]["events"] == 13
    volume = front["insight"]["hypervolume"]
    assert volume["low"] <= volume["median"] <= volume["high"]
    assert all(p["posterior"] and 0 <= p["confidence"] <= 1 for p in front["points"])
    assert raw["picks"]["least_tax"] is not None, "any loss is allowed"
    for wrong in ("?front=best", "?tax=2", "?tax=5%25"):
        call("GET /v1/searches/{}/front", 400, search, query=wrong)
    page = call("GET /v1/searches/{}/trials", 200, search).json["trials"]
    assert page[0]["kind"] == "given" and {t["path"] for t in page} >= {"direct", "design", "model"}
    call("GET /v1/searches/{}/trials/{}", 200, search, 12)


@pytest.mark.parametrize("route, body", [
    ("POST /v1/workers", {"name": 7}),
    ("POST /v1/leases", {"wait_s": 1}),
    ("POST /v1/leases", {"worker": "w1", "wait_s": "soon"}),
])
def test_wrong_bodies_of_workers(recorder, route, body):
    verb, path = route.split(" ")
    answer = recorder.world.api.call(verb, path, body=body)
    assert 400 <= answer.status < 500 and answer.json["error"], answer
    recorder.check(route, answer)


def test_probes_and_page(recorder):
    assert recorder("GET /healthz", 200).body.strip() == b"ok"
    recorder("GET /readyz", 200)
    assert b"<title>paretod</title>" in recorder("GET /", 200).body


def test_unknown_addresses_answer_in_json(recorder):
    for path in ("/v1/nothing", "/nothing", "/assets/../../etc/passwd", "/assets/%2e%2e/x", "/assets/nothing.js"):
        answer = recorder.world.api.call("GET", path)
        assert answer.status == 404 and answer.json["error"], (path, answer)
    answer = recorder.world.api.call("DELETE", "/v1/searches")
    assert answer.status == 405 and answer.json["error"]


def test_z_every_documented_route_was_called(recorder):
    missing = {r for r in recorder.routes if r not in recorder.called} - {"GET /assets/{}"}
    assert not missing, f"documented, but no test calls them: {sorted(missing)}"
    for name in re.findall(r'(?:src|href)="(/assets/[^"]+)"', recorder.world.api.call("GET", "/").body.decode()):
        assert recorder.world.api.call("GET", name).status == 200, name
