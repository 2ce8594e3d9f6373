# SPDX-License-Identifier: GPL-2.0-or-later
"""What a SCEP message says (RFC 8894, CMS of RFC 5652), read with openssl's command line: the expected field values."""

import datetime
import functools
import ipaddress
import re
import subprocess
from collections import namedtuple

# One expected value and where it was read.
Fact = namedtuple("Fact", "field value road")

# A BER element as `openssl asn1parse` sees it. tag: its words ("SEQUENCE", "cont [ 0 ]"); text: what it printed
# after the tag; content: the octets inside, those of a constructed string joined; raw: the whole element.
Element = namedtuple("Element", "tag text content raw children")

SIGNED_DATA, ENVELOPED_DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.3"
SCEP_ATTRIBUTES = "2.16.840.1.113733.1.9."
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
EXTENSION_REQUESTS = ("1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14")
SUBJECT_ALT_NAME, USER_PRINCIPAL_NAME = "2.5.29.17", "1.3.6.1.4.1.311.20.2.3"
# CertPoll, GetCert and GetCRL hold no PKCS #10 (RFC 8894 3.3).
CERT_REP, OTHER_REQUESTS = 3, (20, 21, 22)

# RFC 8894 3.2.1 and the two attributes that NDES adds: attribute type, field, conversion of the value.
ATTRIBUTES = {
    SCEP_ATTRIBUTES + "2": ("scep.message_type", lambda value: int(string(value))),
    SCEP_ATTRIBUTES + "3": ("scep.pki_status", lambda value: int(string(value))),
    SCEP_ATTRIBUTES + "4": ("scep.fail_info", lambda value: int(string(value))),
    SCEP_ATTRIBUTES + "5": ("scep.sender_nonce", lambda value: value.content.hex()),
    SCEP_ATTRIBUTES + "6": ("scep.recipient_nonce", lambda value: value.content.hex()),
    SCEP_ATTRIBUTES + "7": ("scep.transaction_id", lambda value: string(value)),
    "1.3.6.1.5.5.7.24.1": ("scep.fail_info_text", lambda value: string(value)),
    "1.3.6.1.4.1.311.21.38": ("scep.server_message", lambda value: string(value)),
    # A signed number on the wire, an unsigned one wherever it is documented: -2147024809 is 0x80070057.
    "1.3.6.1.4.1.311.21.33": ("scep.hresult", lambda value: int(string(value)) & 0xFFFFFFFF),
}
DIGESTS = {"md5": "MD5", "sha1": "SHA-1", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384",
           "sha512": "SHA-512"}
# Names of attribute types that RFC 4514 leaves open, as the plugin's documentation spells them.
ATTRIBUTE_TYPES = {"emailAddress": "EMAIL", "street": "STREET"}


class NotSuch(Exception):
    """The octets are not what was looked for."""


@functools.lru_cache(maxsize=None)
def openssl(*arguments, data=b""):
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True)
    if done.returncode != 0:
        raise NotSuch(f"openssl {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


# --- BER ---

@functools.lru_cache(maxsize=None)
def parse(data):
    """The first BER element of some octets, as a tree."""
    line_form = re.compile(r"\s*(\d+):d=(\d+)\s+hl=(\d+)\s+l=\s*(\d+|inf)\s+(cons|prim):\s*([^:]*?)\s*(?::(.*))?")
    lines = []
    for line in openssl("asn1parse", "-inform", "DER", data=data).decode("latin-1").splitlines():
        match = line_form.fullmatch(line)
        if match:
            offset, depth, header, length, form, tag, text = match.groups()
            lines.append((int(offset), int(depth), int(header), length, form, tag.replace("[HEX DUMP]", "").strip(), text))
    if not lines:
        raise NotSuch("no ASN.1")
    return _element(data, lines, [0])[0]


def _element(data, lines, position):
    """The element on the line at position[0] (which moves on), and the offset behind it."""
    offset, depth, header, length, form, tag, text = lines[position[0]]
    position[0] += 1
    children, start = [], offset + header
    end = start if length == "inf" else start + int(length)
    inner_end = end
    while form == "cons" and position[0] < len(lines) and lines[position[0]][1] == depth + 1:
        if lines[position[0]][5] == "EOC":
            inner_end, end = lines[position[0]][0], lines[position[0]][0] + 2
            position[0] += 1
            break
        child, after = _element(data, lines, position)
        children.append(child)
        if length == "inf":
            inner_end = end = after
    content = data[start:inner_end]
    # A string may come in pieces (X.690 8.7.3); so may an implicitly tagged one, seen by its pieces.
    if form == "cons" and tag == "OCTET STRING":
        content = b"".join(child.content for child in children)
    return Element(tag, text, content, data[offset:end], children), end


def dotted(element):
    """The OBJECT IDENTIFIER in digits (X.690 8.19): openssl prints a name where it has one."""
    numbers, value = [], 0
    for octet in element.content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first] + numbers[1:]))


def string(element):
    encoding = {"BMPSTRING": "utf-16-be", "UNIVERSALSTRING": "utf-32-be", "T61STRING": "latin-1"}
    return element.content.decode(encoding.get(element.tag, "utf-8"))


def tlv(tag, *contents):
    """DER of one element."""
    body = b"".join(contents)
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (length if len(body) < 128 else bytes([0x80 | len(length)]) + length) + body


def sequence_of(data, message="a SEQUENCE"):
    element = parse(data)
    if element.tag != "SEQUENCE" or not element.children:
        raise NotSuch(f"not {message}")
    return element


def content_info(data, wanted):
    """The content of a ContentInfo (RFC 5652 section 3) of one type."""
    outer = sequence_of(data, "a ContentInfo").children
    if outer[0].tag != "OBJECT" or dotted(outer[0]) != wanted:
        raise NotSuch(f"not a ContentInfo of {wanted}")
    return outer[1].children[0]


# --- names, serial numbers, certificates ---

def distinguished_name(raw):
    """RFC 4514 string of a Name. openssl prints names of a whole object only: a revocation list is the smallest."""
    ecdsa = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    revocations = tlv(0x30, tlv(0x30, ecdsa, raw, tlv(0x17, b"260101000000Z")), ecdsa, tlv(0x03, b"\0"))
    line = openssl("crl", "-inform", "DER", "-noout", "-issuer", "-nameopt", "RFC2253,-esc_msb", data=revocations)
    return rfc4514(line.decode().rstrip("\n").partition("=")[2])


def rfc4514(name):
    """openssl's RFC 2253 string with RFC 4514's liberty about the names of attribute types taken the plugin's way."""
    for theirs, ours in ATTRIBUTE_TYPES.items():
        name = re.sub(rf"(^|(?<!\\)[,+]){theirs}=", rf"\g<1>{ours}=", name)
    return name


def magnitude(digits):
    """A serial number in whole octets, without the octet that only carries the sign."""
    number = int(digits, 16)
    return number.to_bytes(max(1, (abs(number).bit_length() + 7) // 8), "big").hex()


def certificate_facts(raw, road):
    """The scep.certificate fields of one certificate."""
    text = openssl("x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-serial", "-startdate", "-enddate",
                   "-fingerprint", "-sha1", "-nameopt", "RFC2253,-esc_msb", data=raw).decode()
    values = dict(line.partition("=")[::2] for line in text.splitlines())

    def date(words):
        moment = datetime.datetime.strptime(" ".join(words.split()), "%b %d %H:%M:%S %Y GMT")
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    road = f"openssl x509, {road}"
    return [Fact("scep.certificate.subject", rfc4514(values["subject"]), road),
            Fact("scep.certificate.issuer", rfc4514(values["issuer"]), road),
            Fact("scep.certificate.serial", magnitude(values["serial"]), road),
            Fact("scep.certificate.not_before", date(values["notBefore"]), road),
            Fact("scep.certificate.not_after", date(values["notAfter"]), road),
            Fact("scep.certificate.thumbprint",
                 next(value for key, value in values.items() if "ingerprint" in key).replace(":", "").lower(), road)]


# --- CMS ---

class SignedData:
    """RFC 5652 section 5."""

    def __init__(self, data):
        parts = content_info(data, SIGNED_DATA).children
        self.encapsulated = parts[2].children
        tagged = {part.tag: part for part in parts[3:-1]}
        self.certificates = [part.raw for part in tagged["cont [ 0 ]"].children] if "cont [ 0 ]" in tagged else []
        self.signers = [signer.children for signer in parts[-1].children]

    def content(self):
        """The octets that were signed; empty when there are none."""
        return self.encapsulated[1].children[0].content if len(self.encapsulated) > 1 else b""

    def attributes(self):
        """Signed attributes of the first signer: type, first value."""
        signed = next((part for part in self.signers[0] if part.tag == "cont [ 0 ]" and part.children), None)
        for attribute in signed.children if signed else []:
            if attribute.children[1].children:
                yield dotted(attribute.children[0]), attribute.children[1].children[0]

    def signer_certificate(self):
        issuer_and_serial = self.signers[0][1]
        for raw in self.certificates:
            fields = [part for part in parse(raw).children[0].children if part.tag != "cont [ 0 ]"]
            if issuer_and_serial.tag == "SEQUENCE" and [fields[2].raw, fields[0].raw] == \
                    [part.raw for part in issuer_and_serial.children]:
                return raw
        return None


def open_envelope(data, keys):
    """What an EnvelopedData hides, with the first key that opens it; None when none does."""
    for key in keys:
        try:
            # Single DES lives in the legacy provider.
            hidden = openssl("cms", "-decrypt", "-inform", "DER", "-inkey", str(key),
                             "-provider", "legacy", "-provider", "default", data=data)
            # A wrong key gives random octets (openssl hides whether the key fitted): these parse as nothing.
            if sequence_of(hidden).raw == hidden:
                return hidden
        except NotSuch:
            continue
    return None


def envelope_facts(data, keys, message_type, secrets, road):
    """The fields of a pkcsPKIEnvelope (RFC 8894 3.2) and of what is in it."""
    parts = content_info(data, ENVELOPED_DATA).children
    recipients = next(part for part in parts if part.tag == "SET").children
    encrypted = [part for part in parts if part.tag == "SEQUENCE"][-1].children
    facts = []
    if recipients and recipients[0].tag == "SEQUENCE":
        _, identifier, key_encryption, *_ = recipients[0].children
        if identifier.tag == "SEQUENCE":
            facts += [Fact("scep.recipient.issuer", distinguished_name(identifier.children[0].raw), road),
                      Fact("scep.recipient.serial", magnitude(identifier.children[1].content.hex()), road)]
        facts.append(Fact("scep.key_encryption", key_encryption.children[0].text, road))
    facts.append(Fact("scep.content_encryption", encrypted[1].children[0].text.upper(), road))
    hidden = open_envelope(data, keys)
    facts.append(Fact("scep.envelope_opened", hidden is not None, f"openssl cms -decrypt, {road}"))
    if hidden is None:
        return facts
    road = f"openssl cms -decrypt, {road}"
    if message_type == CERT_REP:
        for raw in SignedData(hidden).certificates:
            facts += certificate_facts(raw, road)
    elif message_type not in OTHER_REQUESTS:
        # PKCSReq and RenewalReq; what an unknown type holds shows itself.
        try:
            facts += request_facts(hidden, secrets, road)
        except NotSuch:
            pass
    return facts


def request_facts(data, secrets, road):
    """The fields of a PKCS#10 (RFC 2986)."""
    text = openssl("req", "-inform", "DER", "-noout", "-text", "-subject", "-nameopt", "RFC2253,-esc_msb",
                   data=data).decode()
    subject = [line for line in text.splitlines() if line.startswith("subject=")][-1].partition("=")[2]
    algorithm = re.search(r"Public Key Algorithm: (\S+)", text).group(1)
    bits = re.search(r"Public-Key: \((\d+) bit\)", text)
    names = {"rsaEncryption": "RSA", "id-ecPublicKey": "EC"}
    road = f"openssl req, {road}"
    facts = [Fact("scep.csr.subject", rfc4514(subject), road),
             Fact("scep.csr.key", f"{names.get(algorithm, algorithm)} {bits.group(1) if bits else ''}".strip(), road)]
    attributes = next((part.children for part in parse(data).children[0].children if part.tag == "cont [ 0 ]"), [])
    for attribute in attributes:
        kind, value = dotted(attribute.children[0]), attribute.children[1].children[0]
        if kind == CHALLENGE_PASSWORD:
            facts.append(Fact("scep.challenge_password", string(value) if secrets else "[hidden]", road))
        elif kind in EXTENSION_REQUESTS:
            for extension in value.children:
                if dotted(extension.children[0]) == SUBJECT_ALT_NAME:
                    facts += [Fact("scep.csr.san", name, road) for name in alternative_names(extension.children[-1].content)]
    return facts


def alternative_names(data):
    """GeneralNames (RFC 5280 4.2.1.6)."""
    for name in parse(data).children:
        if name.tag == "cont [ 1 ]":
            yield f"email:{name.content.decode()}"
        elif name.tag == "cont [ 2 ]":
            yield f"DNS:{name.content.decode()}"
        elif name.tag == "cont [ 6 ]":
            yield f"URI:{name.content.decode()}"
        elif name.tag == "cont [ 7 ]":
            yield f"IP:{ipaddress.ip_address(name.content)}"
        elif name.tag == "cont [ 0 ]" and dotted(name.children[0]) == USER_PRINCIPAL_NAME:
            yield f"UPN:{string(name.children[1].children[0])}"


# --- SCEP ---

def pki_message(data, keys=(), secrets=False, road="the message"):
    """The facts of a pkiMessage (RFC 8894 3.2)."""
    road = f"openssl asn1parse, {road}"
    signed = SignedData(data)
    _, signer, digest, *_ = signed.signers[0]
    facts, message_type = [], None
    for kind, value in signed.attributes():
        if kind in ATTRIBUTES:
            field, convert = ATTRIBUTES[kind]
            facts.append(Fact(field, convert(value), road))
            if field == "scep.message_type":
                message_type = facts[-1].value
    if signer.tag == "SEQUENCE":
        facts += [Fact("scep.signer.issuer", distinguished_name(signer.children[0].raw), road),
                  Fact("scep.signer.serial", magnitude(signer.children[1].content.hex()), road)]
    certificate = signed.signer_certificate()
    if certificate:
        facts.append(Fact("scep.signer.subject", certificate_facts(certificate, "")[0].value, f"openssl x509, {road}"))
    facts.append(Fact("scep.digest_algorithm", DIGESTS[digest.children[0].text], road))
    # PENDING and FAILURE have no content; NDES sends one octet of zero.
    if len(signed.content()) > 1:
        facts += envelope_facts(signed.content(), keys, message_type, secrets, road)
    return facts


def certificates(data):
    """The certificates of a GetCACert or GetNextCACert answer in its order: one in DER, or a certs-only message,
    for the next CA inside a signed one (RFC 8894 4.2.1, 4.7.1)."""
    try:
        signed = SignedData(data)
    except NotSuch:
        return [sequence_of(data, "a certificate").raw]
    return certificates(signed.content()) if len(signed.content()) > 1 else signed.certificates


def capabilities(data):
    """The keywords of a GetCACaps answer (RFC 8894 3.5.2)."""
    return [line.strip() for line in re.split(r"[\r\n]+", data.decode(errors="replace")) if line.strip()]


def outline(data):
    """Message type, status, and the algorithms of a message: enough to tell kinds of messages apart."""
    try:
        signed = SignedData(data)
    except NotSuch:
        return ()
    values = {ATTRIBUTES[kind][0]: string(value) for kind, value in signed.attributes()
              if ATTRIBUTES.get(kind, ("",))[0] in ("scep.message_type", "scep.pki_status")} if signed.signers else {}
    found = [values.get("scep.message_type"), values.get("scep.pki_status")]
    if signed.signers and len(signed.content()) > 1:
        found += re.findall(r":(rsaEncryption|rsaesOaep|\S+-cbc|sha\d+|md5)$",
                            openssl("asn1parse", "-inform", "DER", data=signed.content()).decode("latin-1"), re.MULTILINE)
    return tuple(found)


def body_facts(operation, data, keys, secrets, road):
    """The facts of a request's or a response's body; none when it is no SCEP."""
    try:
        if operation == "GetCACaps":
            return [Fact("scep.capability", word, road) for word in capabilities(data)]
        if operation in ("GetCACert", "GetNextCACert"):
            return [fact for raw in certificates(data) for fact in certificate_facts(raw, road)]
        if operation == "PKIOperation":
            return pki_message(data, keys, secrets, road)
    except NotSuch:
        pass
    return []


def request_message(exchange, folder, keys=(), secrets=False):
    """The facts that the request of an exchange must show."""
    road = f"{folder.name}/exchanges.json"
    facts = [Fact("scep.operation", exchange["operation"], road)]
    if exchange["message"] is not None:
        facts.append(Fact("scep.message", exchange["message"], road))
    if exchange["request"]:
        facts += body_facts(exchange["operation"], (folder / exchange["request"]).read_bytes(), keys, secrets,
                            exchange["request"])
    return facts


def response_message(exchange, folder, keys=(), secrets=False):
    """The facts that the response of an exchange must show; an error shows the operation alone."""
    facts = [Fact("scep.operation", exchange["operation"], f"{folder.name}/exchanges.json")]
    if exchange["response"] and exchange["status"] == 200:
        facts += body_facts(exchange["operation"], (folder / exchange["response"]).read_bytes(), keys, secrets,
                            exchange["response"])
    return facts
