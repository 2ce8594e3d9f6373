/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark's TLS dissector decrypted in a frame, without a tree.
 */
#include "tls.h"

#include <epan/dissectors/packet-tcp.h>
#include <epan/dissectors/packet-tls-utils.h>

#include "../compat.h"

#define CLOSE_NOTIFY 0 /* second octet of an alert, RFC 8446 6 */

/* Bit of tcp_analysis.conversation_completeness, as the filter tcp.completeness shows it. */
#define COMPLETENESS_FIN 0x10

static int proto_tls = -1;

void
tls_init(void)
{
    proto_tls = proto_get_id_by_filter_name("tls");
}

/* True when a FIN was seen in this conversation up to this frame. */
static bool
has_fin(packet_info *pinfo)
{
    conversation_t      *conversation = compat_tcp_conversation(pinfo);
    struct tcp_analysis *tcp = conversation ? get_tcp_conversation_data(conversation, pinfo) : NULL;

    return tcp && (tcp->conversation_completeness & COMPLETENESS_FIN);
}

bool
tls_append_data(packet_info *pinfo, wmem_array_t *data, unsigned limit, bool *closed)
{
    const SslPacketInfo *info = p_get_proto_data(wmem_file_scope(), pinfo, proto_tls, COMPAT_TLS_LAYER);

    *closed = has_fin(pinfo);
    for (const SslRecordInfo *record = info ? info->records : NULL; record; record = record->next) {
        if (record->type == SSL_ID_APP_DATA && wmem_array_get_count(data) + record->data_len <= limit)
            wmem_array_append(data, record->plain_data, record->data_len);
        else if (record->type == SSL_ID_ALERT && record->data_len == 2 && record->plain_data[1] == CLOSE_NOTIFY)
            *closed = true;
    }
    return info && info->records;
}
