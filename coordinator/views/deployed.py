"""What is asked and answered about permission packages: `deploy push`, `status`, `history`, `rollback`, and `plan --hub`."""

from __future__ import annotations

import msgspec

from coordinator.views.question import Question
from devices.protocol.answers import Drift, VolumeUse


class DeployAsk(Question, kw_only=True):
    """``deploy``: bring a site to a hub. Asked again until nothing is wanted."""

    hub: str
    parts: list[str]  # of the site's bundle: SHA-256 of each, hexadecimal; they go to ``request/part/<sha256>``
    restart: bool = False  # functions that run there go on under it at once, from a checkpoint


class RollbackAsk(Question, kw_only=True):
    """``deploy-rollback``: bring an older site to a hub again, under a new version."""

    hub: str
    version: int = 0  # 0: the one before the one in force


class DeploymentsAsk(Question, kw_only=True):
    """``deploy-status``, ``deploy-history``, ``deploy-site``."""

    hub: str = ""  # empty: all


class DeployAnswer(msgspec.Struct, kw_only=True):
    """``deploy push``, ``deploy rollback``: what is in force now; or, to the command line, what is wanted first."""

    hub: str
    version: int = 0  # 0: parts are wanted
    at: str = ""
    wants: list[str] = []
    more: int = 0  # that will be wanted then
    trees: list[int] = []  # versions that the hub keeps
    note: str = ""
    restarted: list[str] = []  # instances that go on under it
    not_restarted: dict[str, str] = {}  # instance => why it does not


class DeploymentRow(msgspec.Struct, kw_only=True):
    """``deploy status``: a hub."""

    hub: str
    able: bool
    why: str = ""  # it is not, or cannot be asked now
    version: int = 0  # in force there; 0: none, or unknown
    wanted: int = 0  # that was deployed last
    at: str = ""
    trees: list[int] = []
    drift: list[Drift] = []  # the first of them, by path
    drifted: int = 0  # all
    volumes: dict[str, VolumeUse] = {}
    over_quota: list[str] = []
    older: list[str] = []  # functions that still run under an older package, in words


class DeploymentHistoryRow(msgspec.Struct, kw_only=True):
    """``deploy history``: a package, newest first."""

    hub: str
    version: int
    at: str
    state: str  # "under way", "deployed", "failed"
    tasks: int
    resources: int
    bytes: int  # of its contents
    note: str = ""  # "version 3 again"
    error: str = ""


class SiteRow(msgspec.Struct, kw_only=True):
    """``deploy-site``: a fact of the site that is deployed, as `coordinator.deployment.bundle` words it."""

    what: str
    value: str
