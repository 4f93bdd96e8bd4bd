import datetime as dt
import plistlib

VALUE = {"name": "washer", "watts": 2000.5, "on": True, "rooms": ["hall", {"n": 1}], "data": b"abc" * 20}


def main():
    text = plistlib.dumps({**VALUE, "at": dt.datetime(2026, 1, 2, 3, 4, 5)})  # noqa: DTZ001  (a plist has no zone)
    binary = plistlib.dumps(VALUE, fmt=plistlib.FMT_BINARY, sort_keys=False)
    back = plistlib.loads(binary)
    try:
        plistlib.dumps({"x": object()})
    except TypeError as error:
        return text.decode(), binary, back == VALUE, back, str(error)[:15]
