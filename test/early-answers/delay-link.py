"""Two network interfaces with a delay between them, for kernels without netem.

delay-link.py NAME OTHER MILLISECONDS: makes both, prints a line, and forwards every packet after the delay until its
standard input ends.
"""

import fcntl
import os
import selectors
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000


def interface(name):
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return file


one, other = interface(sys.argv[1]), interface(sys.argv[2])
delay = float(sys.argv[3]) / 1000
peer = {one: other, other: one}
late = deque()
selector = selectors.DefaultSelector()
for file in (one, other, sys.stdin.fileno()):
    selector.register(file, selectors.EVENT_READ)
print("ready", flush=True)

while True:
    wait = max(0, late[0][0] - time.monotonic()) if late else None
    for key, _ in selector.select(wait):
        if key.fd == sys.stdin.fileno():
            sys.exit()
        due = time.monotonic() + delay
        try:
            for _ in range(64):
                late.append((due, peer[key.fd], os.read(key.fd, 65536)))
        except BlockingIOError:
            pass
        except OSError:
            # The interface has gone with its namespace.
            sys.exit()
    now = time.monotonic()
    while late and late[0][0] <= now:
        _, file, packet = late.popleft()
        try:
            os.write(file, packet)
        except OSError:
            # The interface is not up yet, or the packet is lost: TCP sends it again.
            pass
