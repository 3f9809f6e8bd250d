"""Reads deliveries with the Python SDK of CloudEvents.

Reads JSON lines {headers, body} and answers each with a line: a list of {attributes, data}, in
JSON, or failed.
"""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat


def read(headers, body):
    if headers["content-type"].startswith("application/cloudevents-batch+json"):
        # The SDK has no batches: each event is read as if it had come alone.
        single = {"content-type": "application/cloudevents+json"}
        bodies = [json.dumps(event).encode() for event in json.loads(body)]
        return [from_http(HTTPMessage(single, one), JSONFormat()) for one in bodies]
    return [from_http(HTTPMessage(headers, body.encode()), JSONFormat())]


for line in sys.stdin:
    delivery = json.loads(line)
    try:
        events = read(delivery["headers"], delivery["body"])
        shown = [
            {"attributes": event.get_attributes(), "data": event.get_data()} for event in events
        ]
        print(json.dumps(shown, default=lambda value: value.isoformat()))
    except Exception as error:  # Whatever it is, the delivery was not accepted.
        print(f"failed: {type(error).__name__}: {error}")
