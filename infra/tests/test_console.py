"""The console's files: how they are served here, and in which order they are put in place on AWS."""

import re
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import console_files

sys.path.append(str(Path(__file__).parent.parent / "local"))
import console  # noqa: E402  (beside the other tools of the local engines)

PAGE, SCRIPT = b"<!doctype html>", b"export {}"


def build(folder: Path) -> None:
    """A build of two files, and something beside it that nobody may read."""
    (folder / "dist/assets").mkdir(parents=True)
    (folder / "dist/index.html").write_bytes(PAGE)
    (folder / "dist/assets/index-abc.js").write_bytes(SCRIPT)
    (folder / "secret.txt").write_text("secret")
    (folder / "config.json").write_text('{"api_url": "http://here"}')


class Served(unittest.TestCase):
    """The server of a local engine."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        folder = Path(temporary.name)
        build(folder)

        class Handler(console.Console):
            pass

        Handler.folder = (folder / "dist").resolve()
        Handler.config = folder / "config.json"
        Handler.headers_of_all = console.security_headers(["http://127.0.0.1:1"])
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def get(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, content and headers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url + path, timeout=5) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read(), dict(refused.headers)

    def test_a_path_of_the_console_gets_its_page(self) -> None:
        for path in ("/", "/studio", "/market/listings/lst_1?ref=x"):
            status, body, headers = self.get(path)
            self.assertEqual((status, body), (200, PAGE), path)
            self.assertEqual(headers["Cache-Control"], "no-cache")

    def test_a_hashed_file_is_kept_and_a_missing_one_is_missing(self) -> None:
        status, body, headers = self.get("/assets/index-abc.js")
        self.assertEqual((status, body), (200, SCRIPT))
        self.assertIn("immutable", headers["Cache-Control"])
        self.assertEqual(self.get("/assets/index-old.js")[0], 404)

    def test_nothing_beside_the_build_is_served(self) -> None:
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt"):
            self.assertNotIn(b"secret", self.get(path)[1], path)

    def test_the_policy_is_that_of_aws(self) -> None:
        here = self.get("/")[2]["Content-Security-Policy"]
        there = (Path(__file__).parent.parent / "console.yaml").read_text()
        policy = there[there.index("default-src") : there.index("frame-ancestors 'none'")]
        for directive in here.split("; "):
            name, *sources = directive.split()
            own = [it for it in sources if not it.startswith("http")]
            self.assertRegex(policy + "frame-ancestors 'none'", rf"{name}\s+{re.escape(' '.join(own))}")
        self.assertNotIn("unsafe", here + policy)


class PutInPlace(unittest.TestCase):
    """`infra/console_files.py`."""

    def test_the_page_comes_after_what_it_names(self) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            build(Path(temporary))
            with patch.object(console_files, "DIST", Path(temporary) / "dist"):
                found = list(console_files.files("https://api.example"))
        self.assertEqual(
            [(key, caching) for key, _, caching in found],
            [
                ("assets/index-abc.js", console_files.A_YEAR),
                ("index.html", console_files.NEVER),
                ("config.json", console_files.NEVER),
            ],
        )
        self.assertIn(b"https://api.example", found[-1][1])
