"""Verifies deliveries with the Python library of Standard Webhooks.

Reads JSON lines {secret, headers, body} and answers each with a line: ok or failed. The library
knows v1 alone; with a public key (whpk_) it is v1a that is verified, as the specification says.
"""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook


def verify_asymmetric(public, body, headers):
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.{body}'.encode()
    for versioned in headers["webhook-signature"].split(" "):
        version, signature = versioned.split(",")
        if version != "v1a":
            continue
        try:
            key.verify(base64.b64decode(signature), signed)
            return
        except InvalidSignature:
            pass
    raise ValueError("no matching signature")


for line in sys.stdin:
    delivery = json.loads(line)
    secret, body, headers = delivery["secret"], delivery["body"], delivery["headers"]
    try:
        if secret.startswith("whpk_"):
            verify_asymmetric(secret.removeprefix("whpk_"), body, headers)
        else:
            Webhook(secret).verify(body, headers)
        print("ok")
    except Exception as error:  # Whatever it is, the delivery was not accepted.
        print(f"failed: {type(error).__name__}: {error}")
