"""A bank over HTTPS: TLS 1.3 with certificates on both sides, OAuth 2, uploads that resume.

Belongs here: the session (aiohttp) and its errors in the words of `bank.py`. Uploads follow the IETF
draft of resumable uploads: `Upload-Offset`, `Upload-Complete`, and `Repr-Digest` (RFC 9530) over the
whole file, by which the bank knows a file that it has.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from pipelines.settlement.banks.bank import (
    Answer,
    BankBalance,
    BankUnproven,
    BankUnreachable,
    CredentialsRefused,
    FileDiffers,
    FileNotTaken,
    NotOffered,
    OutgoingFile,
    Receipt,
)
from pipelines.settlement.banks.connection import Connection, Https

_PIECE = 256 * 1024
_ANSWER_BYTES = 64 << 20
"""Largest answer that is taken."""
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)


class HttpsBank:
    """A session with a bank over HTTPS (`bank.Bank`)."""

    def __init__(self, connection: Connection, transport: Https, *, secrets: Mapping[str, str]) -> None:
        self.bank_id = connection.bank_id
        self._at = transport
        self._secret = secrets.get(transport.client_secret, "")
        self._open = AsyncExitStack()
        self._http: aiohttp.ClientSession
        self._token = ""

    async def __aenter__(self) -> "HttpsBank":
        """Prepare the connection and get a token."""
        try:
            context = ssl.create_default_context(cafile=self._at.authority)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(self._at.client_certificate)
        except (OSError, ssl.SSLError) as error:
            raise CredentialsRefused(
                self.bank_id, f"our certificates cannot be read: {error}"
            ) from error
        connector = aiohttp.TCPConnector(ssl=context, limit=4)
        session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, raise_for_status=False)
        self._http = await self._open.enter_async_context(session)
        try:
            await self._authorise()
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close the session."""
        await self._open.aclose()

    async def submit(
        self, file: OutgoingFile, *, uploaded: bool, on_uploaded: Callable[[], None]
    ) -> Receipt:
        """Ask what the bank has, then send the rest in one request."""
        digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        headers = {"Repr-Digest": f"sha-256=:{digest}:"}
        path = f"/v1/files/{quote(file.file_id, safe='')}"
        async with self._request("HEAD", path, expected=(200, 404)) as held:
            offset = int(held.headers.get("Upload-Offset", 0)) if held.status == HTTPStatus.OK else 0
            if held.headers.get("Upload-Complete") == "?1":
                if held.headers.get("Repr-Digest") != headers["Repr-Digest"]:
                    raise FileDiffers(self.bank_id, f"file {file.file_id} has another content there")
                return Receipt(file.file_id, file.sha256, resumed_at=file.size, known=True)
        headers |= {"Upload-Offset": str(offset), "Upload-Complete": "?1"}
        name = {"name": file.name}
        async with self._request(
            "PATCH",
            path,
            expected=(201,),
            params=name,
            headers=headers,
            data=lambda: _rest(file.path, offset),
        ):
            on_uploaded()
        return Receipt(file.file_id, file.sha256, resumed_at=offset, known=False)

    async def status(self, file: OutgoingFile) -> str | None:
        """What the bank says of the file."""
        path = f"/v1/files/{quote(file.file_id, safe='')}/status"
        async with self._request("GET", path, expected=(200, 404)) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            status = str((await answer.json())["status"])
            return None if status == "receiving" else status

    async def answers(self, *, after: str | None) -> AsyncIterator[Answer]:
        """Those beyond the cursor."""
        async with self._request("GET", "/v1/answers", params={"after": after or ""}) as listed:
            found: list[dict[str, Any]] = (await listed.json())["answers"]
        for one in found:
            if int(one["size"]) > _ANSWER_BYTES:
                raise FileNotTaken(
                    self.bank_id, f"answer {one['name']} has more than {_ANSWER_BYTES} bytes"
                )
            async with self._request("GET", f"/v1/answers/{quote(one['id'], safe='')}") as answer:
                yield Answer(one["name"], one["cursor"], await answer.read())

    async def taken(self, answer: Answer) -> None:
        """The cursor says so with the next question."""

    async def statement(self, account: str, *, on: date) -> bytes:
        """The bank writes it when asked."""
        path = f"/v1/accounts/{quote(account, safe='')}/statement"
        async with self._request("GET", path, expected=(200, 404), params={"date": str(on)}) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                raise NotOffered(self.bank_id, f"there is no statement of {account} on {on}")
            return await answer.read()

    async def balance(self, account: str) -> BankBalance:
        """The balance now."""
        path = f"/v1/accounts/{quote(account, safe='')}/balance"
        async with self._request("GET", path, expected=(200, 404)) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                raise NotOffered(self.bank_id, f"it keeps no account {account}")
            said = await answer.json()
        as_of = datetime.fromisoformat(said["as_of"])
        return BankBalance(said["account"], said["currency"], int(said["amount_minor"]), as_of)

    async def recall(self, name: str, content: bytes) -> Receipt:
        """A camt.056."""
        async with self._request("POST", "/v1/recalls", expected=(202,), data=lambda: content) as answer:
            said = await answer.json()
        return Receipt(said["file_id"], said["sha256"], resumed_at=0, known=False)

    async def _authorise(self) -> None:
        """A token by client credentials (RFC 6749, 4.4)."""
        basic = {"Authorization": aiohttp.encode_basic_auth(self._at.client_id, self._secret)}
        grant = {"grant_type": "client_credentials"}
        with self._told():
            async with self._http.post(
                f"{self._at.url}/oauth2/token", data=grant, headers=basic
            ) as answer:
                if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
                    raise CredentialsRefused(self.bank_id, "it does not accept our client credentials")
                await self._must_be(answer, (200,))
                self._token = str((await answer.json())["access_token"])

    def _request(
        self,
        method: str,
        path: str,
        *,
        expected: tuple[int, ...] = (200,),
        data: Callable[[], Any] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> "_Answered":
        """A request with a token; a new one is got once when it has run out."""

        async def send() -> aiohttp.ClientResponse:
            said = {"Authorization": f"Bearer {self._token}", **(headers or {})}
            return await self._http.request(
                method,
                f"{self._at.url}{path}",
                data=data() if data else None,
                headers=said,
                params=params,
            )

        async def answered() -> aiohttp.ClientResponse:
            with self._told():
                answer = await send()
                if answer.status == HTTPStatus.UNAUTHORIZED:
                    answer.release()
                    await self._authorise()
                    answer = await send()
                await self._must_be(answer, expected)
                return answer

        return _Answered(answered, self._told)

    async def _must_be(self, answer: aiohttp.ClientResponse, expected: tuple[int, ...]) -> None:
        """Raise what an unexpected status means."""
        if answer.status in expected:
            return
        said = (await answer.content.read(500)).decode(errors="replace")
        answer.release()
        sentence = f"{answer.method} {answer.url.path}: {answer.status} {said}".strip()
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise CredentialsRefused(self.bank_id, sentence)
        if answer.status == HTTPStatus.CONFLICT and "content-differs" in said:
            raise FileDiffers(self.bank_id, sentence)
        server = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if server or answer.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT):
            wait = answer.headers.get("Retry-After", "0")
            raise BankUnreachable(
                self.bank_id, sentence, retry_after_s=int(wait) if wait.isdecimal() else 0
            )
        raise FileNotTaken(self.bank_id, sentence)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """aiohttp's errors in the words of `bank.py`."""
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as error:
            raise BankUnproven(self.bank_id, f"its certificate is not trusted: {error}") from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise CredentialsRefused(
                self.bank_id, f"TLS with our certificate failed: {error}"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BankUnreachable(self.bank_id, str(error) or type(error).__name__) from error


class _Answered:
    """A request as a context: its answer, released afterwards; reading it is told like asking."""

    def __init__(self, answered: Callable[[], Any], told: Callable[[], Any]) -> None:
        self._answered, self._told = answered, told
        self._answer: aiohttp.ClientResponse

    async def __aenter__(self) -> aiohttp.ClientResponse:
        self._answer = await self._answered()
        return self._answer

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._answer.release()
        if isinstance(error, aiohttp.ClientError | TimeoutError):
            with self._told():
                raise error


async def _rest(path: Path, offset: int) -> AsyncIterator[bytes]:
    with path.open("rb") as source:
        source.seek(offset)
        while piece := await asyncio.to_thread(source.read, _PIECE):
            yield piece
