/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * DCE/RPC in segments, some lost or cut: through the reader of PDUs by itself, through wire_rpc in one piece and octet by
 * octet, which must come to the same, and through a whole connection with its calls.
 *
 * An input is a list of segments: an octet that says who sends the segment and what becomes of it, two with its length,
 * its octets.
 */
#include <string.h>

#include "flow/evidence.h"
#include "flow/knowledge.h"
#include "fuzz.h"
#include "transport/track.h"
#include "wire/rpc.h"

/* What becomes of a segment; the upper bits tell how far. */
enum { FROM_CLIENT, FROM_SERVER, CLIENT_CUT, SERVER_CUT, CLIENT_LOST, SERVER_LOST, WHAT_BECOMES };

#define MAX_EXCHANGES 4096

/* A direction, and what is known of it. */
typedef struct {
    wire_rpc_half half;
    guint         events; /* a checksum of what was told */
    bool          was_foreign;
} direction;

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

static void
note(direction *told, size_t value)
{
    g_assert_false(told->was_foreign);
    told->events = (told->events ^ (guint)value) * 16777619u;
}

static void
on_begin(void *user)
{
    note(user, 1);
}

static void
on_pdu(void *user, const wire_rpc_pdu *pdu)
{
    direction *told = user;

    g_assert_true(pdu->length >= 16 && pdu->length <= 0xffff);
    g_assert_true(pdu->stub.length <= WIRE_RPC_MAX_STUB && pdu->count <= WIRE_RPC_MAX_CONTEXTS);
    g_assert_true(pdu->auth_level >= -1 && pdu->auth_level <= 0xff);
    g_assert_true(pdu->stub.length == 0 || (pdu->auth_level >= 0 && pdu->auth_level != WIRE_RPC_PRIVACY));
    note(told, pdu->type);
    note(told, pdu->length);
    note(told, pdu->call_id);
    note(told, (size_t)pdu->auth_level);
    note(told, pdu->operation);
    note(told, pdu->context_id);
    note(told, pdu->end);
    note(told, pdu->status);
    note(told, pdu->reason);
    for (size_t i = 0; i < pdu->stub.length; i++)
        note(told, pdu->stub.data[i]);
    for (unsigned i = 0; i < pdu->count; i++) {
        if (pdu->type == WIRE_RPC_BIND || pdu->type == WIRE_RPC_ALTER_CONTEXT) {
            note(told, pdu->contexts[i].id);
            note(told, pdu->contexts[i].interface.time_low);
        } else {
            note(told, pdu->results[i].result);
            note(told, pdu->results[i].transfer_syntax.time_low);
        }
    }
}

static void
on_foreign(void *user, const uint8_t *data, size_t length)
{
    direction *told = user;

    g_assert_true(length > 0 && length <= 16);
    g_assert_nonnull(data);
    note(told, length);
    told->was_foreign = true;
}

static const wire_rpc_sink rpc_sink = { on_begin, on_pdu, on_foreign };

static void
check_half(const wire_rpc_half *half)
{
    g_assert_true(!half->body || half->body->len <= 4096);
    g_assert_true(half->header_length <= sizeof half->header && half->tail_length <= sizeof half->tail);
    g_assert_true(!half->is_lost || half->header_length == 0);
}

static void
push(direction *told, const uint8_t *data, size_t captured, size_t length)
{
    wire_rpc_push(&told->half, &rpc_sink, told, data, captured, length);
    check_half(&told->half);
}

/* All octets of one side, whatever became of them. */
static void
check_pieces(const GByteArray *octets)
{
    direction whole = { 0 }, single = { 0 };

    push(&whole, octets->data, octets->len, octets->len);
    for (guint i = 0; i < octets->len; i++)
        push(&single, octets->data + i, 1, 1);
    g_assert_true(whole.was_foreign == single.was_foreign);
    if (!whole.was_foreign)
        g_assert_cmpuint(whole.events, ==, single.events);
    wire_rpc_half_clear(&whole.half);
    wire_rpc_half_clear(&single.half);
}

/* One connection between two ends. */
typedef struct {
    flow_model *model;
    tracker    *all;
    uint32_t    frame;
    uint32_t    sequence[2];
    track      *track;
} connection;

static void
send_segment(connection *one, flow_side from, unsigned flags, const uint8_t *data, size_t captured, size_t length)
{
    static const uint8_t  addresses[2][4] = { { 192, 0, 2, 30 }, { 192, 0, 2, 40 } };
    static const uint16_t ports[2] = { 50000, 49700 };
    flow_moment           now = { ++one->frame, (int64_t)one->frame * 1000000 };
    wire_segment          segment = {
                 .ip_version = 4,
                 .source = addresses[from],
                 .destination = addresses[1 - from],
                 .source_port = ports[from],
                 .destination_port = ports[1 - from],
                 .sequence = one->sequence[from],
                 .acknowledgement = one->sequence[1 - from],
                 .flags = (uint8_t)flags,
                 .payload = data,
                 .captured = captured,
                 .length = length,
    };
    track_place place = tracker_place(one->all, &segment, now);

    track_segment(place, &segment, now);
    one->track = place.track;
    one->sequence[from] += (uint32_t)length + (flags & WIRE_SYN ? 1 : 0);
}

static void
check_conversation(const flow_conversation *conversation)
{
    assert_text(conversation->rpc_interface);
    for (guint i = 0; conversation->exchanges && i < conversation->exchanges->len; i++) {
        const flow_exchange *exchange = conversation->exchanges->pdata[i];

        assert_text(exchange->problem);
        g_assert_true(exchange->request.frame > 0 && exchange->request.frame <= exchange->request_end.frame);
        g_assert_true(exchange->response.frame <= exchange->response_end.frame);
    }
    g_assert_true(!conversation->exchanges || conversation->exchanges->len <= MAX_EXCHANGES);
}

static void
run_connection(ber_slice in, bool has_start, GByteArray *octets[2])
{
    direction  told[2] = { 0 };
    connection one = { .model = flow_model_new(knowledge, NULL) };

    one.all = tracker_new(one.model, NULL);
    if (has_start) {
        send_segment(&one, FLOW_CLIENT, WIRE_SYN, NULL, 0, 0);
        send_segment(&one, FLOW_SERVER, WIRE_SYN | WIRE_ACK, NULL, 0, 0);
    }
    while (in.length >= 3) {
        unsigned  what = in.data[0] % WHAT_BECOMES, far = in.data[0] / WHAT_BECOMES;
        flow_side from = what % 2 ? FLOW_SERVER : FLOW_CLIENT;
        size_t    length = MIN((size_t)in.data[1] << 8 | in.data[2], in.length - 3), captured = length;
        uint8_t  *segment = g_memdup2(in.data + 3, length); /* where a checker of memory sees a read beyond it */

        g_byte_array_append(octets[from], in.data + 3, (guint)length);
        if (what == CLIENT_CUT || what == SERVER_CUT)
            captured = length * far / 43;
        if (what == CLIENT_LOST || what == SERVER_LOST) {
            one.sequence[from] += (uint32_t)length;
            wire_rpc_gap(&told[from].half, &rpc_sink, &told[from], (uint32_t)length);
            check_half(&told[from].half);
        } else {
            send_segment(&one, from, WIRE_ACK, segment, captured, length);
            push(&told[from], segment, captured, length);
        }
        g_free(segment);
        in.data += 3 + length;
        in.length -= 3 + length;
    }
    if (one.track)
        check_conversation(track_conversation(one.track));
    for (int side = 0; side < 2; side++)
        wire_rpc_half_clear(&told[side].half);
    tracker_free(one.all);
    flow_model_free(one.model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GByteArray *octets[2] = { g_byte_array_new(), g_byte_array_new() };
    bool        has_start = size > 0 && data[0] % 2 == 0;
    ber_slice   in = { data, size };

    run_connection(in, has_start, octets);
    for (int side = 0; side < 2; side++) {
        check_pieces(octets[side]);
        g_byte_array_unref(octets[side]);
    }
    return 0;
}
