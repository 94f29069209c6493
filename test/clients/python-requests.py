"""Runs snippets of Python that send one request each.

Each line that comes in is a JSON object with the snippet as "code" and with the names that it uses; the snippet leaves
its response in r. Each line that goes out is the JSON of that answer, or of an error.
"""

import json
import sys
import textwrap
import traceback

import requests

for line in sys.stdin:
    job = json.loads(line)
    scope = {"requests": requests, "json": json, **job}
    try:
        exec(textwrap.dedent(job["code"]), scope)
        r = scope["r"]
        result = {"status": r.status_code, "type": r.headers["content-type"], "body": r.json()}
    except Exception:
        result = {"error": traceback.format_exc()}
    print(json.dumps(result), flush=True)
