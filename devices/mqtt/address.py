"""Where a broker is and who asks: ``mqtt://user:password@host:1883``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from devices.errors import UsageError

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
"""The schemes and the ports that IANA registered for them."""

_EXAMPLE: Final = (
    "write it like mqtt://mqtt.lan, mqtt://user:password@192.168.1.5:1883 or mqtts://mqtt.lan; "
    "in user and password '/' is %2F, '@' is %40, ':' is %3A, '?' is %3F, '#' is %23"
)


@dataclass(frozen=True)
class BrokerAddress:
    """An MQTT broker's address; its texts never show the password.

    Args:
        host: a name or an IP address, an IPv6 one without brackets.
        port: TCP port, 1 to 65535.
        tls: whether the connection is encrypted and the broker's certificate checked.
        user: name for the broker; ``None`` asks as nobody.
        password: only together with a user.
    """

    host: str
    port: int = PORTS["mqtt"]
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> BrokerAddress:
        """Reads an address as people write it.

        Args:
            text: ``mqtt://`` or ``mqtts://`` (TLS), then a host, with an optional user, password and port. Special
                characters in user and password are percent-encoded, as in any URL (RFC 3986, section 2.1).

        Raises:
            UsageError: it is no such address. The message shows no password.
        """
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:  # its text may quote a password's end as the port
            reason = "its port is no number up to 65535, or a bracket is missing"
            raise UsageError(f"that is no broker address: {reason}", remedy=_EXAMPLE) from None
        if parts.scheme not in PORTS:
            scheme = f"it starts with {parts.scheme}://" if parts.netloc else "it has no mqtt:// in front"
            raise UsageError(f"that is no broker address: {scheme}", remedy=_EXAMPLE)
        if not host:
            raise UsageError("that is no broker address: it names no host", remedy=_EXAMPLE)
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise UsageError(f"that is no broker address: something follows {host}", remedy=_EXAMPLE)
        if port == 0:
            raise UsageError("that is no broker address: there is no port 0", remedy=_EXAMPLE)
        if parts.password is not None and not parts.username:
            raise UsageError("that is no broker address: a password without a user", remedy=_EXAMPLE)
        return cls(
            host=host,
            port=port or PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password is not None else None,
        )

    def with_login(self, user: str | None, password: str | None) -> BrokerAddress:
        """Returns the same broker asked by somebody else: a configuration keeps the password in a file of its own."""
        return replace(self, user=user, password=password)

    @property
    def place(self) -> str:
        """``host:port``, for messages; an IPv6 address in brackets."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address **with its password**: for a child's environment, never for a screen."""
        login = ""
        if self.user is not None:
            login = quote(self.user, safe="")
            login += "" if self.password is None else f":{quote(self.password, safe='')}"
            login += "@"
        return f"{self._scheme}://{login}{self.place}"

    @property
    def _scheme(self) -> str:
        return "mqtts" if self.tls else "mqtt"

    def __str__(self) -> str:
        login = "" if self.user is None else f"{quote(self.user, safe='')}@"
        return f"{self._scheme}://{login}{self.place}"
