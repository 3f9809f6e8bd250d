"""Reads a server over SCIM with the client and the checks of python-scim.

Arguments: the base address and a token. Prints what was found, and the checks that failed, as JSON.
"""

import json
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import SearchRequest
from scim2_tester import Status, check_server

PAGE = 7

base, token = sys.argv[1], sys.argv[2]


def connect():
    """Returns a client."""
    return SyncSCIMClient(Client(base_url=base, headers={"Authorization": f"Bearer {token}"}))


def all_of(client, model):
    """Returns the ids of all resources of a type, read by number and by cursor."""
    by_number, start, total = [], 1, 1
    while start <= total:
        page = client.query(model, query_parameters=SearchRequest(start_index=start, count=PAGE))
        by_number += [resource.id for resource in page.resources]
        start, total = start + PAGE, page.total_results
    by_cursor, cursor = [], ""
    while cursor is not None:
        page = client.query(model, query_parameters=SearchRequest(cursor=cursor, count=PAGE))
        by_cursor += [resource.id for resource in page.resources]
        cursor = page.next_cursor
    assert by_number == by_cursor, (by_number, by_cursor)
    for id in by_number[:1]:
        assert client.query(model, id).id == id
    return by_number


client = connect()
client.discover()
names = ["User", "Group", "Role", "Entitlement"]
found = {name: all_of(client, client.get_resource_model(name)) for name in names}
results = check_server(connect(), include_tags={"discovery", "misc"})
fine = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE, Status.SKIPPED}
failed = [f"{it.title}: {it.reason}" for it in results if it.status not in fine]
done = sum(it.status == Status.SUCCESS for it in results)
print(json.dumps({"found": found, "failed": failed, "done": done}))
