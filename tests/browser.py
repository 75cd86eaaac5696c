"""A real browser: Debian's Chromium, driven by tests/node/browser.mjs."""

from node_programs import NodeProgram


class Browser(NodeProgram):
    """One profile of a browser, with one window."""

    def __init__(self, folder, scripts=True):
        super().__init__(folder, "browser.mjs", {"scripts": scripts})

    def do(self, what, **how):
        answer = self.ask({"do": what} | how)
        assert "error" not in answer, answer["error"]
        return answer["answer"]

    def goto(self, url):
        return self.do("goto", url=url)

    def click(self, selector):
        return self.do("click", selector=selector)

    def fill(self, selector, text):
        return self.do("fill", selector=selector, text=text)

    def text(self, selector="main"):
        return self.do("text", selector=selector)

    def html(self):
        return self.do("html")

    def check_accessible(self):
        """That axe finds nothing to complain of."""
        found = self.do("axe")
        assert found == [], found
