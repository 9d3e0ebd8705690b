"""Receive webhooks: `python3 webhook_receiver.py PORT SECRET`. Needs Python alone.

Verifies each delivery as the Standard Webhooks specification says, and prints its body.
"""

import base64
import hashlib
import hmac
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, SECRET = int(sys.argv[1]), base64.b64decode(sys.argv[2].removeprefix("whsec_"))
LONGEST_DELAY_S = 300


class Receiver(BaseHTTPRequestHandler):
    """Takes what is signed with the secret, and nothing else."""

    def do_POST(self) -> None:
        """One delivery."""
        body = self.rfile.read(int(self.headers["content-length"]))
        name, sent_at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        due = hmac.digest(SECRET, f"{name}.{sent_at}.".encode() + body, hashlib.sha256)
        expected = "v1," + base64.b64encode(due).decode()
        signatures = self.headers["webhook-signature"].split()
        good = any(hmac.compare_digest(expected, given) for given in signatures)
        if good and abs(time.time() - int(sent_at)) < LONGEST_DELAY_S:
            print(body.decode(), flush=True)
            self.send_response(204)
        else:
            self.send_response(400)
        self.end_headers()


HTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
