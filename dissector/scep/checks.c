/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a SCEP message agrees with what was seen before it: RFC 8894 3.2 (attributes), 3.3 (whom a message is
 * encrypted to), 3.5.2 (capabilities), 7 (algorithms).
 */
#include "checks.h"

#include <string.h>

#include <epan/to_str.h>

#define NONCE_LENGTH 16 /* RFC 8894 3.2.1.5 */
#define MIN_RSA_BITS 2048

static const char *
time_text(wmem_allocator_t *scratch, time_t when)
{
    return abs_time_secs_to_str(scratch, when, ABSOLUTE_TIME_UTC, TRUE);
}

static void
check_validity(wmem_allocator_t *scratch, scep_record *record, const scep_certificate *certificate)
{
    if (record->time.secs > certificate->not_after)
        scep_record_add_finding(record, SCEP_FINDING_VALIDITY, "Certificate %s expired at %s", certificate->subject,
                                time_text(scratch, certificate->not_after));
    else if (record->time.secs < certificate->not_before)
        scep_record_add_finding(record, SCEP_FINDING_VALIDITY, "Certificate %s is not valid before %s",
                                certificate->subject, time_text(scratch, certificate->not_before));
    if (certificate->key_bits > 512 && certificate->key_bits < MIN_RSA_BITS)
        scep_record_add_finding(record, SCEP_FINDING_WEAK, "Certificate %s has a key of only %u bits",
                                certificate->subject, certificate->key_bits);
}

static void
check_strength(scep_record *record, const scep_algorithm *algorithm)
{
    if (algorithm && algorithm->strength == SCEP_BROKEN)
        scep_record_add_finding(record, SCEP_FINDING_WEAK, "%s is broken", algorithm->name);
    else if (algorithm && algorithm->strength == SCEP_DATED)
        scep_record_add_finding(record, SCEP_FINDING_DATED, "%s is no longer recommended", algorithm->name);
}

static void
check_advertised(scep_record *record, const char *what, const char *capability)
{
    char **capabilities = record->authority ? record->authority->capabilities : NULL;

    if (capabilities && capability && !scep_capabilities_have(capabilities, capability))
        scep_record_add_finding(record, SCEP_FINDING_NOT_ADVERTISED, "%s is used, but GetCACaps did not offer %s", what,
                                capability);
}

/* The certificate of the server that a request is encrypted to. */
static void
check_recipient(wmem_allocator_t *scratch, scep_record *record)
{
    const scep_message     *message = record->message;
    wmem_array_t           *offered = record->authority ? record->authority->certificates : NULL;
    const scep_certificate *recipient = NULL;
    bool                    has_ra = false;

    if (!offered || !message->recipient_issuer)
        return;
    for (unsigned i = 0; i < wmem_array_get_count(offered); i++) {
        const scep_certificate *certificate = *(scep_certificate **)wmem_array_index(offered, i);

        has_ra = has_ra || (!certificate->is_ca && scep_certificate_may_encrypt(certificate));
        if (!recipient && scep_certificate_is(certificate, message->recipient_issuer, message->recipient_serial))
            recipient = certificate;
    }
    if (!recipient) {
        scep_record_add_finding(record, SCEP_FINDING_RECIPIENT,
                                "Encrypted to issuer %s, serial number %s: none of the certificates of GetCACert",
                                message->recipient_issuer,
                                bytes_to_str_maxlen(scratch, message->recipient_serial.data,
                                                    message->recipient_serial.length, 0));
        return;
    }
    /* A CA without an RA has but one certificate, whatever its key usage says. */
    if (wmem_array_get_count(offered) > 1 && !scep_certificate_may_encrypt(recipient))
        scep_record_add_finding(record, SCEP_FINDING_RECIPIENT,
                                "Encrypted to %s, serial number %s, whose key usage does not allow encryption",
                                recipient->subject,
                                bytes_to_str_maxlen(scratch, recipient->serial.data, recipient->serial.length, 0));
    else if (recipient->is_ca && has_ra)
        scep_record_add_finding(record, SCEP_FINDING_RECIPIENT,
                                "Encrypted to the CA's certificate %s, although the RA has one for encryption",
                                recipient->subject);
    check_validity(scratch, record, recipient);
}

static void
check_signature(wmem_allocator_t *scratch, scep_record *record, const scep_parts *parts)
{
    const scep_message     *message = record->message;
    const scep_certificate *signer = NULL;

    if (!message->signer_issuer)
        return;
    for (unsigned i = 0; i < wmem_array_get_count(parts->certificates) && !signer; i++) {
        signer = scep_certificate_read(scratch, *(ber_slice *)wmem_array_index(parts->certificates, i));
        if (signer && !scep_certificate_is(signer, message->signer_issuer, message->signer_serial))
            signer = NULL;
    }
    if (!signer)
        signer = scep_exchange_certificate(scratch, message->signer_issuer, message->signer_serial);
    if (!signer)
        return;

    ber_slice der = { signer->der.data, signer->der.length };

    check_validity(scratch, record, signer);
    record->signature = scep_signature_check(der, message, parts);
    if (record->signature == SCEP_SIGNATURE_INVALID)
        scep_record_add_finding(record, SCEP_FINDING_SIGNATURE, "The signature is not that of %s", signer->subject);
    else if (record->signature == SCEP_SIGNATURE_OTHER_CONTENT)
        scep_record_add_finding(record, SCEP_FINDING_SIGNATURE, "The signed digest is not that of the content");
}

static void
check_attributes(scep_record *record)
{
    const scep_message *message = record->message;
    const char         *missing = NULL;

    if (!message->transaction_id)
        missing = "transactionID";
    else if (!message->has_message_type)
        missing = "messageType";
    else if (message->sender_nonce.length == 0)
        missing = "senderNonce";
    else if (record->is_response && !message->has_pki_status)
        missing = "pkiStatus";
    else if (record->is_response && message->recipient_nonce.length == 0)
        missing = "recipientNonce";
    else if (message->has_pki_status && message->pki_status == SCEP_FAILURE && !message->has_fail_info)
        missing = "failInfo";
    if (missing && message->complete)
        scep_record_add_finding(record, SCEP_FINDING_ATTRIBUTE, "The attribute %s is missing", missing);
    if (message->sender_nonce.length > 0 && message->sender_nonce.length != NONCE_LENGTH)
        scep_record_add_finding(record, SCEP_FINDING_ATTRIBUTE, "senderNonce has %zu octets instead of %u",
                                message->sender_nonce.length, NONCE_LENGTH);
    if (message->has_message_type && !try_val_to_str(message->message_type, scep_message_types))
        scep_record_add_finding(record, SCEP_FINDING_ATTRIBUTE, "messageType %u is unknown", message->message_type);
    if (message->has_message_type && record->is_response != (message->message_type == SCEP_CERT_REP))
        scep_record_add_finding(record, SCEP_FINDING_ATTRIBUTE, "messageType %u does not belong into %s",
                                message->message_type, record->is_response ? "an answer" : "a request");
}

/* What SUCCESS, FAILURE or PENDING means, in one line. */
static void
check_status(scep_record *record)
{
    const scep_message *message = record->message;
    wmem_strbuf_t      *text;

    if (!message->has_pki_status || message->pki_status == SCEP_SUCCESS)
        return;
    if (message->pki_status == SCEP_PENDING) {
        scep_record_add_finding(record, SCEP_FINDING_PENDING, "PENDING: the CA has not decided yet, the client polls");
        return;
    }
    if (message->pki_status != SCEP_FAILURE) {
        scep_record_add_finding(record, SCEP_FINDING_ATTRIBUTE, "pkiStatus %u is unknown", message->pki_status);
        return;
    }
    text = wmem_strbuf_new(NULL, "FAILURE although HTTP says 200");
    if (message->has_fail_info)
        wmem_strbuf_append_printf(text, ": %s, %s",
                                  val_to_str_const(message->fail_info, scep_fail_infos, "unknown failInfo"),
                                  val_to_str_const(message->fail_info, scep_fail_info_meanings, "no such code"));
    if (message->has_hresult)
        wmem_strbuf_append_printf(text, "; 0x%08x %s", message->hresult,
                                  val_to_str_const(message->hresult, scep_hresults, "unknown HRESULT"));
    if (message->fail_info_text)
        wmem_strbuf_append_printf(text, "; \"%s\"", message->fail_info_text);
    scep_record_add_finding(record, SCEP_FINDING_FAILURE, "%s", wmem_strbuf_get_str(text));
    wmem_strbuf_destroy(text);
}

static void
check_request(wmem_allocator_t *scratch, scep_record *record)
{
    const scep_message *message = record->message;

    check_recipient(scratch, record);
    if (record->is_post)
        check_advertised(record, "POST", "POSTPKIOperation");
    if (message->message_type == SCEP_RENEWAL_REQ)
        check_advertised(record, "RenewalReq", "Renewal");
}

/* Whether an answer belongs to its request. */
static void
check_pair(scep_record *record)
{
    const scep_message *answer = record->message;
    const scep_message *request = record->peer ? record->peer->message : NULL;

    if (!request)
        return;
    if (request->sender_nonce.length > 0 && answer->recipient_nonce.length > 0 &&
        !scep_octets_equal(request->sender_nonce, answer->recipient_nonce))
        scep_record_add_finding(record, SCEP_FINDING_NONCE,
                                "recipientNonce is not the senderNonce of the request in frame %u",
                                record->peer->frame);
    if (request->transaction_id && answer->transaction_id &&
        strcmp(request->transaction_id, answer->transaction_id) != 0)
        scep_record_add_finding(record, SCEP_FINDING_TRANSACTION,
                                "transactionID is not that of the request in frame %u (%s)", record->peer->frame,
                                request->transaction_id);
}

static void
check_message(wmem_allocator_t *scratch, scep_record *record, const scep_parts *parts)
{
    const scep_message *message = record->message;

    check_attributes(record);
    check_status(record);
    check_strength(record, message->digest.known);
    check_strength(record, message->cipher.known);
    if (message->digest.known)
        check_advertised(record, message->digest.name, message->digest.known->capability);
    if (message->cipher.known)
        check_advertised(record, message->cipher.name, message->cipher.known->capability);
    if (record->is_response)
        check_pair(record);
    else
        check_request(scratch, record);
    check_signature(scratch, record, parts);
    if (!message->complete)
        scep_record_add_finding(record, SCEP_FINDING_MALFORMED, "The pkiMessage is cut short");
}

static void
check_answer(wmem_allocator_t *scratch, scep_record *record)
{
    const char *name = record->operation_name ? record->operation_name : "SCEP request";

    if (record->http_status >= 300) {
        scep_record_add_finding(record, SCEP_FINDING_HTTP_ERROR, "%s is answered with HTTP %u", name,
                                record->http_status);
        return;
    }
    if (!record->has_body) {
        scep_record_add_finding(record, SCEP_FINDING_EMPTY_ANSWER, "%s is answered with nothing that SCEP knows", name);
        return;
    }
    if (record->capabilities && !record->capabilities[0])
        scep_record_add_finding(record, SCEP_FINDING_MALFORMED, "The answer holds no capability");
    if ((record->operation == SCEP_GET_CA_CERT || record->operation == SCEP_GET_NEXT_CA_CERT) && record->certificates &&
        wmem_array_get_count(record->certificates) == 0)
        scep_record_add_finding(record, SCEP_FINDING_MALFORMED, "The answer holds no certificate");
    for (unsigned i = 0; record->certificates && i < wmem_array_get_count(record->certificates); i++)
        check_validity(scratch, record, *(scep_certificate **)wmem_array_index(record->certificates, i));
}

void
scep_checks_run(wmem_allocator_t *scratch, scep_record *record, const scep_parts *parts)
{
    if (record->is_response)
        check_answer(scratch, record);
    if (record->message)
        check_message(scratch, record, parts);
    else if (record->operation == SCEP_PKI_OPERATION && record->has_body && record->http_status < 300)
        scep_record_add_finding(record, SCEP_FINDING_MALFORMED, "What was sent is not a pkiMessage");
    else if (record->operation == SCEP_PKI_OPERATION && !record->is_response && !record->has_body)
        scep_record_add_finding(record, SCEP_FINDING_MALFORMED, "The request holds no pkiMessage");
    if (record->operation == SCEP_OPERATION_OTHER && !record->is_response)
        scep_record_add_finding(record, SCEP_FINDING_UNKNOWN_OPERATION, "RFC 8894 has no operation %s",
                                record->operation_name);
}
