/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The post-dissector of the flow: every frame of TCP passes it, so that evidence is collected without a tree; frames of
 * enrolments get a tree "SCEP flow" that says where they stand.
 */
#include "annotate.h"

#include <epan/expert.h>
#include <epan/packet.h>
#include <epan/tap.h>
#include <string.h>

#include "../../dissector/compat.h"
#include "../../dissector/crp/crp.h"
#include "../../dissector/scep/scep.h"
#include "../../dissector/transport/flow_track.h"
#include "../../dissector/transport/http.h"
#include "at_end.h"
#include "flow_taps.h"
#include "ladder.h"

/* An enrolment that shares its connection with many others does not fill the tree. */
#define MAX_PARTS 8

static int                proto_scepflow = -1;
static int                flow_tap = -1;
static protocol_t        *flow_protocol;

static int hf_enrolment = -1;
static int hf_conversation = -1;
static int hf_leg = -1;
static int hf_role = -1;
static int hf_basis = -1;
static int hf_confidence = -1;
static int hf_reason = -1;
static int hf_step = -1;
static int hf_state = -1;
static int hf_next = -1;
static int hf_verdict = -1;
static int hf_expected_flow = -1;
static int hf_position = -1;
static int hf_retry_due = -1;
static int hf_story = -1;
static int hf_previous_in = -1;
static int hf_next_in = -1;
static int hf_answer_in = -1;
static int hf_onward_in = -1;
static int hf_inward_in = -1;
static int hf_finding = -1;
static int hf_finding_what = -1;
static int hf_finding_cause = -1;
static int hf_finding_fix = -1;
static int hf_finding_look = -1;
static int hf_filter = -1;
static int hf_behind_in = -1;
static int hf_joined_confidence = -1;
static int hf_joined_reason = -1;
static int hf_client_certificate = -1;
static int hf_client_certificate_subject = -1;
static int hf_log_in = -1;
static int hf_same_in = -1;
static int hf_time_total = -1;
static int hf_time_slowest = -1;
static int hf_times[FLOW_TIME_PARTS];

static int ett_flow = -1;
static int ett_finding = -1;
static int ett_timing = -1;

static expert_field ei_error = EI_INIT;
static expert_field ei_warning = EI_INIT;
static expert_field ei_note = EI_INIT;

static proto_item *
add_string(proto_tree *tree, tvbuff_t *tvb, int hf, const char *value)
{
    proto_item *item = value ? proto_tree_add_string(tree, hf, tvb, 0, 0, value) : NULL;

    if (item)
        proto_item_set_generated(item);
    return item;
}

static void
add_uint(proto_tree *tree, tvbuff_t *tvb, int hf, uint32_t value)
{
    if (value > 0)
        proto_item_set_generated(proto_tree_add_uint(tree, hf, tvb, 0, 0, value));
}

static expert_field *
expert_of(flow_severity severity)
{
    return severity == FLOW_ERROR ? &ei_error : severity == FLOW_WARNING ? &ei_warning : &ei_note;
}

/* A finding stands in the frame that shows it, and is named in all frames of its conversation. */
static void
add_findings(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const flow_part *part)
{
    const GPtrArray *findings = part->enrolment->findings;

    for (guint i = 0; i < findings->len; i++) {
        const flow_finding *finding = findings->pdata[i];
        proto_item         *item;
        proto_tree         *subtree;

        if (finding->part ? finding->part != part : finding->where.frame != pinfo->num)
            continue;
        item = add_string(tree, tvb, hf_finding, finding->id);
        if (!item)
            continue;
        subtree = proto_item_add_subtree(item, ett_finding);
        add_string(subtree, tvb, hf_finding_what, finding->what);
        add_string(subtree, tvb, hf_finding_cause, finding->cause);
        add_string(subtree, tvb, hf_finding_fix, finding->fix);
        add_string(subtree, tvb, hf_finding_look, finding->look);
        if (finding->where.frame == pinfo->num)
            expert_add_info_format(pinfo, item, expert_of(finding->severity), "%s", finding->what);
    }
}

/* What NDES asked of others for a PKIOperation. */
static void
add_calls(proto_tree *tree, tvbuff_t *tvb, const flow_enrolment *enrolment, const flow_exchange *operation)
{
    for (guint i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        for (guint j = 0; j < part->steps->len; j++) {
            const flow_exchange *call = g_array_index(part->steps, flow_part_step, j).exchange;

            if (call && call->operation_of && (call->operation_of == operation || call->operation_of == operation->onward))
                add_uint(tree, tvb, hf_behind_in, call->request_end.frame);
        }
    }
}

/* The lines of logs that tell of a request. */
static void
add_logs(proto_tree *tree, tvbuff_t *tvb, const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 1; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->testimony)
            add_uint(tree, tvb, hf_log_in, witness->request.frame);
    }
}

/* What a line of a log is about. */
static void
add_told(proto_tree *tree, tvbuff_t *tvb, const flow_part *part, const flow_exchange *told)
{
    const flow_testimony *testimony = told->testimony;

    add_string(tree, tvb, hf_basis, flow_basis_name(FLOW_LOG));
    add_uint(tree, tvb, hf_confidence, testimony->of ? testimony->confidence : part->confidence);
    add_string(tree, tvb, hf_reason, testimony->of ? testimony->how : part->reason);
    if (testimony->of)
        add_uint(tree, tvb, hf_same_in, testimony->of->request_end.frame);
}

/* Links of a request or answer: to each other, and to the same on the other leg. */
static void
add_links(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const flow_part *part)
{
    for (guint i = 0; i < part->steps->len; i++) {
        const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, i).exchange;
        bool                 is_request, is_answer;

        if (!exchange)
            continue;
        is_request = exchange->request_end.frame == pinfo->num;
        is_answer = exchange->response_end.frame == pinfo->num;
        if (is_request)
            add_uint(tree, tvb, hf_answer_in, exchange->response_end.frame);
        if ((is_request || is_answer) && exchange->onward)
            add_uint(tree, tvb, hf_onward_in,
                     is_request ? exchange->onward->request_end.frame : exchange->onward->response_end.frame);
        if ((is_request || is_answer) && exchange->inward)
            add_uint(tree, tvb, hf_inward_in,
                     is_request ? exchange->inward->request_end.frame : exchange->inward->response_end.frame);
        if ((is_request || is_answer) && exchange->operation_of) {
            add_uint(tree, tvb, hf_inward_in, exchange->operation_of->request_end.frame);
            add_uint(tree, tvb, hf_joined_confidence, exchange->onward_confidence);
            add_string(tree, tvb, hf_joined_reason, exchange->onward_reason);
        }
        if (is_request || is_answer)
            add_logs(tree, tvb, exchange);
        if ((is_request || is_answer) && exchange->step == FLOW_PKI_OPERATION)
            add_calls(tree, tvb, part->enrolment, exchange);
    }
}

static void
add_duration(proto_tree *tree, tvbuff_t *tvb, int hf, int64_t duration, const char *leg)
{
    nstime_t    time = { (time_t)(duration / 1000000000), (int)(duration % 1000000000) };
    proto_item *item = proto_tree_add_time(tree, hf, tvb, 0, 0, &time);

    if (leg)
        proto_item_append_text(item, " (%s)", leg);
    proto_item_set_generated(item);
}

/* Where the time of a PKIOperation went stands in the frame that ends its answer. */
static void
add_timings(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const flow_part *part)
{
    for (guint i = 0; i < part->enrolment->timings->len; i++) {
        const flow_timing *timing = part->enrolment->timings->pdata[i];
        proto_tree        *subtree;
        proto_item        *item;

        if (timing->operation->response_end.frame != pinfo->num || timing->operation->conversation != part->conversation)
            continue;
        subtree = proto_tree_add_subtree(tree, tvb, 0, 0, ett_timing, &item, "Where the time went");
        proto_item_set_generated(item);
        add_duration(subtree, tvb, hf_time_total, timing->total, NULL);
        for (guint j = 0; j < timing->spans->len; j++) {
            const flow_span *span = &g_array_index(timing->spans, flow_span, j);

            add_duration(subtree, tvb, hf_times[span->part], span->time,
                         span->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(span->leg));
        }
        if (timing->slowest)
            add_string(subtree, tvb, hf_time_slowest, flow_time_part_name(timing->slowest->part));
    }
}

static void
add_retry(proto_tree *tree, tvbuff_t *tvb, const flow_enrolment *enrolment)
{
    nstime_t due = { (time_t)(enrolment->retry_due / 1000000000), (int)(enrolment->retry_due % 1000000000) };

    if (enrolment->retry_due)
        proto_item_set_generated(proto_tree_add_time(tree, hf_retry_due, tvb, 0, 0, &due));
}

static void
add_part(proto_tree *parent, tvbuff_t *tvb, packet_info *pinfo, const flow_part *part, flow_side from)
{
    flow_position position;
    proto_item   *item;
    proto_tree   *tree;
    char         *text;

    flow_position_of(part, pinfo->num, from, &position);
    item = proto_tree_add_protocol_format(parent, proto_scepflow, tvb, 0, 0, "SCEP flow, enrolment %u: %s",
                                          part->enrolment->number, position.sentence);
    proto_item_set_generated(item);
    tree = proto_item_add_subtree(item, ett_flow);
    add_string(tree, tvb, hf_position, position.sentence);
    add_uint(tree, tvb, hf_enrolment, part->enrolment->number);
    add_string(tree, tvb, hf_verdict, flow_verdict_name(part->enrolment->verdict));
    add_string(tree, tvb, hf_expected_flow, part->enrolment->flow);
    add_uint(tree, tvb, hf_conversation, part->number);
    add_string(tree, tvb, hf_leg, flow_leg_name(part->leg));
    for (const char **role = part->roles; *role; role++)
        add_string(tree, tvb, hf_role, *role);
    if (position.told) {
        add_told(tree, tvb, part, position.told);
    } else {
        add_string(tree, tvb, hf_basis, flow_basis_name(part->basis));
        add_uint(tree, tvb, hf_confidence, part->confidence);
        add_string(tree, tvb, hf_reason, part->reason);
    }
    add_string(tree, tvb, hf_step, flow_step_name(position.step));
    add_string(tree, tvb, hf_state, flow_state_name(position.state));
    add_string(tree, tvb, hf_next, position.next);
    add_uint(tree, tvb, hf_previous_in, position.previous_frame);
    add_uint(tree, tvb, hf_next_in, position.next_frame);
    add_links(tree, tvb, pinfo, part);
    add_timings(tree, tvb, pinfo, part);
    text = flow_story(part->conversation);
    add_string(tree, tvb, hf_story, text);
    g_free(text);
    add_string(tree, tvb, hf_client_certificate, flow_client_certificate_name(part->conversation));
    if (part->conversation->client_certificate)
        add_string(tree, tvb, hf_client_certificate_subject, part->conversation->client_certificate->subject);
    add_findings(tree, tvb, pinfo, part);
    add_retry(tree, tvb, part->enrolment);
    text = flow_filter_of(part->enrolment);
    add_string(tree, tvb, hf_filter, text);
    g_free(text);
    g_free(position.sentence);
}

/* True when somebody looks at what would be added. */
static bool
is_wanted(proto_tree *tree)
{
    return tree && (PTREE_DATA(tree)->visible || proto_field_is_referenced(tree, proto_scepflow));
}

static void
annotate_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    flow_side                from;
    const flow_conversation *conversation = flow_track_visit(tvb, pinfo, &from);
    const GPtrArray         *parts;

    if (!conversation)
        return;
    at_end_see(pinfo);
    tap_queue_packet(flow_tap, pinfo, conversation);
    if (!is_wanted(tree))
        return;
    if (PINFO_FD_VISITED(pinfo))
        flow_track_result();
    else
        flow_track_result_so_far();
    parts = flow_parts_of(conversation);
    for (guint i = 0; parts && i < parts->len && i < MAX_PARTS; i++)
        add_part(tree, tvb, pinfo, parts->pdata[i], from);
}

/* The post-dissector: one for both protocols, and of neither, because each that Wireshark calls costs every packet. */
static int
meet_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    bool has_new_http = !PINFO_FD_VISITED(pinfo) && http_in_frame(pinfo);

    scep_meet_frame(tvb, pinfo, tree, has_new_http);
    crp_meet_frame(tvb, pinfo, tree, has_new_http);
    if (proto_is_protocol_enabled(flow_protocol))
        annotate_frame(tvb, pinfo, tree);
    return 0;
}

#define STRING(variable, name, filter, blurb)                                                                          \
    {                                                                                                                  \
        &variable, { name, "scepflow." filter, FT_STRING, BASE_NONE, NULL, 0, blurb, HFILL }                           \
    }
#define UINT(variable, name, filter, blurb)                                                                            \
    {                                                                                                                  \
        &variable, { name, "scepflow." filter, FT_UINT32, BASE_DEC, NULL, 0, blurb, HFILL }                            \
    }
#define FRAME(variable, name, filter, blurb)                                                                           \
    {                                                                                                                  \
        &variable, { name, "scepflow." filter, FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_NONE), 0, blurb, HFILL } \
    }

#define DURATION(variable, name, filter, blurb)                                                                        \
    {                                                                                                                  \
        &variable, { name, "scepflow." filter, FT_RELATIVE_TIME, BASE_NONE, NULL, 0, blurb, HFILL }                    \
    }

void
annotate_register(void)
{
    static hf_register_info fields[] = {
        UINT(hf_enrolment, "Enrolment", "enrolment", "Number in the file"),
        UINT(hf_conversation, "Conversation", "conversation", "Number within the enrolment"),
        STRING(hf_leg, "Leg", "leg", "Between whom the conversation is"),
        STRING(hf_role, "Role", "role", "What the conversation is for"),
        STRING(hf_basis, "Basis", "basis", "Whether the role was read or inferred"),
        UINT(hf_confidence, "Confidence (percent)", "confidence", NULL),
        STRING(hf_reason, "Because", "reason", "How the role is known"),
        STRING(hf_step, "Step", "step", "Where this frame stands"),
        STRING(hf_state, "State of the step", "step.state", NULL),
        STRING(hf_next, "Expected next", "next", "The step that is expected after this frame"),
        STRING(hf_verdict, "Verdict", "verdict", "What became of the enrolment"),
        STRING(hf_expected_flow, "Expected flow", "expected_flow", "What the enrolment is compared with"),
        STRING(hf_position, "Where", "position", "Where this frame stands, in a sentence"),
        {
            &hf_retry_due,
            { "Next try due", "scepflow.retry_due", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_UTC, NULL, 0,
              "When the device tries again, by its schedule", HFILL },
        },
        STRING(hf_story, "Story", "story", "What TCP and TLS tell about the conversation"),
        FRAME(hf_previous_in, "Step before in", "previous_in", NULL),
        FRAME(hf_next_in, "Next step in", "next_in", NULL),
        FRAME(hf_answer_in, "Answer in", "answer_in", NULL),
        FRAME(hf_onward_in, "Goes on in", "onward_in", "The same on the next leg"),
        FRAME(hf_inward_in, "Comes from", "inward_in", "The same on the leg before"),
        FRAME(hf_behind_in, "Asked behind NDES in", "behind_in", "What NDES asked of registration point and CA meanwhile"),
        FRAME(hf_log_in, "Told by a log in", "log_in", "A line of a log that tells of it as well"),
        FRAME(hf_same_in, "The same in", "same_in", "The request that a line of a log tells of"),
        UINT(hf_joined_confidence, "Belongs to it with (percent)", "joined_confidence", NULL),
        STRING(hf_joined_reason, "Belongs to it because", "joined_reason", "How the PKIOperation is known"),
        STRING(hf_client_certificate, "Client certificate", "client_certificate", "requested, empty or sent"),
        STRING(hf_client_certificate_subject, "Subject of the client certificate", "client_certificate.subject", NULL),
        DURATION(hf_time_total, "PKIOperation", "time.total", "From its first packet to the last of its answer"),
        DURATION(hf_times[FLOW_TIME_NETWORK], "Network", "time.network", "Of a leg"),
        DURATION(hf_times[FLOW_TIME_WAP], "WAP", "time.wap", NULL),
        DURATION(hf_times[FLOW_TIME_BEHIND], "What is behind it", "time.behind", "Where NDES's calls were not captured"),
        DURATION(hf_times[FLOW_TIME_NDES_BEFORE], "NDES before VerifyRequest", "time.ndes_before", NULL),
        DURATION(hf_times[FLOW_TIME_VERIFY], "VerifyRequest", "time.verify_request", NULL),
        DURATION(hf_times[FLOW_TIME_NDES_BETWEEN], "NDES between the calls", "time.ndes_between", NULL),
        DURATION(hf_times[FLOW_TIME_CA], "CA", "time.ca_issue", NULL),
        DURATION(hf_times[FLOW_TIME_NOTIFY], "Notify", "time.notify", NULL),
        DURATION(hf_times[FLOW_TIME_NDES_AFTER], "NDES after the calls", "time.ndes_after", NULL),
        STRING(hf_time_slowest, "Slowest part", "time.slowest", NULL),
        STRING(hf_finding, "Finding", "finding", "Its name in the catalogue"),
        STRING(hf_finding_what, "What", "what", NULL),
        STRING(hf_finding_cause, "Cause", "cause", NULL),
        STRING(hf_finding_fix, "Fix", "fix", NULL),
        STRING(hf_finding_look, "Look", "look", "Where to look next"),
        STRING(hf_filter, "Filter", "filter", "Selects the frames of this enrolment"),
    };
    static gint *trees[] = { &ett_flow, &ett_finding, &ett_timing };
    static ei_register_info experts[] = {
        { &ei_error, { "scepflow.error", PI_SEQUENCE, PI_ERROR, "The enrolment fails here", EXPFILL } },
        { &ei_warning, { "scepflow.warning", PI_SEQUENCE, PI_WARN, "The enrolment is not as it should be", EXPFILL } },
        { &ei_note, { "scepflow.note", PI_SEQUENCE, PI_NOTE, "Worth knowing about the enrolment", EXPFILL } },
    };

    proto_scepflow = proto_register_protocol("SCEP flow", "SCEP flow", "scepflow");
    proto_register_field_array(proto_scepflow, fields, array_length(fields));
    proto_register_subtree_array(trees, array_length(trees));
    expert_register_field_array(expert_register_protocol(proto_scepflow), experts, array_length(experts));
    flow_protocol = find_protocol_by_id(proto_scepflow);
    flow_tap = register_tap("scepflow");
    flow_track_register(proto_scepflow);
    flow_taps_register(proto_scepflow);
    ladder_register(proto_scepflow);
}

void
annotate_handoff(void)
{
    flow_track_init();
    register_postdissector(create_dissector_handle(meet_frame, -1));
}
