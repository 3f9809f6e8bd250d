"""Verifies deliveries with the Python library of Standard Webhooks.

Reads JSON lines {secret, headers, body} and answers each with a line: ok or failed.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook

for line in sys.stdin:
    delivery = json.loads(line)
    try:
        Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
        print("ok")
    except Exception as error:  # Whatever it is, the delivery was not accepted.
        print(f"failed: {type(error).__name__}: {error}")
