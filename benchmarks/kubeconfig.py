"""A kubeconfig of a server that answers nothing but its version."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# A kubeconfig holds an authority, which takes some time to load. The key of this one is lost.
AUTHORITY = b"""-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUfolG1euyqLGRpAXS9pxaxySbha4wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjUxMDU0MDJaGA8yMTI2MTEw
MTEwNTQwMlowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABGRqpNA9Jk5CPp2MS4BF0zjbX8cJejKJIuI0JOwmv/zBO6qOGGny
UOQfwdxBaonwFlDzSlHH1CBurS8Pe7lvotejUzBRMB0GA1UdDgQWBBS3sDHYYcUQ
RFjL35NRgW6IHW1BIjAfBgNVHSMEGDAWgBS3sDHYYcUQRFjL35NRgW6IHW1BIjAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIHLw0f9dNJrtjZp5EtHx
YZn6pbwB/pwcQm3sva3iRSu3AiEAuP15LFTSnKNOdhlTp/PtftgzL70ptW2vcZ8c
W48KsWk=
-----END CERTIFICATE-----
"""

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context:
    cluster: here
    user: me
clusters:
- name: here
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: me
  user:
    token: 5c2d1c8e7f
"""


class VersionHandler(BaseHTTPRequestHandler):
    """Tells a version of Kubernetes, which kr8s asks for before it gives its client."""

    def do_GET(self) -> None:
        """Answer, whatever is asked for."""
        body = b'{"major": "1", "minor": "35", "gitVersion": "v1.35.0"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def kubeconfig(path: Path) -> Iterator[Path]:
    """Write a kubeconfig of a server that answers meanwhile."""
    with ThreadingHTTPServer(("127.0.0.1", 0), VersionHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        path.write_text(KUBECONFIG.format(server=url, authority=b64encode(AUTHORITY).decode()))
        try:
            yield path
        finally:
            server.shutdown()
