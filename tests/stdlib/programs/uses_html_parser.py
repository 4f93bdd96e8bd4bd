from html.parser import HTMLParser

TEXT = """<!DOCTYPE html><p class="a &amp; b" id=x hidden>Hello &lt;world&gt; &#228; &unknown; <br/>
<!-- a comment --><script>if (a < b) { "</p>" }</script><?php x ?><a href='y'>link</a></p><i"""


class Collected(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append(("start", tag, attrs, self.getpos()))

    def handle_endtag(self, tag):
        self.found.append(("end", tag))

    def handle_data(self, data):
        self.found.append(("data", data))

    def handle_entityref(self, name):
        self.found.append(("entity", name))

    def handle_charref(self, name):
        self.found.append(("char", name))

    def handle_comment(self, data):
        self.found.append(("comment", data))

    def handle_decl(self, decl):
        self.found.append(("decl", decl))

    def handle_pi(self, data):
        self.found.append(("pi", data))


def main():
    parser = Collected()
    for start in range(0, len(TEXT), 40):
        parser.feed(TEXT[start : start + 40])
    parser.close()
    return parser.found
