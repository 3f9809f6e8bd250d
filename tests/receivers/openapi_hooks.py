"""What JSON Schema cannot say about our parameters, for schemathesis."""

import itertools
import re
from datetime import datetime, timedelta, timezone

import schemathesis
import urllib3.util.connection as sockets
from hypothesis import strategies as st

# Opaque texts that only the server makes: the empty one stands for the first page.
schemathesis.openapi.format("cursor", st.just(""))
schemathesis.openapi.format("scim-cursor", st.just(""))

# Languages of their own.
schemathesis.openapi.format(
    "scim-filter",
    st.sampled_from(
        [
            'displayName sw "a"',
            'id eq "x" or not (displayName pr)',
            'meta.created gt "2020-01-01T00:00:00Z" and displayName co "e"',
        ]
    ),
)
schemathesis.openapi.format(
    "scim-attribute", st.sampled_from(["displayName", "id", "meta.created", "DISPLAYNAME"])
)
schemathesis.openapi.format(
    "event-source", st.sampled_from(["/a", "https://roster.example.com", "urn:a:b"])
)

# Reports and answers about access refuse times in the future.
EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)
schemathesis.openapi.format(
    "date-time",
    st.integers(0, 10**8).map(lambda n: (EPOCH + timedelta(seconds=n)).isoformat()),
)

# Clients with wrong tokens are slowed down by their address, so each connection comes from another
# address of this machine.
addresses = itertools.count(1)
create_connection = sockets.create_connection


def from_another_address(address, *args, **options):
    n = next(addresses)
    options["source_address"] = (f"127.{n >> 16 & 127}.{n >> 8 & 255}.{n & 255}", 0)
    return create_connection(address, *args, **options)


sockets.create_connection = from_another_address


@schemathesis.hook
def before_call(context, case, kwargs):
    """A test does not wait for events that never come."""
    if isinstance(case.query, dict) and re.fullmatch("[0-9]+s?", str(case.query.get("wait", ""))):
        case.query["wait"] = "0s"


def whole(value, default):
    """Returns a number, or the default if it is not one."""
    try:
        return int(str(value))
    except ValueError:
        return default


def conflicts(path, sent):
    """Returns parameters that may not be sent beside the others: OpenAPI has no words for that."""
    found = [name for name in ("after", "since", "from") if name in sent][1:]
    if path != "/events":
        found = []
    if "source" in sent and sent.get("format") != "cloudevents":
        found.append("source")
    of_now = {"raw", "deleted", "filter[updated_after]", "updated_after"}
    if path.startswith("/unified") and "as_of" in sent and of_now & sent.keys():
        found.append("as_of")
    if sent.get("attributes") and sent.get("excludedAttributes"):
        found.append("attributes")
    if sent.get("cursor") is not None and not 1 <= whole(sent.get("count", 1), 1) <= 500:
        found.append("cursor")
    if path == "/reports/changes" and "as_of" in sent and sent.get("from") == sent["as_of"]:
        found.append("as_of")
    return found


@schemathesis.hook
def before_add_examples(context, examples):
    """The examples of all parameters are sent together."""
    for case in examples:
        for name in conflicts(case.path, case.query or {}):
            del case.query[name]


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what may not be sent together, and what disappears when it is sent."""
    query = case.query if isinstance(case.query, dict) else {}
    body = case.body if isinstance(case.body, dict) else {}
    if any(value == [] or value == {} for value in query.values()):
        return False
    return not conflicts(case.path, query) and not conflicts(case.path, body)


@schemathesis.hook
def map_case(context, case):
    """A report of changes ends after it has begun."""
    query = case.query if isinstance(case.query, dict) else {}
    if case.path == "/reports/changes" and {"from", "as_of"} <= query.keys():
        query["from"], query["as_of"] = sorted([query["from"], query["as_of"]], key=str)
    return case
