"""The catalogue of problem codes: for each its status and a sentence; and which routes answer which.

Belongs here: what the documentation says about failures, and how the ledger's answers read over HTTP.
"""

from collections import defaultdict
from typing import Any, Final

from api.errors import PROBLEM, Refusal, problem_content
from ledger_service.ledger.results import AccountChangeResult, AccountResult, TransferResult

PROBLEM_SCHEMA: Final = "#/components/schemas/Problem"

COMMON: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "The request cannot be read."),
    "malformed_json": (400, "The body is not JSON."),
    "json_too_deep": (400, "The body is nested deeper than is taken."),
    "unauthenticated": (401, "No token, or one that is not valid any more."),
    "scope_missing": (403, "The token does not have the scope that the route asks for."),
    "participant_not_allowed": (403, "The token does not reach the books of this participant."),
    "invalid_request": (422, "Parameters or body are not as documented; `errors` names each field."),
    "rate_limited": (429, "Too many requests to this route; `Retry-After` says when to go on."),
    "internal_error": (500, "The request failed here."),
    "overloaded": (503, "More work than can be taken now; nothing was done. See `Retry-After`."),
    "ledger_unavailable": (503, "The ledger does not answer. Try again with the same key."),
    "timed_out": (504, "It took too long; the outcome is not known. Try again with the same key."),
}
"""Of every route."""

KEYED: Final[dict[str, tuple[int, str]]] = {
    "idempotency_key_missing": (400, "The route needs an `Idempotency-Key` header."),
    "idempotency_key_malformed": (400, "A key has 1 to 255 visible ASCII characters."),
    "idempotency_key_in_use": (409, "A request with this key is at work. Try again shortly."),
    "idempotency_key_reused": (422, "The key was used for another request."),
    "payload_too_large": (413, "The body is longer than is taken."),
}
"""Of every route with an idempotency key."""

_CONFLICT, _UNPROCESSABLE, _NOT_FOUND = 409, 422, 404

TRANSFER_CODES: Final[dict[TransferResult, tuple[int, str, str]]] = {
    TransferResult.EXCEEDS_CREDITS: (422, "insufficient_funds", "The debit account has not enough."),
    TransferResult.EXCEEDS_DEBITS: (422, "credit_limit_exceeded", "The credit account's limit."),
    TransferResult.DEBIT_ACCOUNT_NOT_FOUND: (
        422, "debit_account_not_found", "The book has no such account."),
    TransferResult.CREDIT_ACCOUNT_NOT_FOUND: (
        422, "credit_account_not_found", "The book has no such account."),
    TransferResult.ACCOUNTS_MUST_BE_DIFFERENT: (
        422, "accounts_must_be_different", "An account cannot pay itself."),
    TransferResult.ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY: (
        422, "currency_mismatch", "Both accounts and the amount have one currency."),
    TransferResult.AMOUNT_MUST_BE_POSITIVE: (422, "amount_must_be_positive", "Zero or negative."),
    TransferResult.DEBIT_ACCOUNT_CLOSED: (409, "debit_account_closed", "The account is closed."),
    TransferResult.CREDIT_ACCOUNT_CLOSED: (409, "credit_account_closed", "The account is closed."),
    TransferResult.DEBIT_ACCOUNT_FROZEN: (409, "debit_account_frozen", "Its debits are frozen."),
    TransferResult.CREDIT_ACCOUNT_FROZEN: (409, "credit_account_frozen", "Its credits are frozen."),
    TransferResult.LINKED_EVENT_FAILED: (
        422, "linked_transfer_failed", "Another transfer of the chain failed; nothing was booked."),
    TransferResult.PENDING_TRANSFER_NOT_FOUND: (404, "hold_not_found", "There is no such hold."),
    TransferResult.PENDING_TRANSFER_NOT_PENDING: (
        404, "hold_not_found", "The transfer of that id is not a hold."),
    TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT: (
        422, "exceeds_hold", "More than what is held."),
    TransferResult.PENDING_TRANSFER_ALREADY_POSTED: (
        409, "hold_already_captured", "The hold was captured before."),
    TransferResult.PENDING_TRANSFER_ALREADY_VOIDED: (
        409, "hold_already_voided", "The hold was voided before."),
    TransferResult.PENDING_TRANSFER_EXPIRED: (409, "hold_expired", "The hold has expired."),
    TransferResult.REVERSED_TRANSFER_NOT_FOUND: (
        404, "transfer_not_found", "There is no such transfer."),
    TransferResult.REVERSED_TRANSFER_NOT_POSTED: (
        409, "transfer_not_posted", "The transfer moved no money: a hold, a void or an expiry."),
    TransferResult.REVERSED_TRANSFER_IS_A_REVERSAL: (
        409, "transfer_is_a_reversal", "A reversal is corrected by a new transfer."),
    TransferResult.REVERSED_TRANSFER_ALREADY_REVERSED: (
        409, "transfer_already_reversed", "All of it has been returned."),
    TransferResult.EXCEEDS_REVERSED_TRANSFER_AMOUNT: (
        422, "exceeds_transfer", "More than what is left of the original."),
    TransferResult.ID_ARCHIVED: (422, "id_archived", "The id lies in an archived period."),
    TransferResult.TIMEOUT_OUT_OF_RANGE: (422, "timeout_out_of_range", "1 s to 2^32 - 1 s."),
}  # fmt: skip
"""How the ledger's refusals read: status, code, sentence. Those not named keep their code: `exists...`
is 409, the rest 422."""

ACCOUNT_CODES: Final[dict[str, tuple[int, str, str]]] = {
    AccountResult.EXTERNAL_REF_TAKEN: (409, "account_exists", "The reference is in use."),
    AccountResult.CURRENCY_UNKNOWN: (422, "currency_unknown", "ISO 4217 has no such currency now."),
    AccountResult.PARENT_ACCOUNT_NOT_FOUND: (422, "parent_account_not_found", "No such account."),
    AccountResult.PARENT_ACCOUNT_CLOSED: (409, "parent_account_closed", "Reopen it first."),
    AccountResult.PARENT_ACCOUNT_HAS_DIFFERENT_CURRENCY: (
        422, "parent_account_has_different_currency", "Balances roll up in one currency."),
    AccountChangeResult.REVISION_SUPERSEDED: (412, "precondition_failed", "Changed meanwhile."),
    AccountChangeResult.ACCOUNT_HAS_HOLDS: (409, "account_has_holds", "Capture or void them first."),
    AccountChangeResult.ACCOUNT_HAS_BALANCE: (409, "account_has_balance", "Move it before closing."),
    AccountChangeResult.ACCOUNT_HAS_OPEN_CHILDREN: (
        409, "account_has_open_children", "Close the accounts below it first."),
    AccountChangeResult.EXCEEDS_DEBIT_LIMIT: (
        409, "exceeds_debit_limit", "The balance is beyond the new limit already."),
    AccountChangeResult.EXCEEDS_CREDIT_LIMIT: (
        409, "exceeds_credit_limit", "The balance is beyond the new limit already."),
}  # fmt: skip
"""How refusals to open or change an account read."""


class LedgerRefused(Refusal):
    """The ledger refused; nothing was booked."""

    def __init__(self, result: str, *, pointer: str | None = None) -> None:
        self.result = result
        status, code, sentence = reading(result)
        super().__init__(sentence, status=status, code=code, pointer=pointer)


def reading(result: str) -> tuple[int, str, str]:
    """Status, code and sentence of a refusal of the ledger."""
    for member, read in TRANSFER_CODES.items():
        if result == member:
            return read
    if result in ACCOUNT_CODES:
        return ACCOUNT_CODES[result]
    status = _CONFLICT if result.startswith("exists") else _UNPROCESSABLE
    return status, str(result), str(result).replace("_", " ")


def responses(*codes: tuple[str, int, str], keyed: bool = False) -> dict[int | str, dict[str, Any]]:
    """The failures of a route for its documentation: every route's, and (code, status, sentence)."""
    by_status: dict[int, dict[str, str]] = defaultdict(dict)
    for code, (status, sentence) in (COMMON | (KEYED if keyed else {})).items():
        by_status[status][code] = sentence
    for code, status, sentence in codes:
        by_status[status][code] = sentence
    return {status: _documented(status, found) for status, found in sorted(by_status.items())}


def of_ledger(*results: str) -> tuple[tuple[str, int, str], ...]:
    """Refusals of the ledger as `responses` takes them."""
    read = (reading(result) for result in results)
    return tuple((code, status, sentence) for status, code, sentence in read)


def _documented(status: int, codes: dict[str, str]) -> dict[str, Any]:
    examples = {
        code: {
            "summary": sentence,
            "value": problem_content(status, code=code, detail=sentence, request_id="019ab0c1-7d6e"),
        }
        for code, sentence in codes.items()
    }
    return {
        "description": "; ".join(f"`{code}`: {sentence}" for code, sentence in codes.items()),
        "content": {PROBLEM: {"schema": {"$ref": PROBLEM_SCHEMA}, "examples": examples}},
        "headers": _RETRY if status in {429, 503} else {},
    }


_RETRY: Final = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
