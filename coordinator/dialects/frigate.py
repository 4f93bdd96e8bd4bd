"""Frigate: ``frigate/<camera or zone>/<object>`` counts, ``/events``, ``/stats``, pictures beside them.

The layout of `stats` moved in 0.13 (cameras one level down); percentages come as text. Command lines of processes may
hold passwords and are left out.
"""

from __future__ import annotations

import re
from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, vocabulary
from devices.protocol.readings import NoNumber

NAME: Final = "frigate"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_BUSY: Final = frozenset({"events", "reviews", "tracked_object_update", "triggers"})
_SETTINGS: Final = frozenset({"camera_activity", "onConnect", "model_state", "notifications", "job_state"})
_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%")
_CAMERA: Final = names(
    "detect recordings snapshots audio motion improve_contrast ptz_autotracker birdseye birdseye_mode "
    "notifications review_alerts review_detections object_descriptions review_descriptions enabled status "
    "review_status classification"
)
_KEYS: Final = vocabulary(
    {
        ("1/s", _G): "camera_fps detection_fps process_fps skipped_fps",
        ("dBFS", _G): "audio_dBFS dBFS",
        (None, _G): "audio_rms score top_score speed rms",
        ("ms", _G): "inference_speed",
        ("s", Kind.TIMESTAMP): "detection_start last_updated",
        (None, _X): (
            "pid capture_pid ffmpeg_pid version latest_version mount_type motion_contour_area motion_threshold"
        ),
        (None, _S): "detection_enabled",
        ("%", _G): "cpu cpu_average mem gpu enc dec",
        ("C", _G): "temp",
        ("s", _C): "uptime",
        ("MB", _G): "total used free min_shm",
        ("kB/s", _G): "bandwidth",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Frigate's."""
    levels = message.levels
    if levels[0] != "frigate" or len(levels) < 2:
        return None
    topic, rest = levels[1], levels[2:]
    if levels[-1] in ("set", "suspend", "ptz", "restart"):
        return message.alone(NAME, topic if rest else NAME, None, _E, sign_of_life=False)
    if topic == "available" and not rest:
        return message.deletion(NAME, NAME) if message.empty else message.liveness(NAME, NAME)
    if message.empty:
        return message.deletion(NAME, topic if rest else NAME, bridge=NAME if rest else "")
    if not rest:
        return _whole(message, topic)
    return _of_camera(message, topic, rest)


def _whole(message: Message, topic: str) -> Interpretation:
    result = message.about(NAME, NAME)
    if topic == "stats":
        result.readings = {path: _percentage(read_) for path, read_ in read_all(message.value, _statistics).items()}
        return result
    if topic in _BUSY:
        result.readings = read_all(message.value, _happening)
        after = message.value.get("after") if isinstance(message.value, dict) else None
        result.measured = seconds_in(after.get("frame_time")) if isinstance(after, dict) else None
        return result
    kind = _X if topic in _SETTINGS else _S
    result.readings = read_all(message.value, lambda _, __: (None, kind))
    return result


def _happening(steps: tuple[Step, ...], _: Any) -> Meaning:
    key = str(steps[-1]) if steps else ""
    if key.endswith("_time"):
        return "s", Kind.TIMESTAMP
    return (None, _G) if key in ("score", "top_score") else (None, _E)


def _statistics(steps: tuple[Step, ...], found: Any) -> Meaning:
    names = [str(step) for step in steps]
    key = names[-1] if names else ""
    if key == "cmdline":
        return None
    told = _KEYS.get(key)
    if len(names) > 1 and names[-2] == "temperatures":
        return "C", _G
    return told or (None, _S if isinstance(found, str | bool) else _G)


def _percentage(read_: Reading) -> Reading:
    """A share of a graphics card, which Frigate always writes with its sign."""
    found = _PERCENT.fullmatch(read_.raw)
    return Reading(float(found[1]), "%", _G, "", read_.raw) if found else read_


def _of_camera(message: Message, camera: str, rest: list[str]) -> Interpretation:
    last, value = rest[-1], message.value
    if last == "snapshot" or isinstance(value, NoNumber):
        result = Interpretation(NAME, camera, bridge=NAME)
        picture = message.payload.startswith(b"\xff\xd8")
        result.readings[""] = Reading("JPEG picture" if picture else None, None, _E, "binary: no number")
        return result
    if isinstance(value, dict | list):
        result = message.about(NAME, camera, bridge=NAME)
        result.readings = read_all(value, lambda _, __: (None, _E))
        return result
    if last in ("motion_threshold", "motion_contour_area"):
        return message.alone(NAME, camera, None, _X, bridge=NAME)
    if rest[0] == "audio" and len(rest) > 1 and last in _KEYS:
        return message.alone(NAME, camera, *_KEYS[last], bridge=NAME)
    if rest[0] in _CAMERA or (isinstance(value, str) and value in ("ON", "OFF")):
        return message.alone(NAME, camera, None, _S, bridge=NAME)
    return message.alone(NAME, camera, None, _G, bridge=NAME)
