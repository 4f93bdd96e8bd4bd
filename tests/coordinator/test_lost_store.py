"""The store is gone, or an old copy was put in its place: hubs and claims tell what counts, and epochs do not turn back."""

from __future__ import annotations

import shutil

import pytest
from coordinator_house import WASHER

from coordinator.moves import adopting
from devices.errors import RefusedError
from devices.protocol import messages
from devices.protocol.messages import Claim

STORE = "store.sqlite"
CLAIM = "midstream/instances/washer/claim"


async def test_a_damaged_store_is_kept_aside_and_begins_anew_from_hubs_and_claims(house, asker, washer):
    a, b = washer
    await asker.ask("checkpoint", instance="washer")
    await asker.ask("migrate", instance="washer", hub="hub-b")
    other = await asker.ask("run", files={"washer.py": WASHER}, name="other", hub="hub-a")
    await asker.ask("suspend", instance="other")
    generation = asker.status().generation
    await house.kill()
    file = house.folder / STORE
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" * (file.stat().st_size - 4096))
    asker.events.clear()
    await house.start()
    for hub in (a, b):
        hub.report()
    await asker.until(lambda: asker.told("took washer up") and asker.told("took other up"))
    assert asker.status().generation != generation
    (aside,) = [path for path in house.folder.glob(f"{STORE}.corrupt-*") if path.suffix != ".sqlite"]
    assert any(str(aside) in sentence for sentence in (await asker.ask("status")).attention)
    rows = {row.instance: row for row in await asker.ask("ps")}
    washer_now, other_now = rows["washer"], rows[other.instance]
    assert (washer_now.hub, washer_now.epoch, washer_now.state) == ("hub-b", 2, "running")
    assert washer_now.checkpoint == b.copies["washer"].header.checkpoint
    assert (other_now.hub, other_now.epoch, other_now.state) == ("hub-a", 1, "suspended")
    (function,) = await asker.ask("functions")
    assert (function.doc, function.parameters["limit"]) == ("Watches a plug.", "float = 10.0")
    moved = await asker.ask("migrate", instance="washer", hub="hub-a")
    assert moved.epoch == 3
    lineage = await asker.ask("lineage", instance="washer")
    assert [row.checkpoint for row in lineage] == [washer_now.checkpoint, moved.checkpoint]
    with pytest.raises(RefusedError, match="there is an instance washer already"):
        await asker.ask("run", files={"washer.py": WASHER}, name="washer")


async def test_a_name_that_only_a_claim_knows_is_not_given_again(house, asker, washer):
    a, _ = washer
    await house.kill()
    (house.folder / STORE).unlink()
    await a.crash()  # and does not tell what it holds
    await house.start()
    await asker.until(lambda: asker.told("washer: claimed for hub-a"))
    with pytest.raises(RefusedError, match="there is an instance washer already"):
        await asker.ask("run", files={"washer.py": WASHER}, name="washer")


async def test_an_old_backup_does_not_turn_epochs_back_and_is_given_the_newest_checkpoint(
    house, asker, washer, monkeypatch
):
    _, b = washer
    monkeypatch.setattr(adopting.limits, "VERDICT", 0.1)
    await house.stop()
    shutil.copy(house.folder / STORE, house.folder / "backup")
    await house.start()
    await asker.ask("migrate", instance="washer", hub="hub-b")
    taken = await asker.ask("checkpoint", instance="washer")
    await house.stop()
    (house.folder / "backup").replace(house.folder / STORE)
    claims = []
    await house.start()
    b.report()
    await asker.until(lambda: asker.told("the store is an older copy"))
    rows = []
    while not rows or rows[0].checkpoint != taken.checkpoint:
        rows = await asker.ask("ps")
        claims.append(messages.decode(asker.kept[CLAIM], Claim, CLAIM).epoch)
    assert (rows[0].hub, rows[0].epoch, rows[0].state) == ("hub-b", 2, "running")
    assert set(claims) == {2}
    assert (await asker.ask("migrate", instance="washer", hub="hub-a")).epoch == 3
