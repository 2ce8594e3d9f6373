/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plays TCP conversations into a capture file: Ethernet, IPv4 and TCP (RFC 9293) with correct checksums, in pcapng. */
#include "wire.h"

#include <string.h>

enum { FIN = 0x01, SYN = 0x02, PSH = 0x08, ACK = 0x10 };

static const guint16 window = 64240;
static const gint64 packet_gap = 30;   /* microseconds between packets in one direction */
static const gint64 one_way = 4000;    /* … and until the other side answers */

struct endpoint {
    guint8 mac[6];
    guint8 address[4];
    guint16 port;
    guint8 time_to_live;
    guint32 next;  /* sequence number of the next byte */
    guint16 id;    /* IPv4 identification of the next packet */
};

struct connection {
    wire *wire;
    struct endpoint ends[2];
    guint16 mss;
};

struct wire {
    GByteArray *file;
    gint64 now;
    enum side last;  /* who sent the last packet: the other one answers a while later */
    GPtrArray *connections;
};

/* --- pcapng --- */

static void put32(GByteArray *out, guint32 value)
{
    value = GUINT32_TO_LE(value);
    g_byte_array_append(out, (const guint8 *)&value, sizeof value);
}

static void put_padded(GByteArray *out, const void *data, gsize size)
{
    static const guint8 zeros[4];

    g_byte_array_append(out, data, (guint)size);
    g_byte_array_append(out, zeros, (guint)(-size & 3));
}

/* Appends a block around BODY. */
static void put_block(GByteArray *out, guint32 type, const GByteArray *body)
{
    put32(out, type);
    put32(out, body->len + 12);
    g_byte_array_append(out, body->data, body->len);
    put32(out, body->len + 12);
}

wire *wire_new(const char *interface, gint64 time)
{
    enum { SECTION_HEADER = 0x0A0D0D0A, INTERFACE_DESCRIPTION = 1, BYTE_ORDER_MAGIC = 0x1A2B3C4D, ETHERNET = 1, IF_NAME = 2 };
    wire *w = g_new0(wire, 1);
    g_autoptr(GByteArray) section = g_byte_array_new();
    g_autoptr(GByteArray) description = g_byte_array_new();

    w->file = g_byte_array_new();
    w->now = time;
    w->connections = g_ptr_array_new_with_free_func(g_free);

    put32(section, BYTE_ORDER_MAGIC);
    put32(section, 1);  /* version 1.0 */
    put32(section, 0xFFFFFFFF);
    put32(section, 0xFFFFFFFF);
    put_block(w->file, SECTION_HEADER, section);

    put32(description, ETHERNET);
    put32(description, 0);  /* no limit to a packet's length */
    put32(description, IF_NAME | (guint32)strlen(interface) << 16);
    put_padded(description, interface, strlen(interface));
    put32(description, 0);
    put_block(w->file, INTERFACE_DESCRIPTION, description);
    return w;
}

static void put_packet(wire *w, const GByteArray *frame)
{
    enum { ENHANCED_PACKET = 6 };
    g_autoptr(GByteArray) body = g_byte_array_new();

    put32(body, 0);
    put32(body, (guint32)(w->now >> 32));
    put32(body, (guint32)w->now);
    put32(body, frame->len);
    put32(body, frame->len);
    put_padded(body, frame->data, frame->len);
    put_block(w->file, ENHANCED_PACKET, body);
}

gboolean wire_write(wire *w, const char *path, GError **error)
{
    gboolean written = g_file_set_contents(path, (const char *)w->file->data, w->file->len, error);

    g_byte_array_unref(w->file);
    g_ptr_array_unref(w->connections);
    g_free(w);
    return written;
}

void wire_wait(wire *w, guint milliseconds)
{
    w->now += (gint64)milliseconds * 1000;
}

/* --- Ethernet, IPv4, TCP --- */

static void net16(GByteArray *out, guint16 value)
{
    value = GUINT16_TO_BE(value);
    g_byte_array_append(out, (const guint8 *)&value, sizeof value);
}

static void net32(GByteArray *out, guint32 value)
{
    net16(out, (guint16)(value >> 16));
    net16(out, (guint16)value);
}

/* The Internet checksum (RFC 1071) over SIZE bytes, added to SUM. */
static guint16 checksum(const guint8 *data, gsize size, guint32 sum)
{
    for (gsize i = 0; i < size; i++)
        sum += i & 1 ? data[i] : (guint32)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return (guint16)~sum;
}

static void set16(GByteArray *frame, guint at, guint16 value)
{
    frame->data[at] = (guint8)(value >> 8);
    frame->data[at + 1] = (guint8)value;
}

/* Captures one segment; SEQUENCE is given, because it may be captured late. */
static void send_segment(connection *c, enum side from, guint32 sequence, guint8 flags, const guint8 *data, gsize size)
{
    enum { ETHERNET_HEADER = 14, IP_HEADER = 20, TCP_HEADER = 20, MSS_OPTION = 4, IP_CHECKSUM = 10, TCP_CHECKSUM = 16 };
    struct endpoint *source = &c->ends[from], *target = &c->ends[!from];
    guint options = flags & SYN ? MSS_OPTION : 0;
    guint16 tcp_length = (guint16)(TCP_HEADER + options + size);
    g_autoptr(GByteArray) frame = g_byte_array_new();
    const guint ip = ETHERNET_HEADER, tcp = ETHERNET_HEADER + IP_HEADER;
    guint32 pseudo = 6u + tcp_length;

    g_byte_array_append(frame, target->mac, 6);
    g_byte_array_append(frame, source->mac, 6);
    net16(frame, 0x0800);

    net16(frame, 0x4500);
    net16(frame, IP_HEADER + tcp_length);
    net16(frame, source->id++);
    net16(frame, 0x4000);  /* don't fragment */
    net16(frame, (guint16)(source->time_to_live << 8 | 6));
    net16(frame, 0);
    g_byte_array_append(frame, source->address, 4);
    g_byte_array_append(frame, target->address, 4);
    set16(frame, ip + IP_CHECKSUM, checksum(frame->data + ip, IP_HEADER, 0));

    net16(frame, source->port);
    net16(frame, target->port);
    net32(frame, sequence);
    net32(frame, flags & ACK ? target->next : 0);
    net16(frame, (guint16)((TCP_HEADER + options) / 4 << 12 | flags));
    net16(frame, window);
    net32(frame, 0);  /* checksum and urgent pointer */
    if (options) {
        net16(frame, 0x0204);
        net16(frame, c->mss);
    }
    g_byte_array_append(frame, data, (guint)size);
    for (guint i = 0; i < 4; i += 2)
        pseudo += (guint32)(source->address[i] << 8 | source->address[i + 1])
                + (guint32)(target->address[i] << 8 | target->address[i + 1]);
    set16(frame, tcp + TCP_CHECKSUM, checksum(frame->data + tcp, tcp_length, pseudo));

    c->wire->now += from == c->wire->last ? packet_gap : one_way;
    c->wire->last = from;
    put_packet(c->wire, frame);
}

/* Captures a segment without data that uses up a sequence number when it has SYN or FIN. */
static void send_control(connection *c, enum side from, guint8 flags)
{
    send_segment(c, from, c->ends[from].next, flags, NULL, 0);
    if (flags & (SYN | FIN))
        c->ends[from].next++;
}

static void set_endpoint(struct endpoint *end, guint8 last_of_mac, const char *address, guint16 port, guint8 time_to_live)
{
    static const guint8 locally_administered[6] = { 0x02 };
    g_autoptr(GInetAddress) parsed = g_inet_address_new_from_string(address);

    memcpy(end->mac, locally_administered, sizeof end->mac);
    end->mac[5] = last_of_mac;
    memcpy(end->address, g_inet_address_to_bytes(parsed), sizeof end->address);
    end->port = port;
    end->time_to_live = time_to_live;
    /* Any number will do; the ports make it another one for each conversation, the same in each run. */
    end->next = (guint32)port * 2654435761u + last_of_mac;
    end->id = (guint16)(port * 40503u);
}

connection *wire_connect(wire *w, const char *client, guint16 client_port, const char *server, guint16 server_port,
                         guint16 mss)
{
    connection *c = g_new0(connection, 1);

    g_ptr_array_add(w->connections, c);
    c->wire = w;
    c->mss = mss;
    set_endpoint(&c->ends[CLIENT], 1, client, client_port, 64);
    set_endpoint(&c->ends[SERVER], 2, server, server_port, 128);
    c->ends[SERVER].next += c->ends[CLIENT].next;
    send_control(c, CLIENT, SYN);
    send_control(c, SERVER, SYN | ACK);
    send_control(c, CLIENT, ACK);
    return c;
}

static void send_data(connection *c, enum side from, const guint8 *data, gsize size, gint64 late)
{
    guint32 first = c->ends[from].next;
    guint count = (guint)((size + c->mss - 1) / c->mss);

    for (guint i = 0; i < count; i++) {
        guint segment = i == late && i + 1 < count ? i + 1 : i == late + 1 ? i - 1 : i;
        gsize at = (gsize)segment * c->mss;
        gsize length = MIN(c->mss, size - at);

        send_segment(c, from, first + (guint32)at, segment + 1 == count ? PSH | ACK : ACK, data + at, length);
        if (i % 2 == 1) {
            c->ends[from].next = first + (guint32)MIN(size, (gsize)(i + 1) * c->mss);
            send_control(c, !from, ACK);
        }
    }
    c->ends[from].next = first + (guint32)size;
}

void connection_send(connection *c, enum side from, const void *data, gsize size)
{
    send_data(c, from, data, size, -2);
}

void connection_send_late(connection *c, enum side from, const void *data, gsize size, guint late)
{
    send_data(c, from, data, size, late);
}

void connection_close(connection *c, enum side from)
{
    send_control(c, from, FIN | ACK);
    send_control(c, !from, FIN | ACK);
    send_control(c, from, ACK);
}
