"""Tries everything that the OpenAPI document of a server says, with schemathesis.

Arguments: the base address, a token, and a list of ids that exist, as JSON. Prints what schemathesis
says, and ends with its exit code.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

base, token, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])

CONFIG = f"""
seed = 14
continue-on-failure = true
base-url = {json.dumps(base)}
request-timeout = 10.0
headers = {{ Authorization = {json.dumps("Bearer " + token)}, Connection = "close" }}

[cache]
enabled = false

[output.truncation]
max-payload-size = 2000

[generation]
max-examples = 10
database = "none"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409"]

[dictionaries.ids]
values = {json.dumps(ids)}

[dictionaries.tenants]
values = ["acme", "*", "nobody"]

[parameters]
"path.id" = {{ dictionary = "ids", probability = 0.7 }}
"path.tenant" = {{ dictionary = "tenants", probability = 0.7 }}
"header.x-account-id" = {{ dictionary = "tenants", probability = 0.7 }}

# What StackOne's clients send to change something is answered with 501, as their API answers what
# a source does not offer.
[[operations]]
include-path-regex = "^/(unified|accounts)"
[operations.phases.coverage]
unexpected-methods = ["OPTIONS", "TRACE"]

# A position of another store is gone.
[[operations]]
include-path = "/events"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410"]
[operations.checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "410"]

# Other versions than those that the client names are the point of a condition.
[[operations]]
include-path-regex = "^/scim/v2/.*id}}$"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "412"]
[operations.checks.negative_data_rejection]
expected-statuses = ["304", "400", "401", "403", "404", "412"]
"""

with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "schemathesis.toml"
    config.write_text(CONFIG)
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": here, "SCHEMATHESIS_HOOKS": "openapi_hooks"}
    run = "from schemathesis.cli import schemathesis; schemathesis()"
    command = [sys.executable, "-c", run, "--config-file", str(config), "run"]
    command += [f"{base}/openapi.json", "--no-color"]
    sys.exit(subprocess.run(command, cwd=folder, env=environment).returncode)
