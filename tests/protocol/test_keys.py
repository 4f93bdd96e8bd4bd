"""Key files are private, made once, and a pinned key is not exchanged behind one's back."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices import keys
from devices.errors import ConfigurationError, RefusedError
from devices.protocol.sealing import public_bytes


def test_a_key_is_made_at_first_start_readable_by_its_owner_only_and_found_again(tmp_path):
    path = tmp_path / "hub" / "key.pem"
    first = keys.own_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_bytes(keys.own_key(path)) == public_bytes(first)
    assert [p.name for p in path.parent.iterdir()] == ["key.pem"]


def test_a_damaged_key_file_is_named_with_the_remedy_and_left_as_it_is(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("not a key")
    with pytest.raises(ConfigurationError, match="no private key") as caught:
        keys.own_key(path)
    assert str(path) in str(caught.value)
    assert path.read_text() == "not a key"


def test_the_first_key_seen_is_pinned_and_another_one_is_refused(tmp_path):
    path = tmp_path / "hub" / "coordinator.pin"
    first, second = (public_bytes(Ed25519PrivateKey.generate()) for _ in range(2))
    assert keys.pin(path, first, "the coordinator") == first
    assert keys.pin(path, first, "the coordinator") == first
    with pytest.raises(RefusedError, match="another key"):
        keys.pin(path, second, "the coordinator")
    assert path.read_text().strip() == first.hex()
