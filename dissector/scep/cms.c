/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Wireshark's own dissectors for CMS, PKCS #10 and certificates, called inside a SCEP message. Left alone they would
 * hand the envelope, of type id-data, to the mail dissector, and call SCEP's attributes not implemented. Outside of a
 * SCEP message everything stays with Wireshark.
 */
#include "cms.h"

#include <epan/dissectors/packet-ber.h>
#include <epan/exceptions.h>
#include <epan/expert.h>
#include <epan/show_exception.h>
#include <epan/charsets.h>
#include <string.h>
#include <wsutil/to_str.h>

#include "../compat.h"
#include "ber.h"
#include "names.h"

static dissector_handle_t cms_handle, certificate_handle, request_handle, mail_handle;

static int hf_attribute = -1;
static int ett_envelope = -1;
static expert_field ei_gave_up;

/* Depth of scep_cms_dissect() calls: whether a SCEP message is being shown right now. Packet scope. */
static unsigned inside;

/* The attributes that only SCEP has. */
static const struct {
    const char         *oid, *name;
    const value_string *values;
} attributes[] = {
    { OID_MESSAGE_TYPE, "messageType", scep_message_types },
    { OID_PKI_STATUS, "pkiStatus", scep_pki_statuses },
    { OID_FAIL_INFO, "failInfo", scep_fail_infos },
    { OID_SENDER_NONCE, "senderNonce", NULL },
    { OID_RECIPIENT_NONCE, "recipientNonce", NULL },
    { OID_TRANSACTION_ID, "transactionID", NULL },
    { OID_EXTENSION_REQ, "extensionReq", NULL },
    { OID_FAIL_INFO_TEXT, "failInfoText", NULL },
    { OID_MS_SCEP_ERROR, "szOID_ENROLL_SCEP_ERROR", NULL },
    { OID_MS_SERVER_STATE, "szOID_ENROLL_SCEP_SERVER_STATE", NULL },
    { OID_MS_CHALLENGE_ANSWER, "szOID_ENROLL_SCEP_CHALLENGE_ANSWER", NULL },
    { OID_MS_CLIENT_REQUEST, "szOID_ENROLL_SCEP_CLIENT_REQUEST", NULL },
    { OID_MS_SERVER_MESSAGE, "szOID_ENROLL_SCEP_SERVER_MESSAGE", NULL },
    { OID_MS_SERVER_SECRET, "szOID_ENROLL_SCEP_SERVER_SECRET", NULL },
};

/* What else stands in SCEP messages and has no dissector in Wireshark: parameters of OAEP and DES, what Windows puts
 * into its PKCS #10 (CSP provider, OS version, client information). Elsewhere these stay as they are. */
static const char *const borrowed[] = {
    OID_RSAES_OAEP,
    "1.3.14.3.2.7", /* DES-CBC */
    "1.3.6.1.4.1.311.13.2.2",
    "1.3.6.1.4.1.311.13.2.3",
    "1.3.6.1.4.1.311.21.20",
};

static int
dissect_attribute(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    int         length = (int)tvb_captured_length(tvb);
    ber_slice   in = { tvb_get_ptr(tvb, 0, length), (size_t)length };
    const char *oid = pinfo->match_string;
    ber_element value;
    char       *text;

    if (!ber_next(&in, &value))
        return dissect_unknown_ber(pinfo, tvb, 0, tree);
    if (value.identifier & BER_CONSTRUCTED) {
        dissect_unknown_ber(pinfo, tvb, 0, tree);
        return length;
    }
    if (value.identifier == BER_OCTET_STRING)
        text = bytes_to_str_maxlen(pinfo->pool, value.content.data, value.content.length, 0);
    else
        text = (char *)get_utf_8_string(pinfo->pool, value.content.data, (int)value.content.length);
    for (size_t i = 0; oid && i < G_N_ELEMENTS(attributes); i++) {
        if (strcmp(attributes[i].oid, oid) == 0 && attributes[i].values)
            text = wmem_strdup_printf(pinfo->pool, "%s (%s)",
                                      val_to_str_const((guint32)g_ascii_strtoull(text, NULL, 10), attributes[i].values,
                                                       "unknown"),
                                      text);
    }
    proto_tree_add_string(tree, hf_attribute, tvb, (int)(value.content.data - value.encoding.data),
                          (int)value.content.length, text);
    return length;
}

static int
dissect_borrowed(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    if (!inside)
        return 0; /* as if nobody had registered */
    dissect_unknown_ber(pinfo, tvb, 0, tree);
    return (int)tvb_captured_length(tvb);
}

/* True when `tvb` begins like a ContentInfo: a SEQUENCE that begins with an OID. */
static bool
is_content_info(tvbuff_t *tvb)
{
    int         length = (int)tvb_captured_length(tvb);
    ber_slice   in = { tvb_get_ptr(tvb, 0, length), (size_t)length };
    ber_element info;

    return ber_next_is(&in, BER_SEQUENCE, &info) && ber_peek(&info.content, BER_OID);
}

/* id-data: the envelope of a SCEP message, a mail message elsewhere. */
static int
dissect_id_data(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (!inside)
        return mail_handle ? call_dissector_only(mail_handle, tvb, pinfo, tree, data) : 0;
    if (tvb_captured_length(tvb) == 0)
        return 1; /* 0 would say "not mine", and the caller would read what is not there */
    if (is_content_info(tvb)) {
        proto_tree *envelope = proto_tree_add_subtree(tree, tvb, 0, -1, ett_envelope, NULL, "pkcsPKIEnvelope");

        call_dissector_only(cms_handle, tvb, pinfo, envelope, NULL);
    } else {
        call_data_dissector(tvb, pinfo, tree);
    }
    return (int)tvb_captured_length(tvb);
}

void
scep_cms_dissect(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, scep_der kind)
{
    dissector_handle_t handle = kind == SCEP_DER_CMS           ? cms_handle
                                : kind == SCEP_DER_CERTIFICATE ? certificate_handle
                                : kind == SCEP_DER_REQUEST     ? request_handle
                                                               : NULL;
    const char        *saved_protocol = pinfo->current_proto;

    if (!tree || tvb_captured_length(tvb) == 0)
        return;
    inside++;
    TRY {
        if (handle)
            call_dissector_only(handle, tvb, pinfo, tree, NULL);
        else
            dissect_unknown_ber(pinfo, tvb, 0, tree);
    }
    CATCH(DissectorError) { /* of Wireshark's, on malformed input; no bug of the capture's reader */
        proto_tree_add_expert(tree, pinfo, &ei_gave_up, tvb, 0, -1);
    }
    CATCH_NONFATAL_ERRORS {
        show_exception(tvb, pinfo, tree, EXCEPT_CODE, GET_MESSAGE);
    }
    FINALLY {
        inside--;
    }
    ENDTRY;
    pinfo->current_proto = saved_protocol;
}

void
scep_cms_register(int proto)
{
    static hf_register_info hf[] = {
        { &hf_attribute,
          { "Attribute value", "scep.attribute", FT_STRING, BASE_NONE, NULL, 0x0,
            "A SCEP attribute as it stands in the signed attributes", HFILL } },
    };

    static int *ett[] = { &ett_envelope };

    static ei_register_info ei[] = {
        { &ei_gave_up,
          { "scep.not_dissected", PI_MALFORMED, PI_ERROR, "Wireshark's dissector gave up on these bytes", EXPFILL } },
    };

    proto_register_field_array(proto, hf, array_length(hf));
    expert_register_field_array(expert_register_protocol(proto), ei, array_length(ei));
    proto_register_subtree_array(ett, array_length(ett));
}

void
scep_cms_init(int proto)
{
    dissector_table_t  media = find_dissector_table("media_type");
    dissector_table_t  oids = find_dissector_table("ber.oid");
    dissector_table_t  syntaxes = find_dissector_table("ber.syntax");
    dissector_handle_t handle = create_dissector_handle(dissect_borrowed, proto);

    cms_handle = dissector_get_string_handle(media, "application/pkcs7-mime");
    certificate_handle = dissector_get_string_handle(media, "application/pkix-cert");
    request_handle = dissector_get_string_handle(syntaxes, "CertificationRequest");
    mail_handle = dissector_get_string_handle(oids, OID_DATA);

    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
        register_ber_oid_dissector(attributes[i].oid, dissect_attribute, proto, attributes[i].name);
    for (size_t i = 0; i < G_N_ELEMENTS(borrowed); i++) {
        if (!dissector_get_string_handle(oids, borrowed[i]))
            dissector_add_string("ber.oid", borrowed[i], handle);
    }
    dissector_add_string("ber.oid", OID_DATA, create_dissector_handle(dissect_id_data, -1));
}
