/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Frames of a file, with what was read in them, through tracker, engine and reports: at any time what the engine says
 * is sound, a frame is found again where it was put, and an evaluation says the same twice. What is rare in frames that
 * chance makes, calls of NDES while PKIOperations wait, and lines of logs, comes as evidence without frames.
 *
 * The first octet of an input chooses the settings; actions follow, each an octet that names it and what it needs.
 */
#include <string.h>

#include "fuzz.h"
#include "flow/evidence.h"
#include "flow/knowledge.h"
#include "flow/logs.h"
#include "transport/track.h"
#include "../../plugin/view/outcome.h"
#include "../../plugin/view/report_json.h"
#include "../../plugin/view/report_text.h"

enum {
    FRAME,
    AGAIN,
    EVALUATE,
    REQUEST,
    ANSWER,
    HANDSHAKE,
    ALERT,
    READ,
    QUIET,
    CONNECT,
    TURN,
    CALL,
    RETURN,
    END,
    ACTIONS,
};

/* Octets from here on are lines of logs. */
#define LINE 0xe0

/* More would only be slow. */
#define MAX_FRAMES      400
#define MAX_EVALUATIONS 6
#define MAX_MADE        100
#define MAX_TOLD        300

#define BEGIN (G_GINT64_CONSTANT(1465526646) * 1000000000)

/* A frame that was met, and where it was put. */
typedef struct {
    ber_slice    octets; /* owned: the engine may not keep addresses in it */
    size_t       length;
    flow_moment  now;
    track_place  place;
    bool         is_segment;
} frame;

typedef struct {
    ber_slice   in;
    flow_model *model;
    tracker    *all;
    GArray     *frames; /* of frame */
    GPtrArray  *made;   /* of flow_conversation *: those for which there are no frames */
    GPtrArray  *told;   /* of flow_conversation *: of logs */
    flow_moment now;
    unsigned    evaluations, streams;
    bool        has_points; /* frames come from two points by turns */
} file;

static flow_knowledge *knowledge;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);

    knowledge = flow_knowledge_new(NULL, problems);
    g_assert_cmpuint(problems->len, ==, 0);
    g_ptr_array_unref(problems);
    return 0;
}

/* The next number of the input, 0 at its end. */
static unsigned
next(file *one, unsigned width)
{
    unsigned number = 0;

    for (; width > 0; width--) {
        number <<= 8;
        if (one->in.length > 0) {
            number |= *one->in.data++;
            one->in.length--;
        }
    }
    return number;
}

static const char *
next_of(file *one, const char *const *words, unsigned count)
{
    unsigned index = next(one, 1) % (count + 1);

    return index < count ? flow_intern(one->model, words[index]) : NULL;
}

#define NEXT_OF(file, words) next_of(file, words, G_N_ELEMENTS(words))

/* Milliseconds, or a tenth of a second each. */
static int64_t
next_time(file *one)
{
    int64_t value = next(one, 2);

    return value < 0x8000 ? value * 1000000 : (value - 0x8000) * 100000000;
}

static void
read_certificate(flow_model *model, const uint8_t *der, size_t length, flow_certificate *certificate)
{
    unsigned     kind = length > 0 ? der[length - 1] : 0;
    const char **names = g_new0(const char *, 3);

    certificate->names = names;
    if (kind % 7 == 6)
        return; /* none that can be read */
    names[0] = flow_intern(model, kind % 2 ? "scep.contoso.com" : "*.contoso.com");
    names[1] = kind % 5 ? NULL : flow_intern(model, "192.0.2.20");
    certificate->subject = flow_intern(model, "CN=scep.contoso.com");
    certificate->issuer = flow_intern(model, "CN=Contoso CA");
    certificate->not_before = kind & 8 ? BEGIN + 1 : 0;
    certificate->not_after = kind & 16 ? BEGIN - 1 : G_MAXINT64;
    certificate->is_self_signed = kind & 32;
}

/* --- what happens in a file --- */

static frame *
frame_at(file *one, guint back)
{
    return &g_array_index(one->frames, frame, one->frames->len - 1 - back % one->frames->len);
}

static void
clear_frame(gpointer data)
{
    g_free((gpointer)((frame *)data)->octets.data);
}

static void
meet(file *one, frame met)
{
    static const char *const interfaces[] = { "client", "wap-outside", "wap-inside", "ndes" };
    wire_segment             segment;

    one->now.frame++;
    met.now = one->now;
    met.is_segment = wire_segment_read(WIRE_LINK_ETHERNET, met.octets.data, met.octets.length, met.length, &segment);
    segment.point = one->has_points ? met.now.frame & 1 : 0;
    flow_model_saw_frame(one->model, one->now.frame, one->now.time);
    if (met.is_segment) {
        met.place = tracker_place(one->all, &segment, one->now);
        if (met.place.is_new)
            track_name(met.place.track, one->streams++,
                       one->has_points         ? interfaces[segment.point]
                       : segment.hops % 5 < 4 ? interfaces[segment.hops % 5]
                                              : NULL);
        track_segment(met.place, &segment, one->now);
    }
    g_array_append_val(one->frames, met);
}

static void
take_frame(file *one)
{
    frame  met = { 0 };
    size_t captured;

    one->now.time += next_time(one);
    met.length = next(one, 2);
    captured = next(one, 2);
    met.octets.length = MIN(captured, one->in.length);
    met.octets.data = g_memdup2(one->in.data, met.octets.length);
    met.length = MAX(met.length, met.octets.length);
    one->in.data += met.octets.length;
    one->in.length -= met.octets.length;
    meet(one, met);
}

/* One of the last frames once more, with one of its octets changed. */
static void
take_again(file *one)
{
    frame    met = *frame_at(one, next(one, 1));
    unsigned at = next(one, 1), by = next(one, 1);

    met.octets.data = g_memdup2(met.octets.data, met.octets.length);
    if (at < met.octets.length)
        ((uint8_t *)met.octets.data)[at] ^= (uint8_t)by;
    one->now.time += (int64_t)next(one, 1) * 1000000 - 20000000; /* not always in order */
    meet(one, met);
}

static void
fill_request(file *one, flow_exchange *exchange)
{
    static const char *const messages[] = { "MDM", "default", "ca", "SCEP Authority", "" };
    static const char *const agents[] = { "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)",
                                          "profiled/1.0 CFNetwork", "Dalvik/2.1.0 (Linux; U; Android 10)",
                                          "mdmclient/1 CFNetwork", "curl/7.88.1" };
    static const char *const hosts[] = { "scep.contoso.com", "ndes.corp.contoso.com", "192.0.2.30" };
    static const char *const transactions[] = { "A1", "B2", "C3" };
    static const char *const problems[] = { "encrypted to another", "the nonce is another" };
    static const int         types[] = { -1, 3, 17, 19, 20, 21, 22, 99 };
    unsigned                 bits = next(one, 2);

    exchange->step = (flow_step)(bits % (FLOW_STEPS - FLOW_GET_CA_CAPS) + FLOW_GET_CA_CAPS);
    exchange->operation = flow_operation_name(exchange->step);
    exchange->is_post = bits & 0x100;
    exchange->message_type = types[bits >> 9 & 7];
    exchange->target_length = next(one, 2);
    exchange->message = NEXT_OF(one, messages);
    exchange->user_agent = NEXT_OF(one, agents);
    exchange->host = NEXT_OF(one, hosts);
    exchange->transaction_id = NEXT_OF(one, transactions);
    exchange->problem = bits & 0x2000 ? NEXT_OF(one, problems) : NULL;
    exchange->subject = bits & 0x4000 ? "CN=device" : NULL;
    if (bits & 0x8000) {
        exchange->request_octets = next(one, 2);
        exchange->request.frame = MAX(exchange->request.frame / 2, 1);
    }
}

static void
take_request(file *one, const frame *in)
{
    flow_exchange *exchange;

    if (next(one, 1) % 8 == 0)
        flow_evaluate(one->model); /* half-way */
    exchange = flow_add_exchange(track_conversation(in->place.track), FLOW_DECRYPTED, in->now);
    track_count_request(in->place.track, exchange);
    fill_request(one, exchange);
}

static void
take_answer(file *one, const frame *in)
{
    static const char *const servers[] = { "Microsoft-IIS/10.0", "Microsoft-HTTPAPI/2.0", "nginx" };
    static const char *const locations[] = { "https://sts.contoso.com/adfs/ls/", "/" };
    static const char *const types[] = { "application/x-pki-message", "text/html" };
    static const int         statuses[] = { 200, 204, 302, 400, 403, 404, 414, 500, 502, 503, 504, 0 };
    flow_conversation       *conversation = track_conversation(in->place.track);
    unsigned                 bits = next(one, 2), back = next(one, 1);
    flow_exchange           *exchange;

    if (!conversation->exchanges)
        return;
    exchange = conversation->exchanges->pdata[back % conversation->exchanges->len];
    exchange->response = exchange->response_end = in->now;
    exchange->http_status = statuses[bits % G_N_ELEMENTS(statuses)];
    exchange->pki_status = (int)(bits >> 4 & 7) - 1;
    exchange->fail_info = (int)(bits >> 7 & 7) - 1;
    exchange->is_answer_readable = bits & 0x400;
    exchange->has_hresult = bits & 0x800;
    exchange->hresult = bits & 0x1000 ? 0x80070057 : 0x80094012;
    exchange->http_server = NEXT_OF(one, servers);
    exchange->location = NEXT_OF(one, locations);
    exchange->content_type = NEXT_OF(one, types);
    track_count_answer(in->place.track, exchange);
    flow_changed(conversation);
}

static void
take_handshake(file *one, const frame *in)
{
    size_t   wanted = next(one, 2), length = MIN(wanted, one->in.length);
    uint8_t *octets = g_memdup2(one->in.data, length);

    track_decrypted_handshake(in->place, octets, length, in->now);
    g_free(octets);
    one->in.data += length;
    one->in.length -= length;
}

/* --- evidence without frames --- */

static void
pass(file *one)
{
    one->now.frame++;
    one->now.time += (int64_t)next(one, 1) * 4000000;
    flow_model_saw_frame(one->model, one->now.frame, one->now.time);
}

static void
reach(const file *one, flow_conversation *conversation)
{
    conversation->last = one->now;
    flow_changed(conversation);
}

static flow_conversation *
any_made(file *one)
{
    unsigned back = next(one, 1);

    return one->made->len > 0 ? one->made->pdata[one->made->len - 1 - back % one->made->len] : NULL;
}

static void
make_tls(file *one, flow_conversation *conversation, unsigned bits)
{
    static const char *const names[] = { "scep.contoso.com", "crp.corp.contoso.com", "fef.msua01.manage.microsoft.com",
                                         "portal.contoso.com" };

    conversation->is_tls = true;
    conversation->version = bits & 1 ? 0x0304 : 0x0303;
    conversation->client_hello = conversation->server_hello = one->now;
    conversation->server_name = NEXT_OF(one, names);
    conversation->flight = (flow_flight)(bits >> 1 & 7) % (FLOW_FLIGHT_FINISHED + 1);
    conversation->certificate_requested = bits & 0x10;
    conversation->certificate_empty = bits & 0x20;
    if (conversation->flight == FLOW_FLIGHT_FINISHED)
        conversation->tls_established = one->now;
    if (bits & 0x40) {
        conversation->alert = one->now;
        conversation->alert_by = bits & 0x80 ? FLOW_CLIENT : FLOW_SERVER;
        conversation->alert_description = 48;
    }
}

/* Device, proxy, NDES and what is behind it, at a handful of addresses. */
static void
connect(file *one)
{
    static const char *const  addresses[] = { "192.0.2.10", "192.0.2.20", "198.51.100.30", "198.51.100.40" };
    static const uint16_t     ports[] = { 443, 443, 135, 49700 };
    static const char *const  interfaces[] = { "client", "wap", "ndes", "crp" };
    static const char *const  uuids[] = { "endpoint mapper", "ICertRequestD", "ICertRequestD2" };
    unsigned                  bits = next(one, 2);
    flow_conversation        *conversation;

    pass(one);
    conversation = flow_add_conversation(one->model, one->streams++, addresses[bits & 3],
                                         (uint16_t)(50000 + one->made->len), addresses[bits >> 2 & 3],
                                         ports[bits >> 4 & 3], NEXT_OF(one, interfaces), one->now);
    g_ptr_array_add(one->made, conversation);
    conversation->has_start = bits & 0x40;
    if (bits & 0x40)
        conversation->syn = one->now;
    if (bits & 0x80) {
        conversation->syn_ack = one->now;
        pass(one);
        conversation->established = one->now;
    }
    if (bits & 0x100)
        make_tls(one, conversation, next(one, 1));
    if (bits & 0x200) {
        conversation->is_rpc = conversation->is_readable = true;
        conversation->is_rpc_refused = bits & 0x400;
        conversation->rpc_interface = NEXT_OF(one, uuids);
    }
    reach(one, conversation);
}

static void
take_turn(file *one)
{
    flow_conversation *conversation = any_made(one);
    flow_turn          turn = { 0 };

    if (!conversation)
        return;
    pass(one);
    turn.request = turn.request_end = one->now;
    turn.octets[FLOW_CLIENT] = next(one, 2);
    turn.octets[FLOW_SERVER] = next(one, 2);
    turn.records[FLOW_CLIENT] = 1;
    if (turn.octets[FLOW_SERVER] > 0) {
        pass(one);
        turn.response = turn.response_end = one->now;
        turn.records[FLOW_SERVER] = 1;
    }
    if (!conversation->turns)
        conversation->turns = g_array_new(FALSE, FALSE, sizeof(flow_turn));
    g_array_append_val(conversation->turns, turn);
    for (int side = 0; side < 2; side++)
        conversation->records[side] += turn.records[side];
    reach(one, conversation);
}

static void
call(file *one)
{
    static const char *const transactions[] = { "A1", "B2", "C3" }, *const keys[] = { "k", "l" };
    static const char *const products[] = { "ConfigMgr", "Intune connector", "Intune" };
    static const flow_step   steps[] = { FLOW_PKI_OPERATION, FLOW_VERIFY_REQUEST, FLOW_NOTIFY, FLOW_PKI_OPERATION };
    flow_conversation       *conversation = any_made(one);
    unsigned                 bits = next(one, 1);
    flow_exchange           *exchange;

    if (!conversation)
        return;
    pass(one);
    exchange = flow_add_exchange(conversation, conversation->is_rpc && bits & 1 ? FLOW_INFERRED : FLOW_DECRYPTED,
                                 one->now);
    if (conversation->is_rpc) {
        exchange->step = bits & 1 ? FLOW_STEP_NONE : FLOW_CA_ISSUE;
    } else {
        exchange->step = steps[bits & 3];
        exchange->is_post = true;
        exchange->message_type = exchange->step == FLOW_PKI_OPERATION ? 19 : -1;
        exchange->transaction_id = NEXT_OF(one, transactions);
        exchange->product = NEXT_OF(one, products);
        exchange->tells_failure = bits & 4;
    }
    exchange->operation = flow_operation_name(exchange->step);
    exchange->request_key = NEXT_OF(one, keys);
    conversation->is_readable = true;
    reach(one, conversation);
}

static void
call_returns(file *one)
{
    static const int   statuses[] = { 200, 201, 204, 403, 413, 503, 0 };
    flow_conversation *conversation = any_made(one);
    unsigned           bits = next(one, 2);
    flow_exchange     *exchange;

    if (!conversation || !conversation->exchanges)
        return;
    pass(one);
    exchange = conversation->exchanges->pdata[(bits & 3) % conversation->exchanges->len];
    exchange->response = exchange->response_end = one->now;
    exchange->is_answer_readable = bits & 4;
    exchange->verified = (int)(bits >> 3 & 3) % 3 - 1;
    exchange->disposition = (int)(bits >> 5 & 7) - 1;
    exchange->has_hresult = bits & 0x100;
    exchange->hresult = 0x80094012;
    exchange->http_status = statuses[(bits >> 9 & 7) % G_N_ELEMENTS(statuses)];
    exchange->http_substatus = bits & 0x1000 ? 16 : 0;
    exchange->pki_status = exchange->step == FLOW_PKI_OPERATION ? (int)(bits >> 13 & 3) : -1;
    exchange->code = bits & 0x8000 ? "ChallengeExpired" : NULL;
    reach(one, conversation);
}

static void
end(file *one)
{
    flow_conversation *conversation = any_made(one);
    unsigned           bits = next(one, 1);

    if (!conversation)
        return;
    pass(one);
    if (bits & 1)
        conversation->reset = one->now;
    conversation->reset_by = bits & 2 ? FLOW_SERVER : FLOW_CLIENT;
    if (bits & 4)
        conversation->fin[FLOW_CLIENT] = one->now;
    if (bits & 8)
        conversation->fin[FLOW_SERVER] = one->now;
    reach(one, conversation);
}

/* --- logs --- */

static void
take_request_line(file *one, flow_log_line *line)
{
    static const char *const addresses[] = { "192.0.2.10", "192.0.2.20", "198.51.100.30", "198.51.100.40" };
    static const char *const agents[] = { "NDES_Plugin", "Mozilla/4.0+(compatible;+Win32)" };
    static const char *const transactions[] = { "A1", "B2" }, *const reasons[] = { "FieldLength", "Timer_ConnectionIdle" };
    static const flow_step   steps[] = { FLOW_GET_CA_CAPS,   FLOW_GET_CA_CERT, FLOW_PKI_OPERATION, FLOW_VERIFY_REQUEST,
                                         FLOW_NOTIFY,        FLOW_STEP_NONE,   FLOW_OTHER_REQUEST, FLOW_GET_NEXT_CA_CERT };
    static const int         statuses[] = { 200, 201, 204, 403, 404, 500, 503, 0 };
    unsigned                 bits = next(one, 2);

    line->client = (flow_endpoint){ bits & 4 ? addresses[bits & 3] : NULL, bits & 8 ? (uint16_t)(50000 + next(one, 1)) : 0 };
    line->server = (flow_endpoint){ bits & 0x40 ? addresses[bits >> 4 & 3] : NULL, bits & 0x80 ? 443 : 0 };
    line->step = steps[bits >> 8 & 7];
    line->http_status = statuses[bits >> 11 & 7];
    line->is_cut = bits & 0x4000;
    line->duration = (int64_t)next(one, 2) * 1000000 - 1;
    line->win32_status = (int64_t)next(one, 1) - 1;
    line->response_octets = next(one, 2);
    line->user_agent = NEXT_OF(one, agents);
    line->transaction_id = NEXT_OF(one, transactions);
    line->reason = NEXT_OF(one, reasons);
}

static void
take_message_line(file *one, flow_log_line *line)
{
    static const char *const components[] = { "NDESPlugin", "CertificateRegistrationPoint", "SMS_EXECUTIVE" };
    static const char *const threads[] = { "1", "2", "3" };
    static const char *const texts[] = {
        "Calling VerifyRequest ...",
        "Sending request to certificate registration point.",
        "Verify challenge returns true",
        "Verify challenge returns false",
        "Verify challenge returns <!DOCTYPE html><title>\xc3",
        "Failed to send http request /x. Error 12175",
        "Exiting VerifyRequest with 0x0",
        "Exiting VerifyRequest with 0x80004005",
        "Calling Notifyrequest ...",
        "Exiting Notify with 0x0",
        "Validation Phase 1 started.",
        "Validation Phase 1 finised with status False.",
        "Validation Phase 3 started for device 38fdb94d-db5c-468d-b8d6-37aff538e934 and user .",
        "Validation Phase 3 finished with status True.",
        "VerifyRequest Finished with status True",
        "Notify Started.",
        "Beginning state message creation...",
        "Successfully sent state message",
        "Notify Finished.",
    };
    unsigned text = next(one, 1);

    line->component = NEXT_OF(one, components);
    line->thread = NEXT_OF(one, threads);
    line->level = text >> 6;
    line->text = texts[(text & 63) % G_N_ELEMENTS(texts)];
}

static void
take_line(file *one)
{
    static const char *const formats[] = { "iis", "httperr", "cmtrace", "svclog" };
    static const char *const names[] = { "u_ex.log", "httperr1.log", "NDESPlugin.log", "u_ex.log" };
    unsigned                 bits = next(one, 1), number = bits & 3;
    flow_log_line            line = { .line = next(one, 1), .win32_status = -1, .duration = -1 };
    flow_conversation       *conversation;
    flow_log                *log = flow_log_of(one->model, number, formats[number], names[number], "logs/a/file.log");

    pass(one);
    line.is_malformed = bits & 4;
    line.is_utc = bits & 8 || number < 2;
    if (number < 2)
        take_request_line(one, &line);
    else
        take_message_line(one, &line);
    conversation = flow_log_add(log, (flow_moment){ one->now.frame, one->now.time + (bits >> 4) * G_GINT64_CONSTANT(900000000000) },
                                &line);
    if (conversation)
        g_ptr_array_add(one->told, conversation);
}

/* --- what is said of it --- */

static void
check_position(const flow_part *part, uint32_t at)
{
    flow_position position;

    flow_position_of(part, at, at % 2 ? FLOW_CLIENT : FLOW_SERVER, &position);
    g_assert_true(position.part == part);
    g_assert_nonnull(position.sentence);
    assert_text(position.sentence);
    g_assert_true(!position.next || flow_step_by_name(position.next) != FLOW_STEP_NONE);
    g_free(position.sentence);
}

static void
check_exchange(const flow_enrolment *enrolment, const flow_exchange *exchange)
{
    g_assert_cmpuint(exchange->confidence, <=, 100);
    g_assert_cmpuint(exchange->onward_confidence, <=, 100);
    if (exchange->operation_of) {
        g_assert_true(exchange->operation_of->step == FLOW_PKI_OPERATION);
        g_assert_true(exchange->operation_of->enrolment == enrolment);
        g_assert_cmpuint(exchange->onward_confidence, >, 0);
        assert_text(exchange->onward_reason);
    }
}

/* The spans are the whole time, and each is the sum of its stretches. */
static void
check_timing(const flow_enrolment *enrolment, const flow_timing *timing)
{
    int64_t sum = 0;

    g_assert_true(timing->operation->enrolment == enrolment);
    for (guint i = 0; i < timing->spans->len; i++) {
        const flow_span *span = &g_array_index(timing->spans, flow_span, i);
        int64_t          stretches = 0;

        g_assert_true(span->count > 0 && span->count <= FLOW_STRETCHES);
        for (unsigned j = 0; j < span->count; j++) {
            g_assert_true(span->stretches[j].begin >= 0 && span->stretches[j].time > 0);
            g_assert_true(span->stretches[j].begin + span->stretches[j].time <= timing->total);
            stretches += span->stretches[j].time;
        }
        g_assert_cmpint(stretches, ==, span->time);
        g_assert_cmpint(span->time, <=, timing->slowest->time);
        sum += span->time;
    }
    g_assert_cmpint(sum, ==, timing->total);
    g_assert_true((timing->slowest != NULL) == (timing->total > 0));
}

static void
check_part(const file *one, const flow_enrolment *enrolment, const flow_part *part)
{
    char *story = flow_story(part->conversation);

    assert_text(story);
    g_free(story);
    g_assert_true(part->enrolment == enrolment);
    g_assert_true(g_ptr_array_find((GPtrArray *)flow_parts_of(part->conversation), part, NULL));
    g_assert_nonnull(part->roles[0]);
    g_assert_cmpuint(part->confidence, <=, 100);
    assert_text(part->reason);
    for (guint i = 0; i < part->steps->len; i++) {
        const flow_part_step *step = &g_array_index(part->steps, flow_part_step, i);

        g_assert_true(step->step > FLOW_STEP_NONE && step->step < FLOW_STEPS);
        g_assert_true(!step->exchange || step->exchange->conversation == part->conversation ||
                      step->exchange->conversation->log);
        g_assert_true(!step->exchange || step->exchange->enrolment == enrolment);
        if (step->exchange)
            check_exchange(enrolment, step->exchange);
    }
    for (uint32_t at = 0; at <= one->now.frame + 1; at += 1 + one->now.frame / 8)
        check_position(part, at);
    check_position(part, part->conversation->last.frame);
}

static void
check_findings(const flow_enrolment *enrolment)
{
    for (guint i = 0; i < enrolment->findings->len; i++) {
        const flow_finding *finding = enrolment->findings->pdata[i];
        const flow_finding *before = i > 0 ? enrolment->findings->pdata[i - 1] : NULL;

        g_assert_true(!before || before->severity >= finding->severity);
        g_assert_true(finding->what && finding->cause && finding->fix && finding->look);
        assert_text(finding->what);
        assert_text(finding->cause);
        assert_text(finding->fix);
        assert_text(finding->look);
    }
}

static void
check_enrolment(const file *one, const flow_enrolment *enrolment)
{
    char *filter = flow_filter_of(enrolment);

    assert_text(filter);
    g_free(filter);
    g_assert_nonnull(enrolment->flow);
    g_assert_cmpuint(enrolment->parts->len, >, 0);
    g_assert_cmpuint(enrolment->attempt, >, 0);
    g_assert_true(enrolment->begin.frame > 0 && enrolment->begin.time <= enrolment->end.time);
    for (guint i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        g_assert_cmpuint(part->number, ==, i + 1);
        g_assert_cmpuint(part->continues, <=, enrolment->parts->len);
        check_part(one, enrolment, part);
    }
    for (guint i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *expected = enrolment->steps->pdata[i];

        g_assert_true(!expected->exchange || expected->exchange->enrolment == enrolment);
        g_assert_true(!expected->part || expected->part->enrolment == enrolment);
    }
    for (guint i = 0; i < enrolment->timings->len; i++)
        check_timing(enrolment, enrolment->timings->pdata[i]);
    check_findings(enrolment);
}

/* The reports, in the form in which they are compared. */
static GString *
told(const flow_result *result)
{
    GString *text = g_string_new(NULL);

    report_text(text, result, NULL);
    for (guint i = 0; i < result->enrolments->len; i++)
        report_json(text, result->enrolments->pdata[i], result->logs);
    g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
    return text;
}

/* What was joined to an operation stands in a part of its enrolment. */
static void
check_made(const flow_conversation *conversation)
{
    for (guint i = 0; conversation->exchanges && i < conversation->exchanges->len; i++) {
        const flow_exchange *exchange = conversation->exchanges->pdata[i];

        if (exchange->operation_of)
            g_assert_nonnull(exchange->enrolment);
        if (exchange->enrolment)
            g_assert_nonnull(flow_parts_of(conversation));
    }
}

/* Each line is counted once, and is a witness of one request. */
static void
check_logs(const flow_result *result)
{
    for (guint i = 0; i < result->logs->len; i++) {
        const flow_log *log = result->logs->pdata[i];
        unsigned        told = 0;

        for (guint j = 0; j < log->exchanges->len; j++) {
            const flow_exchange  *exchange = log->exchanges->pdata[j];
            const flow_testimony *testimony = exchange->testimony;

            told += testimony->lines;
            g_assert_true(testimony->of != exchange);
            if (testimony->of) {
                g_assert_true(g_ptr_array_find(testimony->of->witnesses, exchange, NULL));
                g_assert_null(testimony->of->testimony ? testimony->of->testimony->of : NULL);
                g_assert_null(exchange->enrolment);
            }
        }
        g_assert_cmpuint(told, ==, log->told);
        g_assert_cmpuint(log->joined, <=, log->told);
        g_assert_cmpuint(log->told + log->malformed, <=, log->lines + log->malformed);
        g_assert_cmpuint(log->zone_confidence, <=, 100);
    }
}

static void
evaluate(file *one)
{
    const flow_result *result = flow_evaluate(one->model);
    GString           *first, *second;

    for (guint i = 0; i < result->enrolments->len; i++) {
        const flow_enrolment *enrolment = result->enrolments->pdata[i];

        g_assert_cmpuint(enrolment->number, ==, i + 1);
        check_enrolment(one, enrolment);
    }
    assert_text(result->hint);
    g_assert_true(flow_evaluate(one->model) == result);
    for (guint i = 0; i < one->made->len; i++)
        check_made(one->made->pdata[i]);
    for (guint i = 0; i < one->told->len; i++)
        check_made(one->told->pdata[i]);
    check_logs(result);
    first = told(result);
    if (one->made->len > 0)
        flow_changed(one->made->pdata[0]);
    for (guint i = 0; i < one->frames->len; i++) {
        const frame *met = &g_array_index(one->frames, frame, i);

        if (met->is_segment) {
            flow_changed(track_conversation(met->place.track));
            break;
        }
    }
    second = told(flow_evaluate(one->model));
    g_assert_cmpstr(first->str, ==, second->str);
    g_string_free(first, TRUE);
    g_string_free(second, TRUE);
}

static void
check_places(file *one)
{
    for (guint i = 0; i < one->frames->len; i++) {
        const frame *met = &g_array_index(one->frames, frame, i);
        wire_segment segment;
        track_place  place;

        if (!wire_segment_read(WIRE_LINK_ETHERNET, met->octets.data, met->octets.length, met->length, &segment))
            continue;
        segment.point = one->has_points ? met->now.frame & 1 : 0;
        place = tracker_find(one->all, &segment, met->now.frame);
        g_assert_true(place.track == met->place.track && place.from == met->place.from);
    }
}

static void
act(file *one)
{
    unsigned     octet = next(one, 1), action = octet % ACTIONS;
    const frame *in = one->frames->len > 0 ? frame_at(one, 0) : NULL;

    if (octet >= LINE) {
        if (one->told->len < MAX_TOLD)
            take_line(one);
    } else if (action == FRAME) {
        take_frame(one);
    } else if (action == QUIET) {
        one->now.time += next_time(one);
        flow_model_saw_frame(one->model, ++one->now.frame, one->now.time);
    } else if (action == EVALUATE) {
        if (one->evaluations++ < MAX_EVALUATIONS)
            evaluate(one);
    } else if (action == AGAIN && in) {
        take_again(one);
    } else if (action == CONNECT) {
        if (one->made->len < MAX_MADE)
            connect(one);
    } else if (action == TURN) {
        take_turn(one);
    } else if (action == CALL) {
        call(one);
    } else if (action == RETURN) {
        call_returns(one);
    } else if (action == END) {
        end(one);
    } else if (in && in->is_segment) {
        if (action == REQUEST)
            take_request(one, in);
        else if (action == ANSWER)
            take_answer(one, in);
        else if (action == HANDSHAKE)
            take_handshake(one, in);
        else if (action == ALERT)
            track_decrypted_alert(in->place, next(one, 1), next(one, 1), in->now);
        else if (action == READ)
            track_is_read(in->place.track);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const servers[] = { NULL, "192.0.2.20", "scep*", "wap=192.0.2.20, ndes=198.51.100.30",
                                           "=,;device=, crp=198.51.100.40, ca=192.0.2.20, mdm=192.0.2.*" };
    static const char *const flows[] = { "auto", "ios", "rfc8894", "none" };
    static const char *const vantages[] = { "auto", "client", "wap", "ndes", "crp" };
    file                     one = { .in = { data, size }, .now = { 0, BEGIN } };
    unsigned                 choice = next(&one, 1);
    flow_settings            settings = { .servers = servers[choice % 5], .expected_flow = flows[choice / 5 % 4],
                                          .vantage = vantages[choice / 20 % 5],
                                          .log_time_zone = choice % 3 ? "auto" : "-07:00" };

    one.has_points = choice & 0x40;
    one.model = flow_model_new(knowledge, &settings);
    one.all = tracker_new(one.model, choice & 0x80 ? NULL : read_certificate);
    one.made = g_ptr_array_new();
    one.told = g_ptr_array_new();
    one.frames = g_array_new(FALSE, FALSE, sizeof(frame));
    g_array_set_clear_func(one.frames, clear_frame);
    while (one.in.length > 0 && one.frames->len < MAX_FRAMES)
        act(&one);
    evaluate(&one);
    check_places(&one);
    g_array_unref(one.frames);
    g_ptr_array_unref(one.made);
    g_ptr_array_unref(one.told);
    tracker_free(one.all);
    flow_model_free(one.model);
    return 0;
}
