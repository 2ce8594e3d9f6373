# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock tshark and openssl, which the checks of samples go by."""
import os
import subprocess
import tempfile


def tshark(capture, display_filter, *fields):
    """Rows of fields, by a tshark that knows neither plugins nor settings."""
    with tempfile.TemporaryDirectory() as home:
        command = ["tshark", "-r", str(capture), "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", display_filter,
                   "-T", "fields"]
        for field in fields:
            command += ["-e", field]
        environment = {"HOME": home, "PATH": os.environ["PATH"], "TZ": "UTC", "WIRESHARK_PLUGIN_DIR": home}
        text = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return [row.split("\t") for row in text.splitlines()]


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True)
