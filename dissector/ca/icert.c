/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ICertPassage ([MS-ICPR] 3.2.4.1) and ICertRequestD, ICertRequestD2 ([MS-WCCE] 3.2.1.4.2, 3.2.1.4.3), which Wireshark
 * does not know. Of the calls that ask for a certificate the parameters are shown, of all others the names.
 *
 * Stubs are read here by the rules of NDR and NDR64 (C706 chapter 14, [MS-RPCE] 2.2.5): libwireshark does not export
 * what it has for pointers and arrays.
 */
#include "icert.h"

#include "../compat.h"

#include <epan/exceptions.h>
#include <epan/dissectors/packet-dcerpc.h>
#include <epan/dissectors/packet-dcom.h>

#include "../scep/certificate.h"
#include "../scep/names.h"

/* A stub that is read. */
typedef struct {
    tvbuff_t *tvb;
    unsigned  offset;
    bool      is_little_endian;
    bool      is_ndr64;
} ndr;

static int proto_icert = -1; /* all of them */
static int proto_passage = -1, proto_request = -1, proto_request2 = -1;
static int ett_passage = -1, ett_request = -1, ett_request2 = -1, ett_octets = -1;

static int hf_passage_operation = -1, hf_request_operation = -1, hf_request2_operation = -1;
static int hf_flags = -1, hf_request_type = -1;
static int hf_authority = -1, hf_serial_number = -1, hf_attributes = -1;
static int hf_request_id = -1, hf_disposition = -1, hf_disposition_message = -1, hf_hresult = -1;
static int hf_request = -1, hf_chain = -1, hf_certificate = -1;

static dissector_handle_t pkcs10_handle, cms_handle, certificate_handle; /* each may be NULL */

static e_guid_t uuid_passage = { 0x91ae6020, 0x9e3c, 0x11cf, { 0x8d, 0x7c, 0x00, 0xaa, 0x00, 0xc0, 0x91, 0xbe } };
static e_guid_t uuid_request = { 0xd99e6e70, 0xfc88, 0x11d0, { 0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3 } };
static e_guid_t uuid_request2 = { 0x5422fd3a, 0xd4b8, 0x4cef, { 0xa1, 0x2e, 0xe8, 0x7d, 0x4c, 0xa2, 0x2e, 0x90 } };

/* certcli.h, ICertRequest::Submit; [MS-WCCE] 3.2.1.4.2.1 has those that go over the wire. */
static const value_string dispositions[] = {
    { 0, "CR_DISP_INCOMPLETE, not completed" },
    { 1, "CR_DISP_ERROR, failed" },
    { 2, "CR_DISP_DENIED, denied" },
    { 3, "CR_DISP_ISSUED, issued" },
    { 4, "CR_DISP_ISSUED_OUT_OF_BAND, issued separately" },
    { 5, "CR_DISP_UNDER_SUBMISSION, waits for an administrator" },
    { 6, "CR_DISP_REVOKED, revoked" },
    { 0, NULL },
};

/* [MS-WCCE] 3.2.1.4.3.1.1, RequestType in dwFlags; CR_IN_… of certcli.h. */
static const value_string request_types[] = {
    { 0, "any" }, { 1, "PKCS #10" }, { 2, "Netscape KEYGEN" }, { 3, "CMS" }, { 4, "CMC" }, { 0, NULL },
};

/* --- NDR --- */

static ndr
ndr_begin(tvbuff_t *tvb, int offset, const dcerpc_info *di, const guint8 *drep)
{
    ndr in = {
        .tvb = tvb,
        .offset = (unsigned)offset,
        .is_little_endian = (drep[0] & DREP_LITTLE_ENDIAN) != 0,
        .is_ndr64 = di->call_data && (di->call_data->flags & DCERPC_IS_NDR64) != 0,
    };

    return in;
}

static void
ndr_align(ndr *in, unsigned width)
{
    in->offset = (in->offset + width - 1) / width * width;
}

static uint32_t
ndr_number(ndr *in)
{
    ndr_align(in, 4);
    in->offset += 4;
    return in->is_little_endian ? tvb_get_letohl(in->tvb, (int)in->offset - 4)
                                : tvb_get_ntohl(in->tvb, (int)in->offset - 4);
}

/* A pointer, or a count of an array. */
static uint64_t
ndr_long(ndr *in)
{
    if (!in->is_ndr64)
        return ndr_number(in);
    ndr_align(in, 8);
    in->offset += 8;
    return in->is_little_endian ? tvb_get_letoh64(in->tvb, (int)in->offset - 8)
                                : tvb_get_ntoh64(in->tvb, (int)in->offset - 8);
}

/* Passes over so many octets, which must be there; returns their number. */
static unsigned
ndr_pass(ndr *in, uint64_t length)
{
    if (length > (uint64_t)MAX(0, tvb_reported_length_remaining(in->tvb, (int)in->offset)))
        THROW(ReportedBoundsError);
    in->offset += (unsigned)length;
    return (unsigned)length;
}

/* --- parameters --- */

static void
add_text(proto_tree *tree, int field, ndr *in, unsigned begin, unsigned length)
{
    proto_tree_add_item(tree, field, in->tvb, (int)begin, (int)length,
                        ENC_UTF_16 | (in->is_little_endian ? ENC_LITTLE_ENDIAN : ENC_BIG_ENDIAN));
}

/* [in, string, unique] wchar_t *: a varying string of its own after the pointer. */
static void
dissect_string(proto_tree *tree, int field, ndr *in)
{
    uint64_t count;
    unsigned length;

    if (ndr_long(in) == 0)
        return;
    ndr_long(in); /* most */
    ndr_long(in); /* offset */
    count = ndr_long(in);
    length = ndr_pass(in, MIN(count, G_MAXINT32 / 2) * 2);
    add_text(tree, field, in, in->offset - length, length);
}

static uint32_t
dissect_number(proto_tree *tree, int field, ndr *in)
{
    uint32_t number = ndr_number(in);

    proto_tree_add_uint(tree, field, in->tvb, (int)in->offset - 4, 4, number);
    return number;
}

/* CERTTRANSBLOB, [MS-WCCE] 2.2.2.2: its octets, which follow it; their number, 0 when there are none. */
static unsigned
ndr_blob(ndr *in, unsigned *begin)
{
    uint64_t pointer;

    if (in->is_ndr64)
        ndr_align(in, 8);
    ndr_number(in);
    pointer = ndr_long(in);
    if (pointer == 0)
        return 0;

    unsigned length = ndr_pass(in, ndr_long(in));

    *begin = in->offset - length;
    return length;
}

/* Hands octets to the dissector of what is in them. */
static void
dissect_octets(packet_info *pinfo, proto_tree *tree, int field, ndr *in, dissector_handle_t handle)
{
    unsigned    begin, length = ndr_blob(in, &begin);
    proto_item *item;

    if (length == 0)
        return;
    item = proto_tree_add_item(tree, field, in->tvb, (int)begin, (int)length, ENC_NA);
    if (!handle)
        return;
    col_set_writable(pinfo->cinfo, COL_INFO, FALSE); /* it is the call that is of interest there */
    TRY {
        call_dissector(handle, tvb_new_subset_length(in->tvb, (int)begin, (int)length), pinfo,
                       proto_item_add_subtree(item, ett_octets));
    }
    FINALLY {
        col_set_writable(pinfo->cinfo, COL_INFO, TRUE);
    }
    ENDTRY;
}

const scep_request *
icert_request(packet_info *pinfo)
{
    return p_get_proto_data(wmem_file_scope(), pinfo, proto_icert, 0);
}

/* Keeps the request of this frame on the first visit. */
static void
keep_request(packet_info *pinfo, const ndr *in, unsigned begin, unsigned length)
{
    ber_slice     der = { tvb_get_ptr(in->tvb, (int)begin, (int)length), length };
    scep_request *request = PINFO_FD_VISITED(pinfo) ? NULL : scep_request_read(wmem_file_scope(), der);

    if (request && !icert_request(pinfo))
        p_add_proto_data(wmem_file_scope(), pinfo, proto_icert, 0, request);
}

/* A request is a PKCS #10, whose second tag is that of a SEQUENCE, or a ContentInfo, where it is that of an OID. */
static void
dissect_request_octets(packet_info *pinfo, proto_tree *tree, ndr *in)
{
    ndr      ahead = *in;
    unsigned begin, length = ndr_blob(&ahead, &begin), second = 0;

    if (length > 8) {
        unsigned head = tvb_get_ntohs(in->tvb, (int)begin), size = head & 0x7f;

        if (head >> 8 == 0x30 && (head < 0x3080 || size <= 4))
            second = tvb_get_ntohs(in->tvb, (int)begin + 2 + (head < 0x3080 ? 0 : (int)size)) >> 8;
    }
    if (second == 0x30)
        keep_request(pinfo, in, begin, length);
    dissect_octets(pinfo, tree, hf_request, in,
                   second == 0x30 ? pkcs10_handle : second == 0x06 ? cms_handle : NULL);
}

static void
dissect_text_octets(proto_tree *tree, int field, ndr *in)
{
    unsigned begin, length = ndr_blob(in, &begin);

    if (length > 0)
        add_text(tree, field, in, begin, length);
}

static void
dissect_flags(proto_tree *tree, ndr *in)
{
    uint32_t flags = dissect_number(tree, hf_flags, in);

    proto_tree_add_uint(tree, hf_request_type, in->tvb, (int)in->offset - 4, 4, flags);
}

/* What is in front of a DCOM call's parameters, [MS-DCOM] 2.2.13.3 and 2.2.13.4. Wireshark knows it in NDR only; in NDR64
 * it is passed over. False when it has extensions, behind which nothing is found. */
static bool
pass_header(ndr *in, packet_info *pinfo, proto_tree *tree, dcerpc_info *di, guint8 *drep, bool is_request)
{
    if (!in->is_ndr64) {
        in->offset = (unsigned)(is_request ? dissect_dcom_this(in->tvb, (int)in->offset, pinfo, tree, di, drep)
                                           : dissect_dcom_that(in->tvb, (int)in->offset, pinfo, tree, di, drep));
        return true;
    }
    in->offset += is_request ? 28 : 4;
    return ndr_long(in) == 0;
}

static void
begin_call(tvbuff_t *tvb, proto_tree *tree)
{
    proto_item_set_hidden(proto_tree_add_item(tree, proto_icert, tvb, 0, 0, ENC_NA));
}

/* --- operations --- */

static int
dissect_passage_request(tvbuff_t *tvb, int offset, packet_info *pinfo, proto_tree *tree, dcerpc_info *di, guint8 *drep)
{
    ndr in = ndr_begin(tvb, offset, di, drep);

    begin_call(tvb, tree);
    dissect_flags(tree, &in);
    dissect_string(tree, hf_authority, &in);
    dissect_number(tree, hf_request_id, &in);
    dissect_text_octets(tree, hf_attributes, &in);
    dissect_request_octets(pinfo, tree, &in);
    return (int)in.offset;
}

static int
dissect_request_request(tvbuff_t *tvb, int offset, packet_info *pinfo, proto_tree *tree, dcerpc_info *di, guint8 *drep)
{
    ndr in = ndr_begin(tvb, offset, di, drep);

    begin_call(tvb, tree);
    if (!pass_header(&in, pinfo, tree, di, drep, true))
        return (int)tvb_captured_length(tvb);
    dissect_flags(tree, &in);
    dissect_string(tree, hf_authority, &in);
    dissect_number(tree, hf_request_id, &in);
    dissect_string(tree, hf_attributes, &in);
    dissect_request_octets(pinfo, tree, &in);
    return (int)in.offset;
}

static int
dissect_request2_request(tvbuff_t *tvb, int offset, packet_info *pinfo, proto_tree *tree, dcerpc_info *di, guint8 *drep)
{
    ndr in = ndr_begin(tvb, offset, di, drep);

    begin_call(tvb, tree);
    if (!pass_header(&in, pinfo, tree, di, drep, true))
        return (int)tvb_captured_length(tvb);
    dissect_string(tree, hf_authority, &in);
    dissect_flags(tree, &in);
    dissect_string(tree, hf_serial_number, &in);
    dissect_number(tree, hf_request_id, &in);
    dissect_string(tree, hf_attributes, &in);
    dissect_request_octets(pinfo, tree, &in);
    return (int)in.offset;
}

/* The disposition, or the reason for which there is no certificate in its place. */
static void
dissect_disposition(packet_info *pinfo, proto_tree *tree, ndr *in)
{
    uint32_t    disposition = ndr_number(in);
    const char *name = try_val_to_str(disposition, dispositions);

    if (!name)
        name = val_to_str_const(disposition, scep_hresults, "unknown");
    proto_tree_add_uint_format_value(tree, hf_disposition, in->tvb, (int)in->offset - 4, 4, disposition, "%s (0x%08x)",
                                     name, disposition);
    col_append_fstr(pinfo->cinfo, COL_INFO, ", %s", name);
}

/* What all three answer. */
static void
dissect_answer(packet_info *pinfo, proto_tree *tree, ndr *in)
{
    uint32_t hresult;

    dissect_number(tree, hf_request_id, in);
    dissect_disposition(pinfo, tree, in);
    dissect_octets(pinfo, tree, hf_chain, in, cms_handle);
    dissect_octets(pinfo, tree, hf_certificate, in, certificate_handle);
    dissect_text_octets(tree, hf_disposition_message, in);
    hresult = dissect_number(tree, hf_hresult, in);
    if (hresult != 0)
        col_append_fstr(pinfo->cinfo, COL_INFO, ", %s", val_to_str(hresult, scep_hresults, "HRESULT 0x%08x"));
}

static int
dissect_passage_response(tvbuff_t *tvb, int offset, packet_info *pinfo, proto_tree *tree, dcerpc_info *di,
                         guint8 *drep)
{
    ndr in = ndr_begin(tvb, offset, di, drep);

    begin_call(tvb, tree);
    dissect_answer(pinfo, tree, &in);
    return (int)in.offset;
}

static int
dissect_request_response(tvbuff_t *tvb, int offset, packet_info *pinfo, proto_tree *tree, dcerpc_info *di,
                         guint8 *drep)
{
    ndr in = ndr_begin(tvb, offset, di, drep);

    begin_call(tvb, tree);
    if (!pass_header(&in, pinfo, tree, di, drep, false))
        return (int)tvb_captured_length(tvb);
    dissect_answer(pinfo, tree, &in);
    return (int)in.offset;
}

static dcerpc_sub_dissector passage_operations[] = {
    { 0, "CertServerRequest", dissect_passage_request, dissect_passage_response },
    { 0, NULL, NULL, NULL },
};

static dcerpc_sub_dissector request_operations[] = {
    { 0, "QueryInterface", NULL, NULL },
    { 1, "AddRef", NULL, NULL },
    { 2, "Release", NULL, NULL },
    { 3, "Request", dissect_request_request, dissect_request_response },
    { 4, "GetCACert", NULL, NULL },
    { 5, "Ping", NULL, NULL },
    { 0, NULL, NULL, NULL },
};

static dcerpc_sub_dissector request2_operations[] = {
    { 0, "QueryInterface", NULL, NULL },
    { 1, "AddRef", NULL, NULL },
    { 2, "Release", NULL, NULL },
    { 3, "Request", dissect_request_request, dissect_request_response },
    { 4, "GetCACert", NULL, NULL },
    { 5, "Ping", NULL, NULL },
    { 6, "Request2", dissect_request2_request, dissect_request_response },
    { 7, "GetCAProperty", NULL, NULL },
    { 8, "GetCAPropertyInfo", NULL, NULL },
    { 9, "Ping2", NULL, NULL },
    { 0, NULL, NULL, NULL },
};

/* --- registration --- */

void
proto_register_icert(void)
{
    static hf_register_info fields[] = {
        { &hf_passage_operation,
          { "Operation", "icert.opnum", FT_UINT16, BASE_DEC, NULL, 0, NULL, HFILL } },
        { &hf_request_operation,
          { "Operation", "icert.opnum", FT_UINT16, BASE_DEC, NULL, 0, NULL, HFILL } },
        { &hf_request2_operation,
          { "Operation", "icert.opnum", FT_UINT16, BASE_DEC, NULL, 0, NULL, HFILL } },
        { &hf_flags, { "Flags", "icert.flags", FT_UINT32, BASE_HEX, NULL, 0, NULL, HFILL } },
        { &hf_request_type,
          { "Request type", "icert.request_type", FT_UINT32, BASE_DEC, VALS(request_types), 0x0000ff00, NULL, HFILL } },
        { &hf_authority, { "CA", "icert.authority", FT_STRINGZ, BASE_NONE, NULL, 0, "Name of the CA", HFILL } },
        { &hf_serial_number,
          { "Serial number", "icert.serial_number", FT_STRINGZ, BASE_NONE, NULL, 0, NULL, HFILL } },
        { &hf_attributes, { "Attributes", "icert.attributes", FT_STRINGZ, BASE_NONE, NULL, 0, NULL, HFILL } },
        { &hf_request_id,
          { "Request ID", "icert.request_id", FT_UINT32, BASE_DEC, NULL, 0, "Number in the CA's database", HFILL } },
        { &hf_disposition,
          { "Disposition", "icert.disposition", FT_UINT32, BASE_HEX, NULL, 0, "What the CA decided", HFILL } },
        { &hf_disposition_message,
          { "Disposition message", "icert.disposition_message", FT_STRINGZ, BASE_NONE, NULL, 0, NULL, HFILL } },
        { &hf_hresult,
          { "HRESULT", "icert.hresult", FT_UINT32, BASE_HEX, VALS(scep_hresults), 0, NULL, HFILL } },
        { &hf_request, { "Request", "icert.request", FT_BYTES, BASE_NONE, NULL, 0, "PKCS #10, CMS or CMC", HFILL } },
        { &hf_chain,
          { "Full response", "icert.chain", FT_BYTES, BASE_NONE, NULL, 0, "CMS with the certificates", HFILL } },
        { &hf_certificate, { "Certificate", "icert.certificate", FT_BYTES, BASE_NONE, NULL, 0, NULL, HFILL } },
    };
    static gint *subtrees[] = { &ett_passage, &ett_request, &ett_request2, &ett_octets };

    proto_icert = proto_register_protocol("Certificate requests to a Windows CA", "ICert", "icert");
    proto_passage = proto_register_protocol("ICertPassage Remote Protocol", "ICertPassage", "icertpassage");
    proto_request = proto_register_protocol("DCOM ICertRequestD", "ICertRequestD", "icertrequestd");
    proto_request2 = proto_register_protocol("DCOM ICertRequestD2", "ICertRequestD2", "icertrequestd2");
    proto_register_field_array(proto_icert, fields, G_N_ELEMENTS(fields));
    proto_register_subtree_array(subtrees, G_N_ELEMENTS(subtrees));
}

void
proto_reg_handoff_icert(void)
{
    dissector_table_t media = find_dissector_table("media_type");

    dcerpc_init_uuid(proto_passage, ett_passage, &uuid_passage, 0, passage_operations, hf_passage_operation);
    dcerpc_init_uuid(proto_request, ett_request, &uuid_request, 0, request_operations, hf_request_operation);
    dcerpc_init_uuid(proto_request2, ett_request2, &uuid_request2, 0, request2_operations, hf_request2_operation);
    pkcs10_handle = dissector_get_string_handle(media, "application/pkcs10");
    cms_handle = dissector_get_string_handle(media, "application/pkcs7-mime");
    certificate_handle = dissector_get_string_handle(media, "application/pkix-cert");
}
