# SPDX-License-Identifier: GPL-2.0-or-later
"""The private keys that come with a sample, for openssl and as preferences of the plugin."""


def files(sample):
    """recipient.key opens the requests' envelopes, device.key (and those of further devices) those of the CertReps."""
    return sorted((sample / "truth").glob("recipient.key")) + sorted((sample / "truth").glob("device*.key"))


def preferences(run, sample):
    """The first key by the single preference, the others by the table."""
    paths = [run.readable(path) for path in files(sample)]
    return [("scep.private_key", str(path)) for path in paths[:1]] + \
           [("uat:scep_private_keys", f'"{path}",""') for path in paths[1:]]
