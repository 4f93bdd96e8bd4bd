"""Real workers, shut in by themselves: what they see and can do is what the package grants, and nothing of the machine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
import textwrap
from pathlib import Path

import msgspec
import pytest
from packages import ALLOWED, deploy, made, only_here, wishes

from coordinator.deployment.site import Resource, read_site
from devices.hub.workers import Surroundings, Worker, Workers
from devices.permissions.target import Target
from devices.protocol import link
from devices.protocol.checkpoint import FunctionRecord
from devices.runtime import confinement, landlock
from devices.runtime.confinement import seen

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and groups are the superuser's to give")
PATIENCE = 30.0

LOOK = """
    import ctypes, os, socket, subprocess, json
    from midstream import ctx, function

    def tried(call):
        try:
            call()
            return True
        except Exception:
            return False

    libc = ctypes.CDLL(None)

    def uncovered_in_a_namespace():
        child = os.fork()
        if child == 0:
            libc.unshare(0x10020000)  # CLONE_NEWUSER, CLONE_NEWNS
            os._exit(int(libc.umount2(b"/old", 2) == 0 or os.path.exists("/old/etc/passwd")))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @function
    def NAME():
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        found = {
            "user": os.getresuid(), "group": os.getresgid(), "groups": sorted(os.getgroups()),
            "caps": [status["CapPrm"], status["CapEff"], status["CapBnd"], status["NoNewPrivs"]],
            "root": sorted(os.listdir("/")), "environment": sorted(os.environ),
            "resources": sorted(os.listdir("/resources")), "etc": os.listdir("/etc") if os.path.exists("/etc") else [],
            "processes": [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()],
            "shadow": tried(lambda: open("/etc/shadow")), "target": os.path.exists("TARGET"),
            "socket": tried(lambda: socket.create_connection(("127.0.0.1", PORT), 1)),
            "interfaces": [name for _, name in socket.if_nameindex()],
            "mount": tried(lambda: os.mkdir("/new")), "lib": tried(lambda: open(os.__file__, "a")),
            "old": tried(lambda: os.listdir("/old")), "behind": tried(lambda: os.stat("/old/etc/passwd")),
            "uncover": libc.umount2(b"/old", 2), "userns": uncovered_in_a_namespace(),
            "tmp": tried(lambda: open("/tmp/x", "w").write("x")),
            "become root": tried(lambda: os.setuid(0)), "kill": tried(lambda: os.kill(os.getppid(), 0)),
            "run": tried(lambda: subprocess.run(["/bin/ls"], check=True)),
            "device": tried(lambda: os.mknod("/tmp/n", 0o20600, os.makedev(1, 1))),
        }
        for name in ("config", "snapshots", "pages", "drop", "null"):
            path = ctx.resource(name)
            folder = name in ("snapshots", "pages", "drop")
            file = path / "seed" if folder else path
            found[name] = [what for what, call in {
                "list": lambda: os.listdir(path),
                "read": lambda: open(file).read(1),
                "write": lambda: open(file, "a").close(),
                "create": lambda: open(path / "NAME", "w").close(),
                "rename": lambda: os.rename(path / "NAME", path / "NAME2"),
                "delete": lambda: os.unlink(path / "NAME2"),
            }.items() if tried(call)]
        print(json.dumps(found))
        return 1
"""
EVERY = ["list", "read", "write", "create", "rename", "delete"]


@pytest.fixture
def target():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o711)
    (folder / "pages").mkdir()
    (folder / "pages/seed").write_text("p")
    resources = {
        "config": Resource("text", "low = 10\n"),
        "pages": Resource("folder", "pages"),
        "null": Resource("device", "/dev/null"),
        "snapshots": Resource("volume", 10**6),
        "drop": Resource("volume", 10**6),
        "secret": Resource("text", "s"),
    }
    who = wishes(
        camera="snapshots rw, config r, drop w, null rw", counter="snapshots r, pages rw, drop rw", other="secret r"
    )
    it = Target(folder / "target", ALLOWED, only_here)
    deploy(it, *made(folder, resources, who))
    for name in ("snapshots", "drop"):
        (volume,) = (it.path / "trees/1").glob(f"*/*/{name}")
        (volume / "seed").write_text("x")
        os.chown(volume / "seed", 0, volume.stat().st_gid)
        (volume / "seed").chmod(0o664)
    yield it
    it.close()
    shutil.rmtree(folder)


def surroundings(target: Target):
    async def of(function: str) -> Surroundings:
        bounds = target.bounds(function)
        if bounds is None:
            return Surroundings()
        confinement = link.Confinement(
            root=bounds.view, user=bounds.user, groups=bounds.groups, resources=bounds.resources
        )
        return Surroundings(confinement=confinement, tree=bounds.version)

    return of


async def loaded(workers: Workers, name: str, text: str) -> Worker:
    source = textwrap.dedent(text).replace("NAME", name)
    function = FunctionRecord(
        name=name,
        module="main",
        files={"main.py": source},
        digest=hashlib.sha256(source.encode()).digest(),
        arguments={},
        settings={},
    )
    return await workers.loaded(function)


async def outcome(worker: Worker, name: str, image: bytes | None = None) -> tuple[list[str], list[link.ToHub]]:
    """Has it run to its end; returns what it printed, and the frames that came."""
    ended = asyncio.get_running_loop().create_future()
    frames: list[link.ToHub] = []

    def came(frame: link.ToHub) -> None:
        frames.append(frame)
        if isinstance(frame, link.Returned | link.Raised) and not ended.done():
            ended.set_result(None)

    worker.on_frame = came
    worker.on_end = lambda words: ended.done() or ended.set_exception(AssertionError(words))
    worker.send(link.Begin(instance=name, hub="nas", epoch=1, timezone="UTC", function=name, image=image))
    async with asyncio.timeout(PATIENCE):
        await ended
    return [frame.text for frame in frames if isinstance(frame, link.Log)], frames


async def test_a_task_sees_its_resources_and_can_do_with_them_what_the_table_says_and_nothing_else(target):
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    text = LOOK.replace("TARGET", str(target.path)).replace("PORT", str(port))
    numbers = target.numbers()
    async with Workers(surroundings(target)) as workers:
        found = {}
        for name in ("camera", "counter"):
            worker = await loaded(workers, name, text)
            assert workers.trees() == {1: [name]}
            lines, frames = await outcome(worker, name)
            assert isinstance(frames[-1], link.Returned), frames[-1]
            found[name] = json.loads("".join(lines))
            worker.close()
    listening.close()
    for name, package_groups in (("camera", "camera"), ("counter", "counter")):
        it, user = found[name], numbers.roles[name]
        assert it["user"] == it["group"] == [user] * 3
        assert it["groups"] == sorted(n for g, n in numbers.groups.items() if package_groups in g.split("+"))
        assert it["caps"] == ["0" * 16] * 3 + ["1"]
        assert set(it["root"]) == {"dev", "old", "proc", "resources", "tmp", *(path.split("/")[1] for path in seen())}
        assert not set(it["etc"]) - {"localtime"}
        assert set(it["environment"]) <= {"HOME", "PATH", "LANG", "LC_ALL", "TZ", "LC_CTYPE"}
        assert it["processes"] == []
        assert (it["shadow"], it["target"], it["socket"], it["interfaces"]) == (False, False, False, ["lo"])
        assert [it[what] for what in ("mount", "lib", "become root", "kill", "run", "device")] == [False] * 6
        assert (it["old"], it["behind"], it["uncover"], it["userns"]) == (False, False, -1, 0)
        assert it["tmp"] is True
    assert found["camera"]["resources"] == ["config", "drop", "null", "snapshots"]
    assert found["camera"]["config"] == ["read"]
    assert found["camera"]["snapshots"] == EVERY
    assert found["camera"]["drop"] == [what for what in EVERY if what != "read" or not landlock.available()]
    assert found["camera"]["null"] == ["read", "write"]
    assert found["camera"]["pages"] == []
    assert found["counter"]["resources"] == ["drop", "pages", "snapshots"]
    assert found["counter"]["snapshots"] == ["list", "read"]
    assert found["counter"]["pages"] == EVERY
    assert found["counter"]["drop"] == EVERY
    assert found["counter"]["config"] == []


TRAVELS = """
    from midstream import ctx, function

    @function
    def NAME():
        place = ctx.resource("snapshots") / "seed"
        print(place, place.read_text())
        ctx.sleep(2)
        print(place, place.read_text())
        ctx.resource("none").read_text()
"""


async def test_a_resource_in_a_variable_means_after_a_move_what_the_other_hub_has_under_its_name(target, tmp_path):
    (tmp_path / "seed").write_text("elsewhere")
    image = None
    async with Workers(surroundings(target)) as workers:
        worker = await loaded(workers, "camera", TRAVELS)
        captured = asyncio.get_running_loop().create_future()

        def came(frame: link.ToHub) -> None:
            if isinstance(frame, link.Log):
                worker.capture(link.Capture(number=1, hold=True))  # in the sleep that follows, or before it
            elif isinstance(frame, link.Captured | link.NotCaptured):
                captured.set_result(frame)

        worker.on_frame = came
        worker.send(link.Begin(instance="x", hub="nas", epoch=1, timezone="UTC", function="camera"))
        async with asyncio.timeout(PATIENCE):
            image = (await captured).image
        worker.close()

    async def other(_function: str) -> Surroundings:
        return Surroundings(resources={"snapshots": str(tmp_path)})

    async with Workers(other) as workers:
        worker = await loaded(workers, "camera", TRAVELS)
        lines, frames = await outcome(worker, "camera", image)
    assert lines == [f"{tmp_path}/seed elsewhere"]
    assert isinstance(frames[-1], link.Raised)
    assert "there is no resource 'none' for this function on this hub" in frames[-1].error


async def test_a_worker_that_cannot_shut_itself_in_runs_nothing_and_says_why(target, tmp_path):
    async def wrong(_function: str) -> Surroundings:
        confinement = link.Confinement(root=str(tmp_path / "none"), user=ALLOWED.first, groups=[], resources={})
        return Surroundings(confinement=confinement, tree=1)

    async with Workers(wrong) as workers:
        with pytest.raises(Exception, match="cannot be shut in"):
            await loaded(workers, "camera", f"open({str(tmp_path / 'ran')!r}, 'w')\n" + LOOK)
    assert not (tmp_path / "ran").exists()


async def test_a_start_that_meets_a_change_of_trees_is_made_again_under_the_new_one(target):
    asked = []

    async def changing(function: str) -> Surroundings:
        asked.append(function)
        around = await surroundings(target)(function)
        if len(asked) > 1:
            return around
        old = msgspec.structs.replace(around.confinement, resources={"snapshots": ("/moved/away", "r")})
        return Surroundings(confinement=old, tree=99)

    async with Workers(changing) as workers:
        await loaded(workers, "camera", LARGE)
        assert (asked, workers.trees()) == (["camera"] * 2, {1: ["camera"]})


LARGE = """
    from midstream import ctx, function

    @function
    def NAME():
        rows = [float(number) for number in range(300_000)]
        print("ready")
        ctx.sleep("1h")
        return len(rows)
"""


async def test_a_confined_function_with_a_large_state_goes_on_while_a_copy_of_it_makes_the_image(target):
    async with Workers(surroundings(target)) as workers:
        worker = await loaded(workers, "camera", LARGE)
        captured: asyncio.Future[link.Captured | link.NotCaptured] = asyncio.get_running_loop().create_future()

        def came(frame: link.ToHub) -> None:
            if isinstance(frame, link.Log):
                worker.capture(link.Capture(number=1, hold=False))
            elif isinstance(frame, link.Captured | link.NotCaptured):
                captured.set_result(frame)

        worker.on_frame = came
        worker.send(link.Begin(instance="x", hub="nas", epoch=1, timezone="UTC", function="camera"))
        async with asyncio.timeout(PATIENCE):
            frame = await captured
            assert isinstance(frame, link.Captured), frame
            assert frame.image == b""  # a copy makes it
            encoded = await worker.image(1, PATIENCE)
        assert len(encoded.image) > 100_000


GARDEN = Path(__file__).parents[2] / "examples" / "garden"


async def test_the_example_of_the_garden_does_what_it_says():
    site = read_site(GARDEN / "garden.toml")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o711)
    target = Target(folder / "target", ALLOWED, only_here)
    deploy(target, *made(GARDEN, site.resources, site.wishes))
    said: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    counted: list[str | None] = []
    try:
        async with Workers(surroundings(target)) as workers:
            camera = await loaded(workers, "camera", (GARDEN / "camera.py").read_text())
            kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def of_camera(frame: link.ToHub) -> None:
                match frame:
                    case link.Subscribe():
                        camera.send(link.Subscribed(subscription=frame.subscription))
                    case link.Pull() if not kept.done():
                        given = {
                            "topic": "garden/camera/image",
                            "payload": b"jpeg",
                            "qos": 1,
                            "retain": False,
                            "at": 1e9,
                        }
                        camera.send(link.Deliver(number=1, arrival=1, subscription=1, **given))
                    case link.Status():
                        kept.set_result(None)
                    case link.Raised():
                        kept.set_exception(AssertionError(frame.traceback))

            camera.on_frame = of_camera
            begin = link.Begin(instance="x", hub="shed", epoch=1, timezone="UTC", function="camera")
            begin.arguments = {"topic": "garden/camera/image"}
            camera.send(begin)
            async with asyncio.timeout(PATIENCE):
                await kept
            counter = await loaded(workers, "counter", (GARDEN / "counter.py").read_text())

            def of_counter(frame: link.ToHub) -> None:
                if isinstance(frame, link.Log):
                    said.set_result(frame.text)
                elif isinstance(frame, link.Status):
                    counted.append(frame.text)
                elif isinstance(frame, link.Raised):
                    said.set_exception(AssertionError(frame.traceback))

            counter.on_frame = of_counter
            begin.function, begin.arguments = "counter", {"every": "1h"}
            counter.send(begin)
            async with asyncio.timeout(PATIENCE):
                assert await said == "not mine to delete: Read-only file system"
        assert counted == ["1 of 1000 pictures"]
        (picture,) = (target.path / "current").resolve().glob("*/*/snapshots/*.jpg")
        assert picture.stat().st_uid == target.numbers().roles["camera"]
    finally:
        target.close()
        shutil.rmtree(folder)


def test_an_environment_that_stands_below_tmp_is_seen_beside_the_scratch_folder(tmp_path: Path, monkeypatch):
    installed, root = Path(tempfile.mkdtemp(dir="/tmp")), tmp_path / "view"
    installed.chmod(0o755)
    (installed / "module.py").write_text("1")
    root.mkdir()
    monkeypatch.setattr(confinement, "seen", lambda: (*seen(), str(installed)))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            confinement.confine(link.Confinement(root=str(root), user=70_123, groups=[], resources={}))
            Path("/tmp/scratch").write_text("2")
            code = 0 if (installed / "module.py").read_text() == "1" and not os.access(installed, os.W_OK) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    shutil.rmtree(installed)
