/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The registration point's HTTP calls: where they meet HTTP. What a request is, its path tells; its body reaches us by its
 * media type, which Wireshark's own dissectors go on to show, or as a heuristic when it has none.
 */
#include "crp.h"

#include <epan/prefs.h>
#include <epan/tap.h>

#include "../compat.h"
#include "../scep/scep.h"
#include "../transport/http.h"
#include "../transport/media.h"
#include "tree.h"

#define MAX_USER_AGENT 256

/* Keys of per-frame data beside the records (0), in packet scope: how many bodies this visit has met. */
enum { RECORDS, BODIES };

static int                proto_crp = -1;
static int                call_tap = -1;
static dissector_handle_t crp_handle, json_handle, xml_handle;
static const char        *paths = CRP_USUAL_PATHS;

/* The record of the call or answer that HTTP/1 reads now, whose body is `length` octets of `data`; NULL when it is none. */
static crp_record *
claim(packet_info *pinfo, const uint8_t *data, size_t length)
{
    http_message http;
    crp_target   target;
    crp_record  *call;
    char         agent[MAX_USER_AGENT];

    if (!http_last_message(pinfo, &http))
        return NULL;
    if (http.is_request) {
        bool has_agent = http.target && http_header(pinfo, true, "User-Agent", agent, sizeof agent);

        if (!http.target || !crp_target_read(http.target, paths, has_agent ? agent : NULL, &target))
            return NULL;
        return crp_exchange_add_call(pinfo, &target, has_agent ? agent : NULL, data, length);
    }
    if (http.status < 200)
        return NULL;
    call = crp_exchange_waiting(pinfo, http.request_frame);
    return call ? crp_exchange_add_answer(pinfo, call, http.status, data, length) : NULL;
}

/* The record of the body that this visit meets next. */
static crp_record *
record_of_body(tvbuff_t *tvb, packet_info *pinfo)
{
    unsigned     *ordinal = p_get_proto_data(pinfo->pool, pinfo, proto_crp, BODIES);
    wmem_array_t *records;
    crp_record   *record;
    int           length = (int)tvb_captured_length(tvb);

    if (length == 0)
        return NULL;
    if (!ordinal) {
        ordinal = wmem_new0(pinfo->pool, unsigned);
        p_add_proto_data(pinfo->pool, pinfo, proto_crp, BODIES, ordinal);
    }
    ++*ordinal;
    if (!PINFO_FD_VISITED(pinfo)) {
        record = claim(pinfo, tvb_get_ptr(tvb, 0, length), (size_t)length);
        if (record)
            record->ordinal = *ordinal;
        return record;
    }
    records = crp_exchange_records(pinfo);
    for (unsigned i = 0; records && i < wmem_array_get_count(records); i++) {
        record = *(crp_record **)wmem_array_index(records, i);
        if (record->ordinal == *ordinal)
            return record;
    }
    return NULL;
}

/* The body without its secrets, when it has any and they are not to be shown. */
static tvbuff_t *
masked(tvbuff_t *tvb, packet_info *pinfo, const crp_record *record)
{
    size_t    length = tvb_captured_length(tvb);
    uint8_t  *copy;
    tvbuff_t *shown;

    if (scep_shows_secrets() || wmem_array_get_count(record->body.secrets) == 0)
        return tvb;
    copy = tvb_memdup(pinfo->pool, tvb, 0, length);
    crp_body_mask(&record->body, copy, length);
    shown = tvb_new_child_real_data(tvb, copy, (guint)length, (gint)length);
    add_new_data_source(pinfo, shown, "Body, secrets hidden");
    return shown;
}

static void
show(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const crp_record *record)
{
    crp_tree_add(tvb, pinfo, tree, record, scep_shows_secrets());
    tap_queue_packet(call_tap, pinfo, record);
}

/* Shows a body with Wireshark's dissector for what it is, and below that what is known of it. */
static int
show_body(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data, const crp_record *record,
          dissector_handle_t owner)
{
    tvbuff_t *shown = masked(tvb, pinfo, record);

    if (record->body.form == CRP_BODY_JSON)
        owner = json_handle;
    else if (record->body.form == CRP_BODY_XML)
        owner = xml_handle;
    if (owner)
        call_dissector_only(owner, shown, pinfo, tree, data);
    show(shown, pinfo, tree, record);
    return (int)tvb_captured_length(tvb);
}

static int
visit_body(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data, dissector_handle_t owner)
{
    const crp_record *record = record_of_body(tvb, pinfo);

    if (!record)
        return call_dissector_only(owner, tvb, pinfo, tree, data);
    return show_body(tvb, pinfo, tree, data, record, owner);
}

static compat_bool
dissect_heuristic(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const crp_record *record = record_of_body(tvb, pinfo);

    if (record)
        show_body(tvb, pinfo, tree, data, record, NULL);
    return record != NULL;
}

static bool
has_record(packet_info *pinfo, bool is_response)
{
    wmem_array_t *records = crp_exchange_records(pinfo);

    for (unsigned i = 0; records && i < wmem_array_get_count(records); i++) {
        if ((*(crp_record **)wmem_array_index(records, i))->is_response == is_response)
            return true;
    }
    return false;
}

/* Adds the record of a call or answer of which no body was met. */
static void
meet_bodiless(packet_info *pinfo)
{
    http_message http;

    if (http_last_message(pinfo, &http) && !has_record(pinfo, !http.is_request))
        claim(pinfo, NULL, 0);
}

static int
dissect_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    wmem_array_t  *records = crp_exchange_records(pinfo);
    wmem_strbuf_t *info = wmem_strbuf_new(pinfo->pool, "");

    for (unsigned i = 0; i < wmem_array_get_count(records); i++) {
        const crp_record *record = *(crp_record **)wmem_array_index(records, i);

        if (record->ordinal == 0)
            show(NULL, pinfo, tree, record);
        wmem_strbuf_append_printf(info, "%s%s", i == 0 ? "" : "; ", crp_summary(pinfo, record));
    }
    col_clear_fence(pinfo->cinfo, COL_INFO);
    col_add_str(pinfo->cinfo, COL_INFO, wmem_strbuf_get_str(info));
    return (int)tvb_captured_length(tvb);
}

void
crp_meet_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, bool has_new_http)
{
    if (has_new_http)
        meet_bodiless(pinfo);
    if (crp_exchange_records(pinfo))
        call_dissector_only(crp_handle, tvb, pinfo, tree, NULL);
}

const char *
crp_paths(void)
{
    return paths;
}

void
proto_register_crp(void)
{
    module_t *module;

    proto_crp = proto_register_protocol("Certificate Registration Point", "CRP", "crp");
    crp_handle = register_dissector("crp", dissect_frame, proto_crp);
    crp_exchange_init(proto_crp);
    crp_tree_register(proto_crp);
    call_tap = register_tap("crp");
    module = prefs_register_protocol(proto_crp, NULL);
    prefs_register_string_preference(module, "paths", "Paths",
                                     "Paths below which VerifyRequest and Notify are called, separated by commas: the "
                                     "name of the registration point's application can be changed",
                                     &paths);
}

void
proto_reg_handoff_crp(void)
{
    static const char *const shared[] = { "application/json", "text/json",  "application/xml",
                                          "text/xml",         "text/plain", "text/html",
                                          "application/octet-stream" };

    json_handle = find_dissector("json");
    xml_handle = find_dissector("xml");
    for (size_t i = 0; i < G_N_ELEMENTS(shared); i++)
        media_share(shared[i], visit_body);
    heur_dissector_add("http", dissect_heuristic, "CRP over HTTP", "crp_http", proto_crp, HEURISTIC_ENABLE);
}
