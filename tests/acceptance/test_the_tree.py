"""What MQTT Explorer shows below the prefix: a tree that reads well, small, without values, with nothing left behind."""

import json
import re

import pytest
from system import System

from devices.protocol import limits
from devices.testing.broker import RawPublisher, Tap, publish_raw

SECRET = "the-cat-is-called-Kafka"
KEEPER = f'''
from midstream import ctx, function


@function(checkpoint="1s")
def keeper(word: str = "{SECRET}"):
    """Keeps a word that is nobody's business, and counts."""
    secret = word.upper() + word
    count = 0
    for message in ctx.subscribe("door/+"):
        count += len(secret) and 1
        ctx.status("counting", count=count)
    return secret
'''
RETAINED = [
    r"coordinator/status",
    r"hubs/[^/]+/(status|info)",
    r"functions/[^/]+",
    r"instances/[^/]+/(claim|state|hub|result|move)",
]
PASSING = [
    r"hubs/[^/]+/(metrics|command|answer)",
    r"instances/[^/]+/log",
    r"checkpoints/[^/]+/(up|down)/\d+",
    r"checkpoints/[^/]+/summary",
    r"events/[^/]+",
    r"request(/answer/.+)?",
]


def is_one_of(patterns, topic):
    return any(re.fullmatch(f"midstream/{pattern}", topic) for pattern in patterns)


def is_json(payload):
    try:
        json.loads(payload)
    except ValueError:
        return False
    return True


@pytest.mark.timeout(180)
@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
def test_the_tree_reads_well_is_small_and_shows_no_value_of_any_variable(tmp_path, broker):
    (tmp_path / "keeper.py").write_text(KEEPER)
    with System(tmp_path, broker) as system, Tap(system.address, "midstream/#") as tap:
        system.command("run", str(tmp_path / "keeper.py"), "--on", "hub-a")
        system.until(lambda: system.instance("keeper")["waiting"], "the function listens")
        for number in range(5):
            publish_raw(system.address, "door/front", str(number), qos=1)
        system.until(lambda: system.instance("keeper")["values"].get("count") == 5, "it has counted")
        system.command("migrate", "keeper", "--to", "hub-b")
        system.command("checkpoint", "keeper")
        system.ask("lineage", "keeper")
        with Tap(system.address, "midstream/#", qos=0) as late:
            late.wait(lambda heard: len({h.topic for h in heard if h.retain}) >= 10)
            kept = [heard for heard in late.heard if heard.retain]
        system.command("stop", "keeper")
        heard = tap.heard

    unknown = {h.topic for h in heard if not is_one_of(RETAINED + PASSING, h.topic)}
    assert unknown == set()
    assert {h.topic for h in kept if not is_one_of(RETAINED, h.topic)} == set()
    for wanted in ("coordinator/status", "hubs/hub-a/status", "hubs/hub-b/info", "functions/keeper"):
        assert f"midstream/{wanted}" in {h.topic for h in kept}

    blobs = [h for h in heard if re.search(r"/(up|down)/\d+$", h.topic)]
    plain = [h for h in heard if h not in blobs]
    assert blobs
    assert max(len(h.payload) for h in blobs) <= limits.PART
    assert not any(h.retain for h in blobs)
    assert max(len(h.payload) for h in plain if h.topic != "midstream/request") <= limits.SHOWN_MESSAGE
    bare = re.compile(r"midstream/instances/[^/]+/(hub|log)")
    assert {h.topic for h in plain if h.payload and not bare.fullmatch(h.topic) and not is_json(h.payload)} == set()

    summaries = [json.loads(h.payload) for h in heard if h.topic.endswith("/summary")]
    assert {"secret", "count"} <= {v["name"] for summary in summaries for v in summary["variables"]}
    telling = {h.topic for h in plain if SECRET.upper().encode() in h.payload}
    assert telling == set()

    small = [h for h in kept if re.search(r"/(status|state|hub|claim|move)$", h.topic)]
    assert max(len(h.payload) for h in small) < 1024, [(h.topic, len(h.payload)) for h in small]

    metrics = [json.loads(h.payload) for h in heard if h.topic == "midstream/hubs/hub-a/metrics"]
    assert isinstance(metrics[-1]["cpu"], int | float)
    assert isinstance(metrics[-1]["memory"], int | float)
    state = [json.loads(h.payload) for h in heard if h.topic == "midstream/instances/keeper/state" and h.payload][-1]
    assert (state["state"], state["hub"]) == ("stopped", "hub-b")


@pytest.mark.timeout(180)
def test_what_a_full_queue_of_the_broker_drops_is_told_and_not_hidden(tmp_path):
    (tmp_path / "keeper.py").write_text(KEEPER)
    with System(tmp_path, "mosquitto", "stock") as system, Tap(system.address, "midstream/coordinator/status") as tap:
        system.command("run", str(tmp_path / "keeper.py"), "--on", "hub-a")
        system.until(lambda: system.instance("keeper")["waiting"], "the function listens")
        system.end("hub-a")  # nobody takes them now: a stock Mosquitto keeps 1,000
        with RawPublisher(system.address) as publisher:
            for number in range(1500):
                publisher.publish("door/front", str(number), qos=1)
        tap.wait(lambda heard: b"the broker has dropped" in heard[-1].payload, 90)
        status = json.loads(tap.heard[-1].payload)
        assert any(re.search(r"dropped [1-9]\d* messages", sentence) for sentence in status["attention"])
