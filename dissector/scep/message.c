/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts of a pkiMessage (RFC 8894 3), in CMS (RFC 5652): ContentInfo, SignedData 5.1, SignerInfo 5.3,
 * EnvelopedData 6.1.
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include <gcrypt.h>

/* More than any server's answer; what is beyond is still shown by Wireshark's own dissector. */
#define MAX_CERTIFICATES 64
#define MAX_RECIPIENTS   16

/* Texts longer than this are not what the attribute is for. */
#define MAX_TEXT 4096

/* Steps into the one element that must come next. */
static bool
enter(ber_slice *in, uint8_t identifier, ber_slice *content)
{
    ber_element element;

    if (!ber_next_is(in, identifier, &element))
        return false;
    *content = element.content;
    return true;
}

/* Notes where a value stands, unless it stands in a copy. */
static void
note_place(scep_message *message, const scep_parts *parts, scep_place place, ber_slice value)
{
    const ber_slice *whole = &parts->whole;

    if (value.data < whole->data || value.data + value.length > whole->data + whole->length)
        return;
    message->where[place].offset = (uint32_t)(value.data - whole->data);
    message->where[place].length = (uint32_t)value.length;
}

/* The octets of a string element in `scratch`; `*whole` tells whether they are all there. */
static ber_slice
octets_of(wmem_allocator_t *scratch, const ber_element *element, bool *whole)
{
    ber_slice slice = element->content;

    *whole = element->complete;
    if (element->identifier & BER_CONSTRUCTED) {
        GByteArray *octets = g_byte_array_new();

        *whole = ber_octets(element, octets) && *whole;
        slice.data = wmem_memdup(scratch, octets->data, octets->len);
        slice.length = octets->len;
        g_byte_array_unref(octets);
    }
    return slice;
}

/* The text of a PrintableString, UTF8String or the like, made valid UTF-8. NULL when it is not all there. */
static const char *
text_of(wmem_allocator_t *scope, const ber_element *element)
{
    char       *valid;
    const char *copy;

    if (!element->complete || (element->identifier & BER_CONSTRUCTED))
        return NULL;
    valid = g_utf8_make_valid((const char *)element->content.data, (gssize)MIN(element->content.length, MAX_TEXT));
    copy = wmem_strdup(scope, valid);
    g_free(valid);
    return copy;
}

/* The number that a PrintableString of decimal digits, with or without a sign, spells. */
static bool
decimal_of(const ber_element *element, int64_t *number)
{
    char  text[24];
    char *end;

    if (!element->complete || element->content.length == 0 || element->content.length >= sizeof text)
        return false;
    memcpy(text, element->content.data, element->content.length);
    text[element->content.length] = '\0';
    *number = g_ascii_strtoll(text, &end, 10);
    return end != text && *end == '\0';
}

static void
read_number(const ber_element *element, bool *has, uint32_t *value)
{
    int64_t number;

    if (decimal_of(element, &number) && number >= 0 && number <= UINT32_MAX) {
        *has = true;
        *value = (uint32_t)number;
    }
}

static void
read_attribute(wmem_allocator_t *scope, const char *oid, const ber_element *value, scep_message *message,
               scep_parts *parts)
{
    scep_place place = SCEP_PLACES;
    int64_t    number;

    if (strcmp(oid, OID_MESSAGE_TYPE) == 0) {
        place = SCEP_AT_MESSAGE_TYPE;
        read_number(value, &message->has_message_type, &message->message_type);
    } else if (strcmp(oid, OID_PKI_STATUS) == 0) {
        place = SCEP_AT_PKI_STATUS;
        read_number(value, &message->has_pki_status, &message->pki_status);
    } else if (strcmp(oid, OID_FAIL_INFO) == 0) {
        place = SCEP_AT_FAIL_INFO;
        read_number(value, &message->has_fail_info, &message->fail_info);
    } else if (strcmp(oid, OID_TRANSACTION_ID) == 0) {
        place = SCEP_AT_TRANSACTION_ID;
        message->transaction_id = text_of(scope, value);
    } else if (strcmp(oid, OID_FAIL_INFO_TEXT) == 0) {
        place = SCEP_AT_FAIL_INFO_TEXT;
        message->fail_info_text = text_of(scope, value);
    } else if (strcmp(oid, OID_MS_SERVER_MESSAGE) == 0) {
        place = SCEP_AT_SERVER_MESSAGE;
        message->server_message = text_of(scope, value);
    } else if (strcmp(oid, OID_MS_SCEP_ERROR) == 0) { /* an HRESULT as a signed decimal; some print it unsigned */
        place = SCEP_AT_HRESULT;
        if (decimal_of(value, &number) && number >= INT32_MIN && number <= UINT32_MAX) {
            message->has_hresult = true;
            message->hresult = (uint32_t)number;
        }
    } else if (strcmp(oid, OID_SENDER_NONCE) == 0 && value->complete) {
        place = SCEP_AT_SENDER_NONCE;
        message->sender_nonce = scep_octets_copy(scope, value->content.data, value->content.length);
    } else if (strcmp(oid, OID_RECIPIENT_NONCE) == 0 && value->complete) {
        place = SCEP_AT_RECIPIENT_NONCE;
        message->recipient_nonce = scep_octets_copy(scope, value->content.data, value->content.length);
    } else if (strcmp(oid, OID_MESSAGE_DIGEST) == 0 && value->complete) {
        parts->message_digest = value->content;
    }
    if (place != SCEP_PLACES)
        note_place(message, parts, place, value->content);
}

/* SET OF SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY } */
static void
read_attributes(wmem_allocator_t *scope, ber_slice in, scep_message *message, scep_parts *parts)
{
    ber_element attribute, type, value;

    while (ber_next_is(&in, BER_SEQUENCE, &attribute)) {
        ber_slice fields = attribute.content, values;
        char      oid[BER_OID_SIZE];

        if (ber_next(&fields, &type) && ber_oid(&type, oid) && enter(&fields, BER_SET, &values) &&
            ber_next(&values, &value))
            read_attribute(scope, oid, &value, message, parts);
    }
}

/* AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }. `*identifier` gets the
 * content of the OID. */
static bool
read_algorithm(ber_slice *in, char oid[BER_OID_SIZE], ber_slice *identifier, ber_slice *parameters)
{
    ber_slice   fields;
    ber_element algorithm;

    if (!enter(in, BER_SEQUENCE, &fields) || !ber_next(&fields, &algorithm) || !ber_oid(&algorithm, oid))
        return false;
    *identifier = algorithm.content;
    *parameters = fields;
    return true;
}

static scep_algorithm_use
algorithm_use(wmem_allocator_t *scope, const char *oid)
{
    scep_algorithm_use use;

    use.known = scep_algorithm_by_oid(oid);
    use.name = use.known ? use.known->name : wmem_strdup(scope, oid);
    return use;
}

/* IssuerAndSerialNumber ::= SEQUENCE { issuer Name, serialNumber INTEGER }. `issuer_place` is the issuer's place, that
 * of the serial number follows it. */
static bool
read_issuer_and_serial(wmem_allocator_t *scope, ber_slice *in, const char **issuer, scep_octets *serial,
                       scep_message *message, const scep_parts *parts, scep_place issuer_place)
{
    ber_slice   fields;
    ber_element name, number;

    if (!enter(in, BER_SEQUENCE, &fields) || !ber_next_is(&fields, BER_SEQUENCE, &name) || !name.complete)
        return false;
    *issuer = scep_name_read(scope, name.encoding);
    note_place(message, parts, issuer_place, name.encoding);
    if (ber_next_is(&fields, BER_INTEGER, &number) && number.complete) {
        ber_slice magnitude = ber_magnitude(&number);

        *serial = scep_octets_copy(scope, magnitude.data, magnitude.length);
        note_place(message, parts, issuer_place + 1, magnitude);
    }
    return true;
}

/* RSAES-OAEP-params ::= SEQUENCE { [0] hash, [1] MGF, [2] label source }, all defaulting to SHA-1 and no label. */
static scep_oaep
read_oaep(ber_slice parameters)
{
    scep_oaep   oaep = { true, GCRY_MD_SHA1 };
    int         mask_digest = GCRY_MD_SHA1;
    ber_slice   fields, hash, mask, of, unused;
    ber_element element;
    char        oid[BER_OID_SIZE];

    if (!enter(&parameters, BER_SEQUENCE, &fields))
        return oaep;
    if (enter(&fields, BER_CONTEXT(0), &hash))
        oaep.digest = read_algorithm(&hash, oid, &unused, &unused) ? scep_digest_by_oid(oid) : 0;
    if (enter(&fields, BER_CONTEXT(1), &mask))
        mask_digest = read_algorithm(&mask, oid, &unused, &of) && strcmp(oid, OID_MGF1) == 0 &&
                              read_algorithm(&of, oid, &unused, &unused)
                          ? scep_digest_by_oid(oid)
                          : 0;
    if (mask_digest != oaep.digest || ber_next_is(&fields, BER_CONTEXT(2), &element))
        oaep.digest = 0;
    return oaep;
}

/* KeyTransRecipientInfo ::= SEQUENCE { version, rid, keyEncryptionAlgorithm, encryptedKey } (RFC 5652 6.2.1) */
static void
read_recipient(wmem_allocator_t *scope, wmem_allocator_t *scratch, ber_slice in, scep_message *message,
               scep_parts *parts)
{
    ber_element element;
    ber_slice   identifier, parameters;
    char        oid[BER_OID_SIZE];
    bool        whole;

    if (!ber_next_is(&in, BER_INTEGER, &element))
        return;
    if (ber_peek(&in, BER_SEQUENCE)) {
        if (!read_issuer_and_serial(scope, &in, &message->recipient_issuer, &message->recipient_serial, message, parts,
                                    SCEP_AT_RECIPIENT_ISSUER))
            return;
    } else if (!ber_next(&in, &element)) { /* [0] SubjectKeyIdentifier */
        return;
    }
    if (!read_algorithm(&in, oid, &identifier, &parameters))
        return;
    message->key_encryption = algorithm_use(scope, oid);
    note_place(message, parts, SCEP_AT_KEY_ENCRYPTION, identifier);
    if (strcmp(oid, OID_RSAES_OAEP) == 0)
        parts->oaep = read_oaep(parameters);
    if (ber_next(&in, &element)) {
        ber_slice key = octets_of(scratch, &element, &whole);

        if (whole)
            parts->encrypted_key = key;
    }
}

/* EnvelopedData ::= SEQUENCE { version, [0] originatorInfo OPTIONAL, recipientInfos SET, encryptedContentInfo, … } */
static void
read_envelope(wmem_allocator_t *scope, wmem_allocator_t *scratch, ber_slice in, scep_message *message,
              scep_parts *parts)
{
    ber_element element, recipient;
    ber_slice   info, identifier, parameters;
    char        oid[BER_OID_SIZE];

    if (!ber_next_is(&in, BER_INTEGER, &element))
        return;
    ber_next_is(&in, BER_CONTEXT(0), &element);
    if (!ber_next_is(&in, BER_SET, &element))
        return;

    ber_slice recipients = element.content;

    while (message->recipients < MAX_RECIPIENTS && ber_next(&recipients, &recipient)) {
        message->recipients++;
        if (recipient.identifier == BER_CONTEXT(3))
            message->recipient_is_password = true;
        else if (recipient.identifier == BER_SEQUENCE && !message->key_encryption.name)
            read_recipient(scope, scratch, recipient.content, message, parts);
    }
    /* EncryptedContentInfo ::= SEQUENCE { contentType, contentEncryptionAlgorithm, [0] encryptedContent } */
    if (!enter(&in, BER_SEQUENCE, &info) || !ber_next(&info, &element) ||
        !read_algorithm(&info, oid, &identifier, &parameters))
        return;
    message->cipher = algorithm_use(scope, oid);
    note_place(message, parts, SCEP_AT_CIPHER, identifier);
    if (ber_next_is(&parameters, BER_OCTET_STRING, &element) && element.complete)
        parts->initialization_vector = element.content;
    if (ber_next(&info, &element))
        parts->encrypted_content = octets_of(scratch, &element, &parts->is_whole);
}

/* What the eContent of the SignedData holds. */
static void
read_content(wmem_allocator_t *scope, wmem_allocator_t *scratch, scep_message *message, scep_parts *parts)
{
    ber_slice   in = parts->content, info, envelope, explicit;
    ber_element type;
    char        oid[BER_OID_SIZE];

    if (in.length <= 1) {
        message->content = SCEP_CONTENT_EMPTY;
        return;
    }
    message->content = SCEP_CONTENT_OTHER;
    if (!enter(&in, BER_SEQUENCE, &info) || !ber_next(&info, &type) || !ber_oid(&type, oid) ||
        strcmp(oid, OID_ENVELOPED_DATA) != 0)
        return;
    message->content = SCEP_CONTENT_ENVELOPED;
    if (enter(&info, BER_CONTEXT(0), &explicit) && enter(&explicit, BER_SEQUENCE, &envelope))
        read_envelope(scope, scratch, envelope, message, parts);
}

/* SignerInfo ::= SEQUENCE { version, sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm, signature, … } */
static void
read_signer(wmem_allocator_t *scope, wmem_allocator_t *scratch, ber_slice in, scep_message *message, scep_parts *parts)
{
    ber_element element;
    ber_slice   identifier, parameters;
    char        oid[BER_OID_SIZE];
    bool        whole;

    if (!ber_next_is(&in, BER_INTEGER, &element))
        return;
    if (ber_peek(&in, BER_SEQUENCE)) {
        if (!read_issuer_and_serial(scope, &in, &message->signer_issuer, &message->signer_serial, message, parts,
                                    SCEP_AT_SIGNER_ISSUER))
            return;
    } else if (ber_next(&in, &element)) {
        message->signer_is_unnamed = true;
    }
    if (!read_algorithm(&in, oid, &identifier, &parameters))
        return;
    message->digest = algorithm_use(scope, oid);
    note_place(message, parts, SCEP_AT_DIGEST, identifier);
    if (ber_next_is(&in, BER_CONTEXT(0), &element)) {
        if (element.complete)
            parts->signed_attributes = element.encoding;
        read_attributes(scope, element.content, message, parts);
    }
    if (read_algorithm(&in, oid, &identifier, &parameters))
        parts->signature_algorithm = wmem_strdup(scratch, oid);
    if (ber_next(&in, &element)) {
        ber_slice signature = octets_of(scratch, &element, &whole);

        if (whole)
            parts->signature = signature;
    }
}

/* Steps from a ContentInfo to the fields of its SignedData, behind version and digestAlgorithms. */
static bool
enter_signed_data(ber_slice in, ber_slice *fields, bool *complete)
{
    ber_element info, element;
    ber_slice   explicit;
    char        oid[BER_OID_SIZE];

    if (!ber_next_is(&in, BER_SEQUENCE, &info))
        return false;
    *complete = info.complete;
    in = info.content;
    return ber_next(&in, &element) && ber_oid(&element, oid) && strcmp(oid, OID_SIGNED_DATA) == 0 &&
           enter(&in, BER_CONTEXT(0), &explicit) && enter(&explicit, BER_SEQUENCE, fields) &&
           ber_next_is(fields, BER_INTEGER, &element) && ber_next_is(fields, BER_SET, &element);
}

/* EncapsulatedContentInfo ::= SEQUENCE { eContentType, [0] EXPLICIT OCTET STRING OPTIONAL }. PKCS #7 allows content of
 * any type; GetNextCACert answers of older servers have the inner SignedData there as it is. */
static bool
read_encapsulated(wmem_allocator_t *scratch, ber_slice *fields, ber_slice *content, bool *has_content)
{
    ber_element element;
    ber_slice   info, explicit;
    bool        whole;

    *has_content = false;
    if (!enter(fields, BER_SEQUENCE, &info) || !ber_next(&info, &element))
        return false;
    if (enter(&info, BER_CONTEXT(0), &explicit) && ber_next(&explicit, &element)) {
        *has_content = true;
        *content = (element.identifier & ~BER_CONSTRUCTED) == BER_OCTET_STRING ? octets_of(scratch, &element, &whole)
                                                                              : element.encoding;
    }
    return true;
}

/* Collects what stands in [0] certificates, if that comes next. */
static void
read_certificate_set(ber_slice *fields, wmem_array_t *certificates)
{
    ber_slice   set;
    ber_element certificate;

    if (!enter(fields, BER_CONTEXT(0), &set))
        return;
    while (wmem_array_get_count(certificates) < MAX_CERTIFICATES && ber_next(&set, &certificate)) {
        if (certificate.identifier == BER_SEQUENCE && certificate.complete)
            wmem_array_append_one(certificates, certificate.encoding);
    }
}

/* The subject of the certificate among `parts` that the SignerInfo names. */
static void
find_signer_subject(wmem_allocator_t *scope, wmem_allocator_t *scratch, scep_message *message, const scep_parts *parts)
{
    if (!message->signer_issuer)
        return;
    for (unsigned i = 0; i < wmem_array_get_count(parts->certificates); i++) {
        scep_certificate *certificate =
            scep_certificate_read(scratch, *(ber_slice *)wmem_array_index(parts->certificates, i));

        if (certificate && scep_certificate_is(certificate, message->signer_issuer, message->signer_serial)) {
            message->signer_subject = wmem_strdup(scope, certificate->subject);
            return;
        }
    }
}

bool
scep_message_read(wmem_allocator_t *scope, wmem_allocator_t *scratch, ber_slice data, scep_message *message,
                  scep_parts *parts)
{
    ber_slice   fields, signer;
    ber_element element;

    memset(message, 0, sizeof *message);
    memset(parts, 0, sizeof *parts);
    parts->whole = data;
    parts->certificates = wmem_array_new(scratch, sizeof(ber_slice));
    if (!enter_signed_data(data, &fields, &message->complete) ||
        !read_encapsulated(scratch, &fields, &parts->content, &parts->has_content))
        return false;
    if (parts->has_content)
        read_content(scope, scratch, message, parts);
    read_certificate_set(&fields, parts->certificates);
    ber_next_is(&fields, BER_CONTEXT(1), &element); /* crls */
    if (ber_next_is(&fields, BER_SET, &element) && enter(&element.content, BER_SEQUENCE, &signer))
        read_signer(scope, scratch, signer, message, parts);
    find_signer_subject(scope, scratch, message, parts);
    return message->digest.name || message->content == SCEP_CONTENT_ENVELOPED ||
           wmem_array_get_count(parts->certificates) > 0;
}

bool
scep_message_is_scep(const scep_message *message)
{
    return message->transaction_id || message->has_message_type;
}

static void
append_certificate(wmem_allocator_t *scope, wmem_array_t *out, ber_slice der)
{
    scep_certificate *certificate = scep_certificate_read(scope, der);

    if (certificate)
        wmem_array_append_one(out, certificate);
}

wmem_array_t *
scep_certificates_read(wmem_allocator_t *scope, ber_slice data)
{
    wmem_array_t *out = wmem_array_new(scope, sizeof(scep_certificate *));
    wmem_array_t *encodings = wmem_array_new(scope, sizeof(ber_slice));
    ber_slice     fields, content = { NULL, 0 };
    bool          complete, has_content;

    if (!enter_signed_data(data, &fields, &complete)) {
        ber_element certificate;

        if (ber_next_is(&data, BER_SEQUENCE, &certificate) && certificate.complete)
            append_certificate(scope, out, certificate.encoding);
        return out;
    }
    if (!read_encapsulated(scope, &fields, &content, &has_content))
        return out;
    if (has_content && enter_signed_data(content, &fields, &complete)) { /* GetNextCACert: signed by today's CA */
        ber_slice unused;

        if (!read_encapsulated(scope, &fields, &unused, &has_content))
            return out;
    }
    read_certificate_set(&fields, encodings);
    for (unsigned i = 0; i < wmem_array_get_count(encodings); i++)
        append_certificate(scope, out, *(ber_slice *)wmem_array_index(encodings, i));
    return out;
}
