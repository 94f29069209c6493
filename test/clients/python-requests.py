"""Runs snippets of Python that send one request each.

Each input line is a JSON object with the snippet as "code" and with the names that it uses. The snippet leaves its
response in r. Each output line is the answer as JSON, or an error.
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
