"""Prints YAML as JSON, for tests that look into it.

`objects.py yaml FILE...` prints the list of all documents. `objects.py chart FOLDER VALUES` renders
a chart with Helm's own engine and prints what `helm lint` finds, the manifests as one text, and the
documents in them; or `refused`, if Helm refuses the values. `objects.py bill FILE` fails if a bill
of materials is not valid CycloneDX.
"""

import json
import pathlib
import sys

import yaml


def documents(text):
    """Returns the documents in a text, without empty ones."""
    return [one for one in yaml.safe_load_all(text) if one is not None]


def chart(folder, values):
    """Renders and lints a chart."""
    from helm_python.chart import Chart, lint
    from helm_python.errors import HelmValuesError

    messages = lint(folder, values, strict=True)["messages"]
    with Chart.load(folder) as loaded:
        try:
            loaded.validate_schema(values)
            rendered = loaded.render(values, name="demo", namespace="roster")
        except HelmValuesError as error:
            return {"refused": str(error)}
    manifests = [text for path, text in sorted(rendered.items()) if path.endswith(".yaml")]
    text = "\n---\n".join(text for text in manifests if text.strip())
    # 1 is for information, such as that a chart could have an icon.
    found = [message for message in messages if message["severity"] > 1]
    return {"lint": found, "text": text, "objects": documents(text)}


def bill(name):
    """Returns what is wrong with a bill of materials; None if it is valid."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_5).validate_str(pathlib.Path(name).read_text())


command, *arguments = sys.argv[1:]
if command == "yaml":
    texts = [pathlib.Path(name).read_text() for name in arguments]
    print(json.dumps([one for text in texts for one in documents(text)]))
elif command == "chart":
    print(json.dumps(chart(arguments[0], json.loads(arguments[1]))))
elif command == "bill":
    sys.exit(bill(arguments[0]))
else:
    sys.exit(f"unknown command: {command}")
