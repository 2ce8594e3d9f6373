#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What NDES runs to ask its policy module: as little as possible, because NDES waits for it and so does a device.

usage: ask.py SOCKET verify|issue|notify     with SCEP_… in the environment; 0 is consent
"""
import json
import os
import socket
import sys

NAMES = ("transaction_id", "challenge", "pkcs10", "certificate")
application = {name: os.environ.get("SCEP_" + name.upper(), "") for name in NAMES}
with socket.socket(socket.AF_UNIX) as module:
    module.connect(sys.argv[1])
    module.sendall(json.dumps({"what": sys.argv[2], **application}).encode() + b"\n")
    sys.exit(module.recv(16) != b"yes")
