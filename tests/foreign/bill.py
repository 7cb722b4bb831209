"""Looks at bills as cyclonedx-python-lib does: bill.py FILE... says what is wrong with the first that is wrong, and exits with 1."""

import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.V1_6)
for place in sys.argv[1:]:
    with open(place, encoding="utf-8") as file:
        text = file.read()
    if error := validator.validate_str(text):
        sys.exit(f"{place}: {error!r}")
    bill = Bom.from_json(json.loads(text))
    print(bill.metadata.component.name, len(bill.components))
