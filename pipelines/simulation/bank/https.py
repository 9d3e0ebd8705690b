"""A simulated bank over HTTPS: TLS 1.3, client certificates, OAuth 2, resumable uploads.

Belongs here: the routes of the bank's API and the faults of the connection. Problems are told as
application/problem+json (RFC 9457), digests as Repr-Digest (RFC 9530).
"""

import asyncio
import base64
import hashlib
import json
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from aiohttp import encode_basic_auth, web

from pipelines.simulation.bank.bank import Received, SimulatedBank
from pipelines.simulation.bank.behaviour import Misbehaviour
from pipelines.simulation.bank.uploads import Upload, UploadRefused, Uploads

_FILE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]{44}):")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def tls_context(*, server: Path, authority: Path) -> ssl.SSLContext:
    """TLS 1.3 alone; a client without a certificate of the authority is turned away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server)
    context.load_verify_locations(authority)
    return context


def application(bank: SimulatedBank, *, secret: str) -> web.Application:
    """The bank's API; `secret` is the client's."""
    api = _Api(bank, secret)
    app = web.Application(client_max_size=64 * 1024**2, middlewares=[api.guard])
    app.router.add_post("/oauth2/token", api.token)
    app.router.add_head("/v1/files/{file_id}", api.upload_state)
    app.router.add_patch("/v1/files/{file_id}", api.upload)
    app.router.add_get("/v1/files/{file_id}/status", api.status)
    app.router.add_get("/v1/answers", api.answers)
    app.router.add_get("/v1/answers/{id}", api.answer)
    app.router.add_get("/v1/accounts/{account}/balance", api.balance)
    app.router.add_get("/v1/accounts/{account}/statement", api.statement)
    app.router.add_post("/v1/recalls", api.recall)
    return app


def problem(status: int, kind: str, detail: str, **headers: str) -> web.Response:
    """A problem as RFC 9457 has it; `kind` is stable."""
    body = {"type": f"urn:problem:{kind}", "title": kind.replace("-", " "), "status": status}
    return web.json_response(
        body | {"detail": detail},
        status=status,
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


class _Api:
    def __init__(self, bank: SimulatedBank, secret: str) -> None:
        self._bank = bank
        self._secret = secret
        self._tokens: dict[str, datetime] = {}
        self._uploads = Uploads(bank.folder / "uploads")

    @web.middleware
    async def guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Turn away who has no valid token, and show the faults of the connection."""
        if request.path != "/oauth2/token":
            kind, _, token = request.headers.get("Authorization", "").partition(" ")
            expires = self._tokens.get(token)
            if kind != "Bearer" or expires is None or self._bank.now() >= expires:
                return problem(
                    401,
                    "token-invalid",
                    "ask for a new token",
                    WWW_Authenticate='Bearer error="invalid_token"',
                )
            subjects = (request.query.get("name"), request.match_info.get("file_id"))
            names = [name for name in subjects if name] or [request.path]
            slow = self._bank.misbehaviour(Misbehaviour.SLOW, *names)
            if slow is not None:
                await asyncio.sleep(slow.seconds)
            down = self._bank.misbehaviour(Misbehaviour.UNAVAILABLE, *names)
            if down is not None:
                return problem(
                    503, "unavailable", "try again later", Retry_After=str(down.retry_after_seconds)
                )
        return await handler(request)

    async def token(self, request: web.Request) -> web.StreamResponse:
        """RFC 6749, client credentials with HTTP Basic."""
        basic = encode_basic_auth(self._bank.config.client_id, self._secret)
        if not secrets.compare_digest(request.headers.get("Authorization", "").encode(), basic.encode()):
            return web.json_response(
                {"error": "invalid_client"}, status=401, headers={"WWW-Authenticate": "Basic"}
            )
        if (await request.post()).get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        token, lives = secrets.token_urlsafe(32), self._bank.config.token_seconds
        self._tokens[token] = self._bank.now() + timedelta(seconds=lives)
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": lives},
            headers={"Cache-Control": "no-store"},
        )

    async def upload_state(self, request: web.Request) -> web.StreamResponse:
        """What the bank has of a file."""
        file_id = request.match_info["file_id"]
        received = self._bank.find(file_id)
        if received is not None:
            return web.Response(headers=_complete_headers(received))
        held = self._uploads.size(file_id) if _FILE_ID.fullmatch(file_id) else None
        if held is None:
            return web.Response(status=404)
        return web.Response(headers={"Upload-Offset": str(held), "Upload-Complete": "?0"})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The next piece of a file; with the last one it is received."""
        file_id, name = request.match_info["file_id"], request.query.get("name", "")
        offset = request.headers.get("Upload-Offset", "")
        digest = _DIGEST.fullmatch(request.headers.get("Repr-Digest", ""))
        if not (
            _FILE_ID.fullmatch(file_id) and _FILE_ID.fullmatch(name) and digest and offset.isdecimal()
        ):
            return problem(400, "request-invalid", "file id, name, Upload-Offset or Repr-Digest")
        sha256 = base64.b64decode(digest[1]).hex()
        received = self._bank.find(file_id)
        if received is not None:
            if received.sha256 != sha256:
                return problem(409, "content-differs", "the file was received with another content")
            return _receipt(received)
        try:
            upload = self._uploads.resume(file_id, sha256=sha256, offset=int(offset))
            await self._append(request, upload, name)
            if request.headers.get("Upload-Complete") != "?1":
                return web.Response(
                    status=204, headers={"Upload-Offset": str(upload.size()), "Upload-Complete": "?0"}
                )
            content = upload.whole()
        except UploadRefused as refused:
            held = self._uploads.size(file_id) or 0
            return problem(refused.status, refused.kind, str(refused), Upload_Offset=str(held))
        receive = self._bank.receive
        done = await asyncio.to_thread(receive, content, name=name, file_id=file_id, transport="https")
        upload.forget()
        return _receipt(done)

    async def _append(self, request: web.Request, upload: Upload, name: str) -> None:
        """Store the piece as it arrives, so that a broken connection leaves what came before it."""
        names = (name, request.match_info["file_id"])
        limit = self._bank.drops_at(*names)
        async for data in request.content.iter_any():
            if upload.size() + len(data) > self._bank.config.max_file_bytes:
                raise UploadRefused(413, "too-large", "the file is too large")
            room = len(data) if limit is None else max(0, limit - upload.size())
            upload.append(data[:room])
            if room < len(data):
                self._bank.misbehaviour(Misbehaviour.DROPPED, *names)
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError("connection dropped")

    async def status(self, request: web.Request) -> web.StreamResponse:
        """What became of a file."""
        file_id = request.match_info["file_id"]
        received = self._bank.find(file_id)
        if received is not None:
            state, reason = received.status, received.reason
        elif _FILE_ID.fullmatch(file_id) and self._uploads.size(file_id) is not None:
            state, reason = "receiving", None
        else:
            return problem(404, "file-unknown", f"no file {file_id} was received")
        return web.json_response({"file_id": file_id, "status": state, "reason": reason})

    async def answers(self, request: web.Request) -> web.StreamResponse:
        """Answers beyond a cursor; a look is a poll."""
        after = request.query.get("after") or "0"
        if not re.fullmatch(r"\d{1,18}", after, re.ASCII):
            return problem(400, "cursor-invalid", "the cursor is not one that was given")
        found = await asyncio.to_thread(self._bank.look, int(after))
        listed = [
            {
                "id": str(a.cursor),
                "name": a.name,
                "size": a.size,
                "sha256": a.sha256,
                "cursor": str(a.cursor),
            }
            for a in found
        ]
        return web.json_response(
            {"answers": listed, "cursor": listed[-1]["cursor"] if listed else after}
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The bytes of an answer."""
        wanted = request.match_info["id"]
        found = next((a for a in self._bank.answers() if str(a.cursor) == wanted), None)
        if found is None:
            return problem(404, "answer-unknown", "there is no such answer")
        return web.Response(body=await asyncio.to_thread(self._bank.content, found))

    async def balance(self, request: web.Request) -> web.StreamResponse:
        """The balance of an account now."""
        kept = self._bank.config.kept(request.match_info["account"])
        if kept is None:
            return problem(404, "account-unknown", "the bank does not keep this account")
        balance = await asyncio.to_thread(self._bank.balance, kept.account)
        return web.json_response(
            {
                "account": kept.account,
                "currency": kept.currency,
                "amount_minor": balance,
                "as_of": self._bank.now().isoformat(timespec="seconds"),
            }
        )

    async def statement(self, request: web.Request) -> web.StreamResponse:
        """The statement of an account and date."""
        try:
            day = date.fromisoformat(request.query.get("date", ""))
            kind, content = await asyncio.to_thread(
                self._bank.statement, request.match_info["account"], day
            )
        except ValueError:
            return problem(400, "date-invalid", "date is written YYYY-MM-DD")
        except KeyError:
            return problem(404, "account-unknown", "the bank does not keep this account")
        written_as = "text/plain" if kind == "MT940" else "application/xml"
        return web.Response(body=content, content_type=written_as)

    async def recall(self, request: web.Request) -> web.StreamResponse:
        """A camt.056; it is answered among the answers."""
        content = await request.read()
        sha256 = hashlib.sha256(content).hexdigest()
        file_id = f"recall-{sha256[:16]}"
        received = self._bank.find(file_id)
        if received is None:
            receive = self._bank.receive
            received = await asyncio.to_thread(
                receive, content, name=f"{file_id}.xml", file_id=file_id, transport="https"
            )
        return _receipt(received, status=202)


def _complete_headers(received: Received) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(received.sha256)).decode()
    return {
        "Upload-Offset": str(received.size),
        "Upload-Complete": "?1",
        "Repr-Digest": f"sha-256=:{digest}:",
    }


def _receipt(received: Received, *, status: int = 201) -> web.Response:
    body = {
        "file_id": received.file_id,
        "received_at": received.received_at,
        "sha256": received.sha256,
    }
    return web.Response(
        body=json.dumps(body).encode(),
        status=status,
        content_type="application/json",
        headers=_complete_headers(received),
    )
