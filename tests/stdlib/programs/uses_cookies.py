from http.cookies import CookieError, SimpleCookie


def main():
    jar = SimpleCookie('a=1; b="two \\"words\\""; $Path=/x')
    jar["c"] = "x;y"
    jar["c"]["max-age"] = 60
    jar["c"]["secure"] = True
    text = jar.output(header="Set:", sep="|")
    try:
        jar["bad name"] = 1
    except CookieError as error:
        return {key: morsel.value for key, morsel in jar.items()}, text, jar["c"].OutputString(), str(error)
