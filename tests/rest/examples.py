"""Checks that every request and answer in JSON has an example, and that all examples fit their schemas."""

import json
import sys
import urllib.request

import jsonschema_rs

METHODS = ("get", "put", "post", "delete", "head")


def contents(operation):
    """All bodies of an operation: where, media type, what the document says of it."""
    body = operation.get("requestBody", {})
    for kind, content in body.get("content", {}).items():
        yield "request", kind, content
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            yield status, kind, content


def examples(content):
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example["value"]


def main(url):
    with urllib.request.urlopen(f"{url}/openapi.json") as answer:
        document = json.load(answer)
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema"})
    names, wrong, checked = set(), [], 0
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            name = operation["operationId"]
            if name in names:
                wrong.append(f"{method} {path}: the name {name} is another operation's too")
            names.add(name)
            for place, kind, content in contents(operation):
                if not kind.endswith("json"):
                    continue
                schema = {**content["schema"], "components": document["components"]}
                validator = jsonschema_rs.Draft202012Validator(schema)
                found = list(examples(content))
                if not found:
                    wrong.append(f"{method} {path}: no example for {place} {kind}")
                for example in found:
                    checked += 1
                    wrong += [f"{method} {path} {place}: {error}" for error in validator.iter_errors(example)]
    for line in wrong:
        print(line)
    print(f"{len(names)} operations, {checked} examples checked")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
