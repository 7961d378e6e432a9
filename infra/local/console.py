"""Serve the built console on loopback, as its CloudFront distribution does on AWS.

Hashed files never change and are cached for a year. Every other path that is no file is the
console's own and gets its page. The headers are those of `infra/console.yaml`; the local origins
take the place of https.
"""

import argparse
import gzip
import json
import mimetypes
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

HASHED = "/assets/"
A_YEAR = "public, max-age=31536000, immutable"
COMPRESSED = ("text/", "application/json", "text/javascript", "image/svg+xml")


def main() -> None:
    """Reads the command line and serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="what the build made")
    parser.add_argument("--config", type=Path, required=True, help="served as /config.json")
    parser.add_argument("--origin", action="append", default=[], help="that the console talks to")
    args = parser.parse_args()

    class Handler(Console):
        folder = args.folder.resolve()
        config = args.config
        headers_of_all = security_headers(args.origin)

    ThreadingHTTPServer(("127.0.0.1", args.port), Handler).serve_forever()


def security_headers(origins: list[str]) -> dict[str, str]:
    """The headers of every answer. No script and no style comes from anywhere else."""
    others = " ".join(origins)
    policy = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        f"img-src 'self' blob: {others}",
        f"connect-src 'self' {others}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


class Console(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    folder: Path
    config: Path
    headers_of_all: dict[str, str]

    def do_GET(self) -> None:
        """A file of the build, the settings, or the page."""
        path = unquote(urlsplit(self.path).path)
        if path == "/config.json":
            self.answer(200, "application/json", self.config.read_bytes(), "no-cache")
            return
        file = (self.folder / path.lstrip("/")).resolve()
        if file.is_file() and file.is_relative_to(self.folder):
            caching = A_YEAR if path.startswith(HASHED) else "no-cache"
            self.answer(200, mimetypes.guess_type(file.name)[0] or "", file.read_bytes(), caching)
        elif path.startswith(HASHED):
            # A file of another build: the page in its place would be read as a script.
            self.answer(404, "text/plain", b"no such file\n", "no-store")
        else:
            page = (self.folder / "index.html").read_bytes()
            self.answer(200, "text/html; charset=utf-8", page, "no-cache")

    do_HEAD = do_GET

    def answer(self, status: int, kind: str, body: bytes, caching: str) -> None:
        """Sends one answer, compressed where the browser takes it and it is worth it."""
        packs = "gzip" in self.headers.get("Accept-Encoding", "") and kind.startswith(COMPRESSED)
        self.send_response(status)
        for name, value in self.headers_of_all.items():
            self.send_header(name, value)
        if packs:
            body = packed(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", caching)
        self.send_header("Vary", "Accept-Encoding")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Only what failed is of interest."""
        if len(args) > 1 and str(args[1]) >= "400":
            super().log_message(format, *args)


@cache
def packed(body: bytes) -> bytes:
    """The body compressed, once."""
    return gzip.compress(body, 6)


def settings(api_url: str) -> str:
    """The console's settings: where the API is, which says the rest."""
    return json.dumps({"api_url": api_url}) + "\n"


if __name__ == "__main__":
    main()
