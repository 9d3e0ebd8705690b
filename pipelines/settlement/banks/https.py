"""A bank over HTTPS: TLS 1.3 with certificates on both sides, OAuth 2, uploads that resume.

Belongs here: the session (aiohttp) and its errors in the words of `bank.py`. Uploads follow the IETF
draft of resumable uploads: `Upload-Offset`, `Upload-Complete`, and `Repr-Digest` (RFC 9530) over the
whole file, by which the bank knows a file that it has.
"""

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from pipelines.settlement.banks.bank import (
    Answer,
    AnswerNotTaken,
    BankBalance,
    BankError,
    BankNotUnderstood,
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
from pipelines.settlement.banks.https_messages import (
    AccountBalance,
    AnswerList,
    FileReceipt,
    FileStatus,
    NotUnderstood,
    Token,
    read_body,
    said,
)

_PIECE = 256 * 1024
_ANSWER_BYTES = 256 << 20
"""Largest answer that is taken, held in memory: some 200,000 entries; a larger one stays there."""
_READ_SECONDS = 60
_STALLED_SECONDS = 60.0
"""How long a bank may take for the next piece of an upload."""
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=_READ_SECONDS)


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
            offset = self._offset(held, file) if held.status == HTTPStatus.OK else 0
            if held.headers.get("Upload-Complete") == "?1":
                if held.headers.get("Repr-Digest") != headers["Repr-Digest"]:
                    raise FileDiffers(self.bank_id, f"file {file.file_id} has another content there")
                return Receipt(file.file_id, file.sha256, resumed_at=file.size, known=True)
        headers |= {"Upload-Offset": str(offset), "Upload-Complete": "?1"}
        name = {"name": file.name}
        with self._told():
            async with (
                asyncio.timeout(_STALLED_SECONDS) as patience,
                self._request(
                    "PATCH",
                    path,
                    expected=(201,),
                    params=name,
                    headers=headers,
                    data=lambda: _rest(file.path, offset, patience),
                ) as answer,
            ):
                receipt = await said(answer, FileReceipt)
        if receipt.sha256 != file.sha256:
            raise FileDiffers(self.bank_id, f"its receipt of {file.file_id} is for another content")
        on_uploaded()
        return Receipt(file.file_id, file.sha256, resumed_at=offset, known=False)

    def _offset(self, held: aiohttp.ClientResponse, file: OutgoingFile) -> int:
        """How much of a file the bank has."""
        offset = held.headers.get("Upload-Offset", "")
        if not (offset.isascii() and offset.isdecimal() and len(offset) < 19):
            raise BankNotUnderstood(self.bank_id, f"Upload-Offset of {file.file_id}: {offset[:40]!r}")
        return min(int(offset), file.size)

    async def status(self, file: OutgoingFile) -> str | None:
        """What the bank says of the file."""
        path = f"/v1/files/{quote(file.file_id, safe='')}/status"
        async with self._request("GET", path, expected=(200, 404)) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            status = (await said(answer, FileStatus)).status
            return None if status == "receiving" else status

    async def answers(self, *, after: str | None) -> AsyncIterator[Answer | BankError]:
        """Those beyond the cursor, up to one that cannot be taken: a cursor does not go back."""
        async with self._request("GET", "/v1/answers", params={"after": after or ""}) as listed:
            found = (await said(listed, AnswerList)).answers
        for one in found:
            if one.size > _ANSWER_BYTES:
                raise AnswerNotTaken(
                    self.bank_id, f"answer {one.name} has more than {_ANSWER_BYTES} bytes"
                )
            async with self._request("GET", f"/v1/answers/{quote(one.id, safe='')}") as answer:
                content = await read_body(answer, limit=one.size)
            if hashlib.sha256(content).hexdigest() != one.sha256:
                raise BankUnreachable(
                    self.bank_id, f"answer {one.name} came otherwise than it was listed"
                )
            yield Answer(one.name, one.cursor, content)

    async def taken(self, answer: Answer) -> None:
        """The cursor says so with the next question."""

    async def statement(self, account: str, *, on: date) -> bytes:
        """The bank writes it when asked."""
        path = f"/v1/accounts/{quote(account, safe='')}/statement"
        async with self._request("GET", path, expected=(200, 404), params={"date": str(on)}) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                raise NotOffered(self.bank_id, f"there is no statement of {account} on {on}")
            return await read_body(answer, limit=_ANSWER_BYTES)

    async def balance(self, account: str) -> BankBalance:
        """The balance now."""
        path = f"/v1/accounts/{quote(account, safe='')}/balance"
        async with self._request("GET", path, expected=(200, 404)) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                raise NotOffered(self.bank_id, f"it keeps no account {account}")
            found = await said(answer, AccountBalance)
        return BankBalance(found.account, found.currency, found.amount_minor, found.as_of)

    async def recall(self, name: str, content: bytes) -> Receipt:
        """A camt.056."""
        async with self._request("POST", "/v1/recalls", expected=(202,), data=lambda: content) as answer:
            receipt = await said(answer, FileReceipt)
        if receipt.sha256 != hashlib.sha256(content).hexdigest():
            raise FileDiffers(self.bank_id, f"its receipt of {name} is for another content")
        return Receipt(receipt.file_id, receipt.sha256, resumed_at=0, known=False)

    async def _authorise(self) -> None:
        """A token by client credentials (RFC 6749, 4.4)."""
        basic = {"Authorization": aiohttp.encode_basic_auth(self._at.client_id, self._secret)}
        grant = {"grant_type": "client_credentials"}
        with self._told():
            async with self._http.post(
                f"{self._at.url}/oauth2/token", data=grant, headers=basic, allow_redirects=False
            ) as answer:
                if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
                    raise CredentialsRefused(self.bank_id, "it does not accept our client credentials")
                await self._must_be(answer, (200,))
                self._token = (await said(answer, Token)).access_token

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
            authorised = {"Authorization": f"Bearer {self._token}", **(headers or {})}
            return await self._http.request(
                method,
                f"{self._at.url}{path}",
                data=data() if data else None,
                headers=authorised,
                params=params,
                allow_redirects=False,
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
        problem = (await answer.content.read(500)).decode(errors="replace")
        answer.release()
        sentence = f"{answer.method} {answer.url.path}: {answer.status} {problem}".strip()
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise CredentialsRefused(self.bank_id, sentence)
        if answer.status == HTTPStatus.CONFLICT and "content-differs" in problem:
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
        except NotUnderstood as error:
            raise BankNotUnderstood(self.bank_id, str(error)) from error
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
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError | NotUnderstood):
            with self._told():
                raise error


async def _rest(path: Path, offset: int, patience: asyncio.Timeout) -> AsyncIterator[bytes]:
    """A file from an octet on; each piece has its own time, and the answer its own after the last."""
    now = asyncio.get_running_loop().time
    with path.open("rb") as source:
        source.seek(offset)
        while piece := await asyncio.to_thread(source.read, _PIECE):
            patience.reschedule(now() + _STALLED_SECONDS)
            yield piece
    patience.reschedule(now() + _STALLED_SECONDS + _READ_SECONDS)
