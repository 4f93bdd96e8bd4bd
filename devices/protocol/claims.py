"""Claims: who may act for an instance, signed by the coordinator (`docs/protocol.md`, section 2).

The signature covers CBOR with text keys; what stands around it in the JSON is for the eye and must say the same.
"""

from __future__ import annotations

import base64
import binascii

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.errors import DamagedError, ProtocolError
from devices.protocol import sealing
from devices.protocol.messages import Claim, ClaimBody


def issue(key: Ed25519PrivateKey, body: ClaimBody) -> Claim:
    """Returns the signed claim, ready to be published retained."""
    signed = sealing.sign(key, cbor2.dumps(msgspec.to_builtins(body, builtin_types=(bytes,)), canonical=True))
    return Claim(
        instance=body.instance,
        epoch=body.epoch,
        hub=body.hub,
        checkpoint=body.checkpoint,
        signed=base64.b64encode(signed).decode(),
    )


def read(claim: Claim, public: bytes) -> ClaimBody:
    """Returns what a claim's signature covers.

    Args:
        claim: as received.
        public: the coordinator's pinned key.

    Raises:
        DamagedError: not signed with that key, or altered.
        ProtocolError: no claim, or the readable part says something else than the signed one.
    """
    try:
        signed = base64.b64decode(claim.signed, validate=True)
    except binascii.Error as error:
        raise DamagedError(f"the claim for {claim.instance} carries no signature") from error
    fields = sealing.load_cbor(sealing.verify(signed, public), "a claim")
    try:
        body = msgspec.convert(fields, ClaimBody)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"a claim is not as the contract says: {error}") from error
    shown = (claim.instance, claim.epoch, claim.hub, claim.checkpoint)
    if shown != (body.instance, body.epoch, body.hub, body.checkpoint):
        raise DamagedError(f"the claim for {claim.instance} says something else than its signature")
    return body
