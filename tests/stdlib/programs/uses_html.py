import html


def main():
    text = html.escape("<a href=\"x\">Tom & 'Jerry'</a>")
    names = [
        html.unescape(each) for each in ("&lt;&gt", "&notit;", "&#x41;&#65;", "&#0;", "&#x110000;", "&Ouml;l", "a & b")
    ]
    return text, html.unescape(text), html.escape("'", quote=False), names
