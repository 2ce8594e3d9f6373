/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a SCEP message is shown: fields, expert items, columns. Everything comes from the record that the first pass
 * made; what is below it is Wireshark's own view of the bytes.
 */
#include "tree.h"

#include <epan/expert.h>
#include <string.h>

#include "../compat.h"
#include "cms.h"

/* A transactionID of Windows has 40 or more characters; the Info column shows this many. */
#define SHORT_TRANSACTION 20

static int proto_scep = -1;

static int hf_operation = -1;
static int hf_message = -1;
static int hf_capability = -1;
static int hf_transaction_id = -1;
static int hf_message_type = -1;
static int hf_pki_status = -1;
static int hf_fail_info = -1;
static int hf_fail_info_text = -1;
static int hf_server_message = -1;
static int hf_hresult = -1;
static int hf_sender_nonce = -1;
static int hf_recipient_nonce = -1;
static int hf_signer_subject = -1;
static int hf_signer_issuer = -1;
static int hf_signer_serial = -1;
static int hf_digest_algorithm = -1;
static int hf_signature_valid = -1;
static int hf_recipient_issuer = -1;
static int hf_recipient_serial = -1;
static int hf_key_encryption = -1;
static int hf_content_encryption = -1;
static int hf_envelope_opened = -1;
static int hf_csr_subject = -1;
static int hf_csr_san = -1;
static int hf_csr_key = -1;
static int hf_challenge_password = -1;
static int hf_certificate_subject = -1;
static int hf_certificate_issuer = -1;
static int hf_certificate_serial = -1;
static int hf_certificate_not_before = -1;
static int hf_certificate_not_after = -1;
static int hf_certificate_thumbprint = -1;
static int hf_request_in = -1;
static int hf_response_in = -1;
static int hf_time = -1;
static int hf_transaction_in = -1;
static int hf_http_status = -1;

static int ett_scep = -1;
static int ett_signer = -1;
static int ett_envelope = -1;
static int ett_request = -1;
static int ett_certificate = -1;

/* In the order of scep_finding_kind. */
static expert_field ei[SCEP_FINDINGS];

/* Of items that stand for what is not in the bytes. */
static const scep_span nowhere;

static void
finish_item(proto_item *item, scep_span where)
{
    if (where.length == 0)
        proto_item_set_generated(item);
}

static void
add_string(proto_tree *tree, int hf, tvbuff_t *tvb, scep_span where, const char *value)
{
    if (value)
        finish_item(proto_tree_add_string(tree, hf, tvb, (int)where.offset, (int)where.length, value), where);
}

static void
add_uint(proto_tree *tree, int hf, tvbuff_t *tvb, scep_span where, bool has, uint32_t value)
{
    if (has)
        finish_item(proto_tree_add_uint(tree, hf, tvb, (int)where.offset, (int)where.length, value), where);
}

static void
add_octets(proto_tree *tree, int hf, tvbuff_t *tvb, scep_span where, scep_octets value)
{
    if (value.length > 0)
        finish_item(proto_tree_add_bytes_with_length(tree, hf, tvb, (int)where.offset, (int)where.length, value.data,
                                                     (int)value.length),
                    where);
}

static void
add_time(proto_tree *tree, int hf, tvbuff_t *tvb, time_t value)
{
    nstime_t when = { value, 0 };

    proto_item_set_generated(proto_tree_add_time(tree, hf, tvb, 0, 0, &when));
}

static void
add_certificate(proto_tree *tree, tvbuff_t *tvb, const scep_certificate *certificate)
{
    scep_octets thumbprint = { certificate->thumbprint, sizeof certificate->thumbprint };
    proto_item *item;
    proto_tree *subtree =
        proto_tree_add_subtree_format(tree, tvb, 0, 0, ett_certificate, &item, "Certificate: %s", certificate->subject);

    proto_item_set_generated(item);
    add_string(subtree, hf_certificate_subject, tvb, nowhere, certificate->subject);
    add_string(subtree, hf_certificate_issuer, tvb, nowhere, certificate->issuer);
    add_octets(subtree, hf_certificate_serial, tvb, nowhere, certificate->serial);
    add_time(subtree, hf_certificate_not_before, tvb, certificate->not_before);
    add_time(subtree, hf_certificate_not_after, tvb, certificate->not_after);
    add_octets(subtree, hf_certificate_thumbprint, tvb, nowhere, thumbprint);
}

static void
add_request(proto_tree *tree, tvbuff_t *tvb, const scep_request *request, bool show_secrets)
{
    proto_item *item;
    proto_tree *subtree =
        proto_tree_add_subtree_format(tree, tvb, 0, 0, ett_request, &item, "PKCS #10: %s", request->subject);

    proto_item_set_generated(item);
    add_string(subtree, hf_csr_subject, tvb, nowhere, request->subject);
    for (const char **san = request->sans; *san; san++)
        add_string(subtree, hf_csr_san, tvb, nowhere, *san);
    add_string(subtree, hf_csr_key, tvb, nowhere, request->key);
    if (request->challenge_password)
        add_string(subtree, hf_challenge_password, tvb, nowhere,
                   show_secrets ? request->challenge_password : "[hidden]");
}

static void
add_signer(proto_tree *tree, tvbuff_t *tvb, const scep_record *record)
{
    const scep_message *message = record->message;
    const scep_span    *at = message->where;
    proto_item         *item;
    proto_tree         *subtree;

    if (!message->digest.name)
        return;
    subtree = proto_tree_add_subtree_format(tree, tvb, 0, 0, ett_signer, &item, "Signer: %s",
                                            message->signer_subject  ? message->signer_subject
                                            : message->signer_issuer ? "certificate not in the message"
                                                                     : "identified by its key");
    proto_item_set_generated(item);
    add_string(subtree, hf_signer_subject, tvb, nowhere, message->signer_subject);
    add_string(subtree, hf_signer_issuer, tvb, at[SCEP_AT_SIGNER_ISSUER], message->signer_issuer);
    add_octets(subtree, hf_signer_serial, tvb, at[SCEP_AT_SIGNER_SERIAL], message->signer_serial);
    add_string(subtree, hf_digest_algorithm, tvb, at[SCEP_AT_DIGEST], message->digest.name);
    if (record->signature != SCEP_SIGNATURE_UNCHECKED)
        proto_item_set_generated(proto_tree_add_boolean(subtree, hf_signature_valid, tvb, 0, 0,
                                                        record->signature == SCEP_SIGNATURE_VALID));
}

static void
add_envelope(proto_tree *tree, tvbuff_t *tvb, const scep_record *record, bool show_secrets)
{
    const scep_message *message = record->message;
    const scep_span    *at = message->where;
    bool                opened = record->opened.length > 0;
    proto_item         *item;
    proto_tree         *subtree;

    if (message->content != SCEP_CONTENT_ENVELOPED)
        return;
    subtree = proto_tree_add_subtree_format(tree, tvb, 0, 0, ett_envelope, &item, "Envelope: %s",
                                            opened                           ? "opened"
                                            : message->recipient_is_password ? "encrypted with a password"
                                                                             : "no key opens it");
    proto_item_set_generated(item);
    add_string(subtree, hf_recipient_issuer, tvb, at[SCEP_AT_RECIPIENT_ISSUER], message->recipient_issuer);
    add_octets(subtree, hf_recipient_serial, tvb, at[SCEP_AT_RECIPIENT_SERIAL], message->recipient_serial);
    add_string(subtree, hf_key_encryption, tvb, at[SCEP_AT_KEY_ENCRYPTION], message->key_encryption.name);
    add_string(subtree, hf_content_encryption, tvb, at[SCEP_AT_CIPHER], message->cipher.name);
    proto_item_set_generated(proto_tree_add_boolean(subtree, hf_envelope_opened, tvb, 0, 0, opened));
    if (record->request)
        add_request(subtree, tvb, record->request, show_secrets);
}

static void
add_message(proto_tree *tree, tvbuff_t *tvb, const scep_record *record, bool show_secrets)
{
    const scep_message *message = record->message;
    const scep_span    *at = message->where;

    add_string(tree, hf_transaction_id, tvb, at[SCEP_AT_TRANSACTION_ID], message->transaction_id);
    add_uint(tree, hf_message_type, tvb, at[SCEP_AT_MESSAGE_TYPE], message->has_message_type, message->message_type);
    add_uint(tree, hf_pki_status, tvb, at[SCEP_AT_PKI_STATUS], message->has_pki_status, message->pki_status);
    add_uint(tree, hf_fail_info, tvb, at[SCEP_AT_FAIL_INFO], message->has_fail_info, message->fail_info);
    add_string(tree, hf_fail_info_text, tvb, at[SCEP_AT_FAIL_INFO_TEXT], message->fail_info_text);
    add_uint(tree, hf_hresult, tvb, at[SCEP_AT_HRESULT], message->has_hresult, message->hresult);
    add_string(tree, hf_server_message, tvb, at[SCEP_AT_SERVER_MESSAGE], message->server_message);
    add_octets(tree, hf_sender_nonce, tvb, at[SCEP_AT_SENDER_NONCE], message->sender_nonce);
    add_octets(tree, hf_recipient_nonce, tvb, at[SCEP_AT_RECIPIENT_NONCE], message->recipient_nonce);
    add_signer(tree, tvb, record);
    add_envelope(tree, tvb, record, show_secrets);
}

/* The answer of a request, the request of an answer, and how long it took. */
static void
add_links(proto_tree *tree, tvbuff_t *tvb, const scep_record *record)
{
    if (record->peer) {
        add_uint(tree, record->is_response ? hf_request_in : hf_response_in, tvb, nowhere, true, record->peer->frame);
        if (record->is_response) {
            nstime_t waited;

            nstime_delta(&waited, &record->time, &record->peer->time);
            proto_item_set_generated(proto_tree_add_time(tree, hf_time, tvb, 0, 0, &waited));
        }
    }
    add_uint(tree, hf_transaction_in, tvb, nowhere, record->first_frame != 0, record->first_frame);
}

static scep_der
kind_of_body(const scep_record *record, tvbuff_t *tvb)
{
    int         length = (int)tvb_captured_length(tvb);
    ber_slice   in = { tvb_get_ptr(tvb, 0, length), (size_t)length };
    ber_element outer;

    if (record->message)
        return SCEP_DER_CMS;
    if (!record->certificates || !ber_next_is(&in, BER_SEQUENCE, &outer))
        return SCEP_DER_OTHER;
    return ber_peek(&outer.content, BER_OID) ? SCEP_DER_CMS : SCEP_DER_CERTIFICATE;
}

/* The opened envelope in a data tab of its own, its challenge password masked unless asked for. */
static void
add_opened(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const scep_record *record, bool show_secrets)
{
    uint8_t  *copy = wmem_memdup(pinfo->pool, record->opened.data, record->opened.length);
    tvbuff_t *opened = tvb_new_child_real_data(tvb, copy, (guint)record->opened.length, (gint)record->opened.length);

    if (!show_secrets)
        scep_request_mask_password(copy, record->opened.length);
    add_new_data_source(pinfo, opened, "Opened envelope");
    scep_cms_dissect(opened, pinfo, tree,
                     record->request       ? SCEP_DER_REQUEST
                     : record->is_response ? SCEP_DER_CMS
                                           : SCEP_DER_OTHER);
}

static void
add_findings(proto_item *item, packet_info *pinfo, const scep_record *record)
{
    for (unsigned i = 0; record->findings && i < wmem_array_get_count(record->findings); i++) {
        const scep_finding *finding = wmem_array_index(record->findings, i);

        expert_add_info_format(pinfo, item, &ei[finding->kind], "%s", finding->text);
    }
}

/* What a message is called: its type, or that of the operation. */
static const char *
message_name(const scep_message *message)
{
    if (!message->has_message_type)
        return "pkiMessage";
    if (message->message_type == SCEP_CERT_POLL)
        return "CertPoll";
    return val_to_str_const(message->message_type, scep_message_types, "unknown message");
}

static void
summarise_transaction(wmem_strbuf_t *line, const scep_message *message)
{
    if (!message->transaction_id)
        return;
    if (strlen(message->transaction_id) > SHORT_TRANSACTION + 1)
        wmem_strbuf_append_printf(line, ", transaction %.*s…", SHORT_TRANSACTION, message->transaction_id);
    else
        wmem_strbuf_append_printf(line, ", transaction %s", message->transaction_id);
}

static void
summarise_status(wmem_strbuf_t *line, const scep_message *message)
{
    if (message->has_pki_status)
        wmem_strbuf_append_printf(line, " %s",
                                  val_to_str_const(message->pki_status, scep_pki_statuses, "unknown status"));
    if (message->has_fail_info)
        wmem_strbuf_append_printf(line, " %s",
                                  val_to_str_const(message->fail_info, scep_fail_infos, "unknown failInfo"));
    if (message->has_hresult) {
        const char *name = try_val_to_str(message->hresult, scep_hresults);
        const char *words = name ? strchr(name, ',') : NULL;

        wmem_strbuf_append_printf(line, ", 0x%08x%s%s", message->hresult, words ? " " : "", words ? words + 2 : "");
    }
    if (message->fail_info_text)
        wmem_strbuf_append_printf(line, ", \"%s\"", message->fail_info_text);
}

static void
summarise_answer(wmem_strbuf_t *line, const scep_record *record)
{
    if (record->http_status >= 300) {
        wmem_strbuf_append_printf(line, "HTTP %u instead of an answer", record->http_status);
    } else if (!record->has_body) {
        wmem_strbuf_append(line, "no SCEP in the answer");
    } else if (record->capabilities) {
        for (const char **keyword = record->capabilities; *keyword; keyword++)
            wmem_strbuf_append_printf(line, "%s%s", keyword == record->capabilities ? "" : " ", *keyword);
    } else if (record->certificates) {
        unsigned count = wmem_array_get_count(record->certificates);

        wmem_strbuf_append_printf(line, "%u certificate%s", count, count == 1 ? "" : "s");
        for (unsigned i = 0; i < count; i++)
            wmem_strbuf_append_printf(line, "%s%s", i == 0 ? ": " : "; ",
                                      (*(scep_certificate **)wmem_array_index(record->certificates, i))->subject);
    } else {
        wmem_strbuf_append(line, "answer not understood");
    }
}

const char *
scep_summary(packet_info *pinfo, const scep_record *record)
{
    const scep_message *message = record->message;
    wmem_strbuf_t      *line = wmem_strbuf_new(pinfo->pool, "");

    if (message && record->is_response) {
        wmem_strbuf_append(line, message_name(message));
        summarise_status(line, message);
        if (record->certificates && wmem_array_get_count(record->certificates) > 0)
            wmem_strbuf_append_printf(line, " %s",
                                      (*(scep_certificate **)wmem_array_index(record->certificates, 0))->subject);
        summarise_transaction(line, message);
    } else {
        wmem_strbuf_append(line, record->operation_name ? record->operation_name : "SCEP");
        if (message) {
            wmem_strbuf_append_printf(line, " %s", message_name(message));
            if (record->request && record->request->subject[0])
                wmem_strbuf_append_printf(line, " %s", record->request->subject);
            summarise_transaction(line, message);
        } else if (record->is_response) {
            wmem_strbuf_append(line, ": ");
            summarise_answer(line, record);
        } else if (record->message_parameter) {
            wmem_strbuf_append_printf(line, ", message %s", record->message_parameter);
        }
    }
    return wmem_strbuf_get_str(line);
}

void
scep_tree_add(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const scep_record *record, bool show_secrets)
{
    const char *summary = scep_summary(pinfo, record);
    proto_item *item;
    proto_tree *scep;

    col_set_str(pinfo->cinfo, COL_PROTOCOL, "SCEP");
    col_add_str(pinfo->cinfo, COL_INFO, summary);
    item = proto_tree_add_protocol_format(tree, proto_scep, tvb, 0, tvb ? -1 : 0,
                                          "Simple Certificate Enrollment Protocol, %s", summary);
    scep = proto_item_add_subtree(item, ett_scep);
    add_string(scep, hf_operation, tvb, nowhere, record->operation_name);
    add_string(scep, hf_message, tvb, nowhere, record->message_parameter);
    add_uint(scep, hf_http_status, tvb, nowhere, record->http_status != 0, record->http_status);
    add_links(scep, tvb, record);
    if (record->message)
        add_message(scep, tvb, record, show_secrets);
    for (const char *const *keyword = (const char *const *)record->capabilities; keyword && *keyword; keyword++)
        add_string(scep, hf_capability, tvb, nowhere, *keyword);
    for (unsigned i = 0; record->certificates && i < wmem_array_get_count(record->certificates); i++)
        add_certificate(scep, tvb, *(scep_certificate **)wmem_array_index(record->certificates, i));
    add_findings(item, pinfo, record);
    if (tvb && (record->message || record->certificates))
        scep_cms_dissect(tvb, pinfo, scep, kind_of_body(record, tvb));
    if (tvb && record->opened.length > 0)
        add_opened(tvb, pinfo, scep, record, show_secrets);
}

static void
register_fields(int proto)
{
    static hf_register_info hf[] = {
        { &hf_operation,
          { "Operation", "scep.operation", FT_STRING, BASE_NONE, NULL, 0x0, "What was asked for or answered", HFILL } },
        { &hf_message,
          { "Message parameter", "scep.message", FT_STRING, BASE_NONE, NULL, 0x0,
            "The message parameter of a Get operation", HFILL } },
        { &hf_capability,
          { "Capability", "scep.capability", FT_STRING, BASE_NONE, NULL, 0x0, "A keyword of GetCACaps", HFILL } },
        { &hf_transaction_id,
          { "Transaction ID", "scep.transaction_id", FT_STRING, BASE_NONE, NULL, 0x0, "transactionID", HFILL } },
        { &hf_message_type,
          { "Message type", "scep.message_type", FT_UINT32, BASE_DEC, VALS(scep_message_types), 0x0, "messageType",
            HFILL } },
        { &hf_pki_status,
          { "PKI status", "scep.pki_status", FT_UINT32, BASE_DEC, VALS(scep_pki_statuses), 0x0, "pkiStatus", HFILL } },
        { &hf_fail_info,
          { "Failure", "scep.fail_info", FT_UINT32, BASE_DEC, VALS(scep_fail_infos), 0x0, "failInfo", HFILL } },
        { &hf_fail_info_text,
          { "Failure text", "scep.fail_info_text", FT_STRING, BASE_NONE, NULL, 0x0, "failInfoText", HFILL } },
        { &hf_server_message,
          { "Server message", "scep.server_message", FT_STRING, BASE_NONE, NULL, 0x0,
            "Microsoft's szOID_ENROLL_SCEP_SERVER_MESSAGE", HFILL } },
        { &hf_hresult,
          { "HRESULT", "scep.hresult", FT_UINT32, BASE_HEX, VALS(scep_hresults), 0x0,
            "Microsoft's szOID_ENROLL_SCEP_ERROR: why NDES refused", HFILL } },
        { &hf_sender_nonce,
          { "Sender nonce", "scep.sender_nonce", FT_BYTES, BASE_NONE, NULL, 0x0, "senderNonce", HFILL } },
        { &hf_recipient_nonce,
          { "Recipient nonce", "scep.recipient_nonce", FT_BYTES, BASE_NONE, NULL, 0x0, "recipientNonce", HFILL } },
        { &hf_signer_subject,
          { "Subject", "scep.signer.subject", FT_STRING, BASE_NONE, NULL, 0x0,
            "Subject of the signer's certificate, when the message holds it", HFILL } },
        { &hf_signer_issuer,
          { "Issuer", "scep.signer.issuer", FT_STRING, BASE_NONE, NULL, 0x0, "Issuer of the signer's certificate",
            HFILL } },
        { &hf_signer_serial,
          { "Serial number", "scep.signer.serial", FT_BYTES, BASE_NONE, NULL, 0x0,
            "Serial number of the signer's certificate", HFILL } },
        { &hf_digest_algorithm,
          { "Digest algorithm", "scep.digest_algorithm", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_signature_valid,
          { "Signature valid", "scep.signature_valid", FT_BOOLEAN, BASE_NONE, NULL, 0x0,
            "Whether the signature verifies with the signer's certificate, where that is known", HFILL } },
        { &hf_recipient_issuer,
          { "Recipient's issuer", "scep.recipient.issuer", FT_STRING, BASE_NONE, NULL, 0x0,
            "Issuer of the certificate that the message is encrypted to", HFILL } },
        { &hf_recipient_serial,
          { "Recipient's serial number", "scep.recipient.serial", FT_BYTES, BASE_NONE, NULL, 0x0,
            "Serial number of the certificate that the message is encrypted to", HFILL } },
        { &hf_key_encryption,
          { "Key encryption", "scep.key_encryption", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_content_encryption,
          { "Content encryption", "scep.content_encryption", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_envelope_opened,
          { "Envelope opened", "scep.envelope_opened", FT_BOOLEAN, BASE_NONE, NULL, 0x0,
            "Whether a private key of the preferences opened it", HFILL } },
        { &hf_csr_subject, { "Subject", "scep.csr.subject", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_csr_san,
          { "Subject alternative name", "scep.csr.san", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_csr_key, { "Public key", "scep.csr.key", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_challenge_password,
          { "Challenge password", "scep.challenge_password", FT_STRING, BASE_NONE, NULL, 0x0,
            "Hidden unless the preference scep.show_secrets is on", HFILL } },
        { &hf_certificate_subject,
          { "Subject", "scep.certificate.subject", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_certificate_issuer,
          { "Issuer", "scep.certificate.issuer", FT_STRING, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_certificate_serial,
          { "Serial number", "scep.certificate.serial", FT_BYTES, BASE_NONE, NULL, 0x0, NULL, HFILL } },
        { &hf_certificate_not_before,
          { "Not before", "scep.certificate.not_before", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_UTC, NULL, 0x0, NULL,
            HFILL } },
        { &hf_certificate_not_after,
          { "Not after", "scep.certificate.not_after", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_UTC, NULL, 0x0, NULL, HFILL } },
        { &hf_certificate_thumbprint,
          { "Thumbprint", "scep.certificate.thumbprint", FT_BYTES, BASE_NONE, NULL, 0x0, "SHA-1 of the certificate",
            HFILL } },
        { &hf_request_in,
          { "Request in", "scep.request_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0x0, NULL,
            HFILL } },
        { &hf_response_in,
          { "Response in", "scep.response_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0x0, NULL,
            HFILL } },
        { &hf_time,
          { "Time", "scep.time", FT_RELATIVE_TIME, BASE_NONE, NULL, 0x0, "From the request to its answer", HFILL } },
        { &hf_transaction_in,
          { "Transaction began in", "scep.transaction_in", FT_FRAMENUM, BASE_NONE, NULL, 0x0,
            "The request that a CertPoll asks about", HFILL } },
        { &hf_http_status,
          { "HTTP status", "scep.http_status", FT_UINT32, BASE_DEC, NULL, 0x0, "Status that the answer came with",
            HFILL } },
    };
    static int *ett[] = { &ett_scep, &ett_signer, &ett_envelope, &ett_request, &ett_certificate };

    proto_register_field_array(proto, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
}

void
scep_tree_register(int proto)
{
    static ei_register_info infos[] = {
        { &ei[SCEP_FINDING_FAILURE],
          { "scep.failure", PI_RESPONSE_CODE, PI_ERROR, "The request failed", EXPFILL } },
        { &ei[SCEP_FINDING_PENDING], { "scep.pending", PI_RESPONSE_CODE, PI_NOTE, "The request is pending", EXPFILL } },
        { &ei[SCEP_FINDING_HTTP_ERROR],
          { "scep.http_error", PI_RESPONSE_CODE, PI_ERROR, "HTTP refused the request", EXPFILL } },
        { &ei[SCEP_FINDING_EMPTY_ANSWER],
          { "scep.empty_answer", PI_RESPONSE_CODE, PI_WARN, "The answer is empty", EXPFILL } },
        { &ei[SCEP_FINDING_MALFORMED], { "scep.malformed", PI_MALFORMED, PI_ERROR, "Not understood", EXPFILL } },
        { &ei[SCEP_FINDING_NONCE],
          { "scep.nonce_mismatch", PI_SEQUENCE, PI_WARN, "Nonces differ", EXPFILL } },
        { &ei[SCEP_FINDING_TRANSACTION],
          { "scep.transaction_mismatch", PI_SEQUENCE, PI_WARN, "Transactions differ", EXPFILL } },
        { &ei[SCEP_FINDING_RECIPIENT],
          { "scep.wrong_recipient", PI_SECURITY, PI_ERROR, "Encrypted to the wrong certificate", EXPFILL } },
        { &ei[SCEP_FINDING_NOT_ADVERTISED],
          { "scep.not_advertised", PI_PROTOCOL, PI_WARN, "Not among the capabilities", EXPFILL } },
        { &ei[SCEP_FINDING_WEAK], { "scep.weak", PI_SECURITY, PI_WARN, "Broken algorithm or short key", EXPFILL } },
        { &ei[SCEP_FINDING_DATED], { "scep.dated", PI_SECURITY, PI_NOTE, "Dated algorithm", EXPFILL } },
        { &ei[SCEP_FINDING_VALIDITY],
          { "scep.not_valid", PI_SECURITY, PI_WARN, "Certificate outside its validity", EXPFILL } },
        { &ei[SCEP_FINDING_SIGNATURE],
          { "scep.bad_signature", PI_SECURITY, PI_ERROR, "The signature does not verify", EXPFILL } },
        { &ei[SCEP_FINDING_ATTRIBUTE],
          { "scep.bad_attribute", PI_PROTOCOL, PI_NOTE, "An attribute is missing or unusual", EXPFILL } },
        { &ei[SCEP_FINDING_UNKNOWN_OPERATION],
          { "scep.unknown_operation", PI_PROTOCOL, PI_WARN, "Unknown operation", EXPFILL } },
    };

    proto_scep = proto;
    register_fields(proto);
    expert_register_field_array(expert_register_protocol(proto), infos, array_length(infos));
}
