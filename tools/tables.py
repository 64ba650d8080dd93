"""Prints the tables of template.yaml, alone, as a template that CloudFormation can import tables by:

    tables.py > tables.json

docs/operations.md says when that is needed.
"""

import json
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

template = yaml_parse((Path(__file__).resolve().parent.parent / "template.yaml").read_text())
tables = {n: r for n, r in template["Resources"].items() if r["Type"] == "AWS::DynamoDB::Table"}
# What the tables mention, and what that mentions.
mentioned = json.dumps(tables)
conditions = {n: c for n, c in template["Conditions"].items() if f'"{n}"' in mentioned}
mentioned += json.dumps(conditions)
parameters = {n: p for n, p in template["Parameters"].items() if f'"Ref": "{n}"' in mentioned}
print(json.dumps({"Parameters": parameters, "Conditions": conditions, "Resources": tables}, indent=2))
