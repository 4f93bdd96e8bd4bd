from urllib.parse import parse_qs, parse_qsl, quote, unquote, urldefrag, urlencode, urljoin, urlsplit, urlunsplit


def main():
    parts = urlsplit("https://anna:pw@hub.lan:8443/a/../b;p?x=1&y=%C3%A4&x=2#top")
    facts = (
        parts.hostname,
        parts.port,
        parts.username,
        parts.netloc,
        urlunsplit(parts),
        parts._replace(path="/").geturl(),
    )
    asked = parse_qs(parts.query), parse_qsl("a=1&b=&c", keep_blank_values=True)
    joined = [urljoin("http://a/b/c/d;p?q", each) for each in ("../g", "./g/", "//g", "?y", "#s", "../../../g", "g:h")]
    texts = quote("a b/ä?", safe=""), unquote("a%20b%C3%A4%zz"), urlencode({"a": [1, 2], "b": "ä"}, doseq=True)
    try:
        urlsplit("http://[::1/")
    except ValueError as error:
        return tuple(parts), facts, asked, joined, texts, tuple(urldefrag("a#b")), str(error)
