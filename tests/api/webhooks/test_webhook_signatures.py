"""Signatures, verified by the specification's own library."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from api.webhooks.signatures import new_secret, signature, signed_headers


def test_a_signature_is_that_of_the_published_example() -> None:
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1_614_265_330,
        body=b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.integers(1, 4))
def test_any_of_the_secrets_verifies_any_body(content: dict[str, object], number: int) -> None:
    secrets = [new_secret() for _ in range(number)]
    body = json.dumps(content, ensure_ascii=True).encode()
    headers = signed_headers(secrets, message_id="evt_1", at=datetime.now(UTC), body=body)
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == content
    for stranger, changed in ((new_secret(), body), (secrets[0], body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(stranger).verify(changed, headers)


def test_a_secret_has_the_length_that_the_specification_asks_for() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert secret != new_secret()
    assert len(secret) == len("whsec_") + 44
