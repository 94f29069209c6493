"""Uploads with python-requests.

Each input line is a job as JSON. Each output line is the answer, or the error that requests raised.
"""

import json
import sys

import requests

data = bytes(int(sys.argv[1]))
head = b'--X\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'


def pieces():
    yield head
    for at in range(0, len(data), 65536):
        yield data[at : at + 65536]
    yield b"\r\n--X--\r\n"


for line in sys.stdin:
    job = json.loads(line)
    try:
        if job["isChunked"]:
            headers = {"Content-Type": "multipart/form-data; boundary=X"}
            r = requests.post(job["url"], data=pieces(), headers=headers)
        else:
            r = requests.post(job["url"], files={"f": ("f", data)})
        outcome = {"status": r.status_code, "body": r.text}
    except requests.RequestException as error:
        outcome = {"error": str(error)}
    print(json.dumps(outcome), flush=True)
