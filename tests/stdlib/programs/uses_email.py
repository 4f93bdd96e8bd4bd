from email.header import decode_header
from email.parser import Parser
from email.policy import compat32
from email.utils import formataddr, parseaddr, parsedate_tz, quote

TEXT = """\
From: =?utf-8?q?Anna_M=C3=BCller?= <anna@example.org>
To: hub@example.org, "The, Attic" <attic@example.org>
Subject: Wash
 is done
Date: Fri, 02 Jan 2026 03:04:05 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="xyz"

before
--xyz
Content-Type: text/plain; charset="utf-8"

Take it out.
--xyz
Content-Type: text/html

<p>Take it out.</p>
--xyz--
after
"""


def main():
    message = Parser(policy=compat32).parsestr(TEXT)
    parts = [
        (part.get_content_type(), part.get_payload() if not part.is_multipart() else None) for part in message.walk()
    ]
    subject = message["subject"]
    sender = parseaddr(message["from"])
    words = decode_header(sender[0])
    when = parsedate_tz(message["date"])
    facts = message.get_boundary(), message.preamble, message.epilogue, message.get_all("to"), message.get_params()
    return parts, subject, sender, words, when, facts, formataddr(("A, B", "c@d.e")), quote('a"b')
