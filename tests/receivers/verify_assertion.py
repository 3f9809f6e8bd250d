"""Verifies client assertions with PyJWT.

Reads JSON lines {jwk, assertion, audience, client} and answers each with a line: ok or failed.
"""

import json
import sys

import jwt

for line in sys.stdin:
    given = json.loads(line)
    try:
        key = jwt.PyJWK(given["jwk"])
        token = given["assertion"]
        header = jwt.get_unverified_header(token)
        assert header["kid"] == given["jwk"]["kid"], header
        claims = jwt.decode(
            token,
            key,
            algorithms=[given["jwk"]["alg"]],
            audience=given["audience"],
            issuer=given["client"],
            options={"require": ["iss", "sub", "aud", "jti", "iat", "exp"]},
        )
        assert claims["sub"] == given["client"], claims
        assert claims["exp"] - claims["iat"] <= 300, claims
        print("ok")
    except Exception as error:  # Whatever it is, the assertion was not accepted.
        print(f"failed: {type(error).__name__}: {error}")
