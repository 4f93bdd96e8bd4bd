"""JSON messages, frames, claims and names: decoded strictly, refused with a sentence, readable for people."""

import contextlib
import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DamagedError, NewerFormatError, ProtocolError, UsageError, from_wire
from devices.protocol import claims, commands, limits, link, messages, sealing, topics

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BODY = messages.ClaimBody(instance="washer", epoch=4, hub="hub-b", checkpoint="c4", digest=bytes(32))


def restore():
    return commands.Restore(
        id="1", instance="washer", epoch=4, checkpoint="c4", claim=claims.issue(KEY, BODY), parts=1, size=3, digest="00"
    )


def test_commands_are_told_apart_by_their_tag_and_come_back_unchanged():
    assert messages.decode(messages.encode(restore()), commands.AnyCommand, "t") == restore()
    assert json.loads(messages.encode(restore()))["do"] == "restore"


def test_every_message_carries_its_version():
    assert json.loads(messages.encode(restore()))["v"] == messages.VERSION
    assert json.loads(messages.encode(messages.HubStatus(state="online", boot="b", start=1)))["v"] == messages.VERSION


def test_a_message_of_a_newer_version_that_cannot_be_read_says_so():
    with pytest.raises(NewerFormatError, match="version 9"):
        messages.decode(b'{"v": 9, "do": "teleport", "id": "1"}', commands.AnyCommand, "midstream/hubs/a/command")


def test_an_unknown_field_is_no_error_so_that_newer_versions_may_add_some():
    assert messages.decode(b'{"v": 1, "ask": "ps", "colour": "red"}', messages.Request, "t").ask == "ps"


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{", b'{"do": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_malformed_message_is_refused_and_names_its_topic(payload):
    with pytest.raises(ProtocolError, match="midstream/x"):
        messages.decode(payload, commands.AnyCommand, "midstream/x")


def test_a_retained_hub_status_fits_a_small_display():
    assert len(messages.encode(messages.HubStatus(state="online", boot="b" * 36, start=10**6))) < 200


@given(body=st.binary(max_size=200))
def test_no_bytes_from_a_worker_make_the_hub_raise_anything_but_its_own_error(body):
    with contextlib.suppress(ProtocolError):
        link.for_hub(body)


def test_frames_come_back_unchanged_and_in_their_own_direction_only():
    frame = link.Publish(sequence=1, topic="t", payload=b"\x00\xff", qos=1, retain=False)
    packed = link.pack(frame)
    assert link.body_length(packed[:4]) == len(packed) - 4
    assert link.for_hub(packed[4:]) == frame
    with pytest.raises(ProtocolError):
        link.for_worker(packed[4:])


def test_a_frame_larger_than_the_limit_is_refused_by_its_head():
    with pytest.raises(ProtocolError, match="at most"):
        link.body_length(b"\xff\xff\xff\xff")


def test_a_claim_reads_as_it_was_issued():
    assert claims.read(claims.issue(KEY, BODY), sealing.public_bytes(KEY)) == BODY


@pytest.mark.parametrize("change", [{"epoch": 5}, {"hub": "hub-c"}, {"instance": "dryer"}, {"checkpoint": "c5"}])
def test_a_claim_whose_readable_part_was_changed_is_refused(change):
    forged = msgspec.structs.replace(claims.issue(KEY, BODY), **change)
    with pytest.raises(DamagedError, match="says something else"):
        claims.read(forged, sealing.public_bytes(KEY))


@pytest.mark.parametrize("signed", ["", "!", "AAAA"])
def test_a_claim_without_a_fitting_signature_is_refused(signed):
    forged = msgspec.structs.replace(claims.issue(KEY, BODY), signed=signed)
    with pytest.raises(ProtocolError):
        claims.read(forged, sealing.public_bytes(KEY))


def test_a_claim_by_another_coordinator_is_refused():
    with pytest.raises(DamagedError):
        claims.read(claims.issue(Ed25519PrivateKey.generate(), BODY), sealing.public_bytes(KEY))


@pytest.mark.parametrize(
    ("topic_filter", "topic", "covers"),
    [
        ("tele/+/SENSOR", "tele/plug/SENSOR", True),
        ("tele/+/SENSOR", "tele/plug/x/SENSOR", False),
        ("zigbee2mqtt/{room}", "zigbee2mqtt/Küche 1", True),
        ("#", "a/b", True),
        ("a/#", "a", True),
        ("#", "$SYS/broker/version", False),
        ("+/broker", "$SYS/broker", False),
        ("$SYS/#", "$SYS/broker", True),
        ("+", "", True),
        ("/+", "/x", True),
        ("+", "/x", False),
        ("a/b", "a/b/", False),
        ("a/+/c", "a//c", True),
    ],
)
def test_a_filter_covers_topics_as_mqtt_says(topic_filter, topic, covers):
    assert topics.matches(topic_filter, topic) is covers


def test_named_segments_are_plus_on_the_wire_and_give_their_values():
    assert topics.wire_filter("home/{room}/{what}/state") == "home/+/+/state"
    assert topics.segments("home/{room}/{what}/state", "home/attic/fan/state") == {"room": "attic", "what": "fan"}


@pytest.mark.parametrize("wrong", ["", "a/#/b", "a#", "a/b+", "x\0y", "a" * 70_000])
def test_what_is_no_topic_filter_is_refused_with_the_remedy(wrong):
    with pytest.raises(UsageError):
        topics.wire_filter(wrong)


@pytest.mark.parametrize("name", ["", "Hub", "-a", "a/b", "a+b", "a" * (limits.NAME + 1), "küche", "a~", "a b"])
def test_a_name_that_cannot_be_a_topic_level_and_a_client_id_is_refused(name):
    with pytest.raises(UsageError, match="lower-case"):
        topics.check_name("hub", name)


@pytest.mark.parametrize("name", ["washer", "hub-a", "washer~2", "0"])
def test_names_as_people_give_them_are_taken(name):
    assert topics.check_name("instance", name) == name


@given(name=st.text(max_size=60))
def test_every_function_name_leads_to_a_valid_instance_name(name):
    topics.check_name("instance", topics.name_from(name))


def test_an_error_keeps_its_type_and_its_words_across_the_wire_without_control_characters():
    error = UsageError("no hub \x1b[31mred", place="line 3", remedy="name one of: hub-a")
    again = from_wire(error.to_wire())
    assert type(again) is UsageError
    assert "\x1b" not in str(again)
    assert (again.place, again.remedy) == ("line 3", "name one of: hub-a")
