/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a call of the registration point is shown. Everything comes from the record that the first pass made; the body
 * itself is shown by Wireshark's own dissectors.
 */
#include "tree.h"

#include <epan/expert.h>
#include <string.h>

#include "../scep/cms.h"

#define HIDDEN "[hidden]"

/* A transactionID of Windows has 40 or more characters; the Info column shows this many. */
#define SHORT_TRANSACTION 20

static int proto_crp = -1;

static int hf_call = -1;
static int hf_product = -1;
static int hf_verified = -1;
static int hf_http_status = -1;
static int hf_substatus = -1;
static int hf_status_meaning = -1;
static int hf_error_page = -1;
static int hf_code_meaning = -1;
static int hf_user_agent = -1;
static int hf_csr_subject = -1;
static int hf_csr_san = -1;
static int hf_csr_key = -1;
static int hf_certificate_subject = -1;
static int hf_certificate_issuer = -1;
static int hf_certificate_serial = -1;
static int hf_certificate_thumbprint = -1;
static int hf_request_in = -1;
static int hf_response_in = -1;
static int hf_time = -1;
static int hf_items[CRP_ITEMS]; /* -1 for those that are shown otherwise */

static int ett_crp = -1;
static int ett_request = -1;
static int ett_certificate = -1;

static expert_field ei_refused = EI_INIT;
static expert_field ei_http_error = EI_INIT;
static expert_field ei_malformed = EI_INIT;

static void
add_generated_string(proto_tree *tree, tvbuff_t *tvb, int hf, const char *value)
{
    if (value)
        proto_item_set_generated(proto_tree_add_string(tree, hf, tvb, 0, 0, value));
}

static void
add_generated_uint(proto_tree *tree, tvbuff_t *tvb, int hf, uint32_t value)
{
    if (value)
        proto_item_set_generated(proto_tree_add_uint(tree, hf, tvb, 0, 0, value));
}

/* A PKCS #10 and what it says, in a data tab of its own. */
static void
add_request(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const crp_item *item, const scep_request *request,
            bool show_secrets)
{
    uint8_t    *copy = wmem_memdup(pinfo->pool, item->octets, item->octets_length);
    tvbuff_t   *der = tvb_new_child_real_data(tvb, copy, (guint)item->octets_length, (gint)item->octets_length);
    proto_tree *subtree = proto_tree_add_subtree_format(tree, tvb, (int)item->offset, (int)item->length, ett_request, NULL,
                                                        "PKCS #10: %s", request->subject);

    if (!show_secrets)
        scep_request_mask_password(copy, item->octets_length);
    add_generated_string(subtree, tvb, hf_csr_subject, request->subject);
    for (const char **san = request->sans; *san; san++)
        add_generated_string(subtree, tvb, hf_csr_san, *san);
    add_generated_string(subtree, tvb, hf_csr_key, request->key);
    if (request->challenge_password)
        add_generated_string(subtree, tvb, hf_items[CRP_ITEM_CHALLENGE],
                             show_secrets ? request->challenge_password : HIDDEN);
    add_new_data_source(pinfo, der, "PKCS #10");
    scep_cms_dissect(der, pinfo, subtree, SCEP_DER_REQUEST);
}

static void
add_certificate(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const crp_item *item,
                const scep_certificate *certificate)
{
    tvbuff_t   *der = tvb_new_child_real_data(tvb, item->octets, (guint)item->octets_length, (gint)item->octets_length);
    proto_tree *subtree = proto_tree_add_subtree_format(tree, tvb, (int)item->offset, (int)item->length, ett_certificate,
                                                        NULL, "Certificate: %s", certificate->subject);

    add_generated_string(subtree, tvb, hf_certificate_subject, certificate->subject);
    add_generated_string(subtree, tvb, hf_certificate_issuer, certificate->issuer);
    proto_item_set_generated(proto_tree_add_bytes_with_length(subtree, hf_certificate_serial, tvb, 0, 0,
                                                              certificate->serial.data,
                                                              (int)certificate->serial.length));
    proto_item_set_generated(proto_tree_add_bytes_with_length(subtree, hf_certificate_thumbprint, tvb, 0, 0,
                                                              certificate->thumbprint, SCEP_THUMBPRINT_SIZE));
    add_new_data_source(pinfo, der, "Certificate");
    scep_cms_dissect(der, pinfo, subtree, SCEP_DER_CERTIFICATE);
}

static void
add_items(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const crp_record *record, bool show_secrets)
{
    unsigned certificates = 0;

    for (unsigned i = 0; i < wmem_array_get_count(record->body.items); i++) {
        const crp_item *item = wmem_array_index(record->body.items, i);

        if (item->kind == CRP_ITEM_REQUEST) {
            /* Of several, which nobody sends, the first one's facts are kept. */
            if (record->request && item == crp_body_item(&record->body, CRP_ITEM_REQUEST))
                add_request(tree, tvb, pinfo, item, record->request, show_secrets);
        } else if (item->kind == CRP_ITEM_CERTIFICATE) {
            if (record->certificates && certificates < wmem_array_get_count(record->certificates))
                add_certificate(tree, tvb, pinfo, item,
                                *(scep_certificate **)wmem_array_index(record->certificates, certificates++));
        } else {
            proto_tree_add_string(tree, hf_items[item->kind], tvb, (int)item->offset, (int)item->length,
                                  item->kind == CRP_ITEM_CHALLENGE && !show_secrets ? HIDDEN : item->value);
        }
    }
}

static void
add_links(proto_tree *tree, tvbuff_t *tvb, const crp_record *record)
{
    nstime_t waited;

    if (!record->peer)
        return;
    add_generated_uint(tree, tvb, record->is_response ? hf_request_in : hf_response_in, record->peer->frame);
    if (!record->is_response)
        return;
    nstime_delta(&waited, &record->time, &record->peer->time);
    proto_item_set_generated(proto_tree_add_time(tree, hf_time, tvb, 0, 0, &waited));
}

static void
append_status(wmem_strbuf_t *line, const crp_record *record)
{
    wmem_strbuf_append_printf(line, "HTTP %u", record->http_status);
    if (record->body.substatus)
        wmem_strbuf_append_printf(line, ".%u", record->body.substatus);
}

static void
summarise_answer(wmem_strbuf_t *line, const crp_record *record)
{
    const char *code = crp_record_value(record, CRP_ITEM_CODE);
    int         verified = crp_record_verified(record);

    wmem_strbuf_append(line, ": ");
    if (record->http_status >= 300) {
        append_status(line, record);
        wmem_strbuf_append(line, " instead of an answer");
    } else if (code) {
        wmem_strbuf_append(line, code);
    } else if (verified >= 0) {
        wmem_strbuf_append(line, verified ? "true" : "false");
    } else if (crp_is_notification(record->target.call)) {
        wmem_strbuf_append(line, "taken");
    } else {
        wmem_strbuf_append(line, "no verdict in the answer");
    }
}

static void
summarise_call(wmem_strbuf_t *line, const crp_record *record)
{
    const char *transaction = crp_record_value(record, CRP_ITEM_TRANSACTION);

    if (record->request && record->request->subject[0])
        wmem_strbuf_append_printf(line, " %s", record->request->subject);
    else if (record->certificates && wmem_array_get_count(record->certificates) > 0)
        wmem_strbuf_append_printf(line, " %s", (*(scep_certificate **)wmem_array_index(record->certificates, 0))->subject);
    if (transaction && strlen(transaction) > SHORT_TRANSACTION + 1)
        wmem_strbuf_append_printf(line, ", transaction %.*s…", SHORT_TRANSACTION, transaction);
    else if (transaction)
        wmem_strbuf_append_printf(line, ", transaction %s", transaction);
}

const char *
crp_summary(packet_info *pinfo, const crp_record *record)
{
    wmem_strbuf_t *line = wmem_strbuf_new(pinfo->pool, record->target.name);

    if (record->is_response)
        summarise_answer(line, record);
    else
        summarise_call(line, record);
    return wmem_strbuf_get_str(line);
}

static void
add_verdict(proto_item *item, proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const crp_record *record)
{
    const char *code = crp_record_value(record, CRP_ITEM_CODE);
    const char *description = crp_record_value(record, CRP_ITEM_DESCRIPTION);
    int         verified = crp_record_verified(record);

    if (verified >= 0)
        proto_item_set_generated(proto_tree_add_boolean(tree, hf_verified, tvb, 0, 0, (guint64)verified));
    if (!crp_is_notification(record->target.call))
        add_generated_string(tree, tvb, hf_code_meaning, crp_code_meaning(code));
    if (record->http_status >= 400)
        expert_add_info_format(pinfo, item, &ei_http_error, "%s was refused with HTTP %u%s%s", record->target.name,
                               record->http_status, record->body.title ? ": " : "",
                               record->body.title ? record->body.title : "");
    else if (verified == 0)
        expert_add_info_format(pinfo, item, &ei_refused, "The registration point refuses the certificate request%s%s%s%s",
                               code ? ": " : "", code ? code : "", description && *description ? ", " : "",
                               description && *description ? description : "");
}

void
crp_tree_add(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const crp_record *record, bool show_secrets)
{
    const char *summary = crp_summary(pinfo, record);
    proto_item *item;
    proto_tree *crp;

    col_set_str(pinfo->cinfo, COL_PROTOCOL, "CRP");
    col_add_str(pinfo->cinfo, COL_INFO, summary);
    item = proto_tree_add_protocol_format(tree, proto_crp, tvb, 0, tvb ? -1 : 0, "Certificate Registration Point, %s",
                                          summary);
    crp = proto_item_add_subtree(item, ett_crp);
    add_generated_string(crp, tvb, hf_call, record->target.name);
    add_generated_string(crp, tvb, hf_product, record->target.product);
    add_generated_string(crp, tvb, hf_user_agent, record->user_agent);
    add_generated_uint(crp, tvb, hf_http_status, record->http_status);
    add_generated_uint(crp, tvb, hf_substatus, record->body.substatus);
    add_generated_string(crp, tvb, hf_status_meaning, crp_status_meaning(record->http_status, record->body.substatus));
    add_generated_string(crp, tvb, hf_error_page, record->body.title);
    add_links(crp, tvb, record);
    if (record->is_response)
        add_verdict(item, crp, tvb, pinfo, record);
    if (tvb)
        add_items(crp, tvb, pinfo, record, show_secrets);
    if (record->body.is_cut)
        expert_add_info(pinfo, item, &ei_malformed);
}

#define ITEM(kind, name, filter, blurb)                                                                                \
    {                                                                                                                  \
        &hf_items[kind], { name, "crp." filter, FT_STRING, BASE_NONE, NULL, 0, blurb, HFILL }                          \
    }
#define STRING(variable, name, filter, blurb)                                                                          \
    {                                                                                                                  \
        &variable, { name, "crp." filter, FT_STRING, BASE_NONE, NULL, 0, blurb, HFILL }                                \
    }

void
crp_tree_register(int proto)
{
    static hf_register_info fields[] = {
        STRING(hf_call, "Call", "call", "VerifyRequest, Notify, or one of Intune's"),
        STRING(hf_product, "Product", "product", "Whose registration point it is"),
        { &hf_verified,
          { "Verified", "crp.verified", FT_BOOLEAN, BASE_NONE, NULL, 0, "What the registration point says of the request",
            HFILL } },
        { &hf_http_status, { "HTTP status", "crp.http_status", FT_UINT32, BASE_DEC, NULL, 0, NULL, HFILL } },
        { &hf_substatus,
          { "HTTP substatus", "crp.substatus", FT_UINT32, BASE_DEC, NULL, 0, "IIS's, as its error page has it", HFILL } },
        STRING(hf_status_meaning, "Meaning of the status", "status_meaning", NULL),
        STRING(hf_error_page, "Error page", "error_page", "Its title"),
        STRING(hf_code_meaning, "Meaning of the code", "code_meaning", NULL),
        STRING(hf_user_agent, "User agent", "user_agent", "NDES_Plugin is NDES's policy module"),
        STRING(hf_csr_subject, "Subject", "csr.subject", NULL),
        STRING(hf_csr_san, "Subject alternative name", "csr.san", NULL),
        STRING(hf_csr_key, "Public key", "csr.key", NULL),
        STRING(hf_certificate_subject, "Subject", "certificate.subject", NULL),
        STRING(hf_certificate_issuer, "Issuer", "certificate.issuer", NULL),
        { &hf_certificate_serial,
          { "Serial number", "crp.certificate.serial", FT_BYTES, BASE_NONE, NULL, 0, NULL, HFILL } },
        { &hf_certificate_thumbprint,
          { "Thumbprint", "crp.certificate.thumbprint", FT_BYTES, BASE_NONE, NULL, 0, "SHA-1 of the certificate", HFILL } },
        ITEM(CRP_ITEM_TRANSACTION, "Transaction ID", "transaction_id", NULL),
        ITEM(CRP_ITEM_CHALLENGE, "Challenge", "challenge", "Hidden unless the preference scep.show_secrets is on"),
        ITEM(CRP_ITEM_DEVICE, "Device", "device", "GUID"),
        ITEM(CRP_ITEM_USER, "User", "user", "GUID"),
        ITEM(CRP_ITEM_TEMPLATE, "Template", "template", "Of the certificate"),
        ITEM(CRP_ITEM_CODE, "Code", "code", "Result code"),
        ITEM(CRP_ITEM_DESCRIPTION, "Description", "description", "Of an error"),
        ITEM(CRP_ITEM_HRESULT, "HRESULT", "hresult", NULL),
        ITEM(CRP_ITEM_CALLER, "Caller", "caller", "What the caller says of itself"),
        ITEM(CRP_ITEM_THUMBPRINT, "Thumbprint", "thumbprint", "Of the certificate that was issued"),
        ITEM(CRP_ITEM_SERIAL, "Serial number", "serial", "Of the certificate that was issued"),
        ITEM(CRP_ITEM_EXPIRATION, "Expiration", "expiration", "Of the certificate that was issued"),
        ITEM(CRP_ITEM_AUTHORITY, "Certification authority", "authority", NULL),
        ITEM(CRP_ITEM_DISPOSITION, "Disposition", "disposition", "What became of the request"),
        { &hf_request_in,
          { "Call in", "crp.request_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0, NULL, HFILL } },
        { &hf_response_in,
          { "Answer in", "crp.response_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0, NULL, HFILL } },
        { &hf_time,
          { "Time", "crp.time", FT_RELATIVE_TIME, BASE_NONE, NULL, 0, "From the call to its answer", HFILL } },
    };
    static ei_register_info infos[] = {
        { &ei_refused, { "crp.refused", PI_RESPONSE_CODE, PI_ERROR, "The registration point refuses", EXPFILL } },
        { &ei_http_error, { "crp.http_error", PI_RESPONSE_CODE, PI_ERROR, "HTTP refused the call", EXPFILL } },
        { &ei_malformed,
          { "crp.malformed", PI_MALFORMED, PI_WARN, "The body is damaged, or larger than what is looked at", EXPFILL } },
    };
    static int *trees[] = { &ett_crp, &ett_request, &ett_certificate };

    proto_crp = proto;
    proto_register_field_array(proto, fields, array_length(fields));
    proto_register_subtree_array(trees, array_length(trees));
    expert_register_field_array(expert_register_protocol(proto), infos, array_length(infos));
}
