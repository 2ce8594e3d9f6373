/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers that end with their TLS connection (RFC 9112 6.3, case 8). While a SCEP request waits, what the server sends
 * is kept; when the connection ends and the request still waits, this is its answer.
 */
#include "tail.h"

#include <string.h>

#include "../compat.h"
#include "../transport/tls.h"
#include "exchange.h"

/* No SCEP answer comes near. */
#define MAX_ANSWER (1 << 20)

/* Key among the frame's data. */
#define TAIL 2000

static int         proto_scep = -1;
static wmem_map_t *tails; /* conversation -> wmem_array_t of uint8_t, what the server sent since the request */

void
scep_tail_init(int proto)
{
    proto_scep = proto;
    tails = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
}

/* Keeps what this frame adds, and returns the answer when it is whole. */
static scep_octets *
collect(packet_info *pinfo)
{
    static const char http[] = "HTTP/1.";
    conversation_t   *conversation;
    wmem_array_t     *tail;
    scep_octets      *answer;
    bool              from_server, closed, is_waiting = scep_exchange_is_waiting(pinfo, &from_server);

    if (!is_waiting && wmem_map_size(tails) == 0)
        return NULL;
    conversation = compat_tcp_conversation(pinfo);
    tail = conversation ? wmem_map_lookup(tails, conversation) : NULL;
    if (!is_waiting && tail)
        wmem_destroy_array(wmem_map_remove(tails, conversation));
    if (!is_waiting || !from_server)
        return NULL;
    if (!tail) {
        tail = wmem_array_new(wmem_file_scope(), 1);
        wmem_map_insert(tails, conversation, tail);
    }
    tls_append_data(pinfo, tail, MAX_ANSWER, &closed);
    if (!closed || wmem_array_get_count(tail) < sizeof http ||
        memcmp(wmem_array_get_raw(tail), http, sizeof http - 1) != 0)
        return NULL;
    answer = wmem_new(wmem_file_scope(), scep_octets);
    *answer = scep_octets_copy(wmem_file_scope(), wmem_array_get_raw(tail), wmem_array_get_count(tail));
    wmem_destroy_array(wmem_map_remove(tails, conversation));
    return answer;
}

tvbuff_t *
scep_tail_answer(tvbuff_t *tvb, packet_info *pinfo)
{
    scep_octets *answer;

    if (!PINFO_FD_VISITED(pinfo)) {
        answer = collect(pinfo);
        if (answer)
            p_add_proto_data(wmem_file_scope(), pinfo, proto_scep, TAIL, answer);
    } else {
        answer = p_get_proto_data(wmem_file_scope(), pinfo, proto_scep, TAIL);
    }
    return answer ? tvb_new_child_real_data(tvb, answer->data, (guint)answer->length, (gint)answer->length) : NULL;
}

bool
scep_tail_has_business(packet_info *pinfo)
{
    if (PINFO_FD_VISITED(pinfo))
        return p_get_proto_data(wmem_file_scope(), pinfo, proto_scep, TAIL) != NULL;
    return scep_exchange_has_waiting() || wmem_map_size(tails) > 0;
}
