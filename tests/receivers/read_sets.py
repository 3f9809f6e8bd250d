"""Verifies Security Event Tokens with PyJWT.

Reads JSON lines {jwk, token, audience, issuer} and answers each with a line: the claims, in JSON,
or failed.
"""

import json
import sys

import jwt

for line in sys.stdin:
    given = json.loads(line)
    try:
        key = jwt.PyJWK(given["jwk"])
        header = jwt.get_unverified_header(given["token"])
        assert header["typ"] == "secevent+jwt", header
        assert header["kid"] == given["jwk"]["kid"], header
        claims = jwt.decode(
            given["token"],
            key,
            algorithms=[given["jwk"]["alg"]],
            audience=given["audience"],
            issuer=given["issuer"],
            options={"require": ["iss", "aud", "jti", "iat", "txn", "sub_id", "events"]},
        )
        assert "sub" not in claims and "exp" not in claims, claims
        print(json.dumps(claims))
    except Exception as error:  # Whatever it is, the token was not accepted.
        print(f"failed: {type(error).__name__}: {error}")
