/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A record as a packet of the encapsulation that Wireshark has for exported PDUs (wsutil/exported_pdu_tlvs.h): tags that
 * name the dissector and the addresses of the request where the log has them, then the record as text that needs no file
 * around it (logfile_describe()).
 */
#include <arpa/inet.h>

#include "internal.h"

/* Of 16 bits each, as is the length of the value that follows. */
enum {
    TAG_END = 0,
    TAG_DISSECTOR_NAME = 12,
    TAG_IPV4_SOURCE = 20,
    TAG_IPV4_DESTINATION,
    TAG_IPV6_SOURCE,
    TAG_IPV6_DESTINATION,
    TAG_PORT_TYPE,
    TAG_SOURCE_PORT,
    TAG_DESTINATION_PORT,
    TAG_LINE = 30, /* the number of the frame in the file that a PDU was exported from */
};

#define TAG_HEADER    4
#define PORT_TYPE_TCP 2

/* --- writing --- */

/* Appends a tag, filled up with zeros to a multiple of four octets as Wireshark's own are. */
static void
add_tag(GString *packet, uint16_t tag, const void *value, size_t length)
{
    size_t   filled = (length + 3) & ~(size_t)3;
    uint16_t head[2] = { g_htons(tag), g_htons((uint16_t)filled) };

    g_string_append_len(packet, (const char *)head, sizeof head);
    g_string_append_len(packet, value, (gssize)length);
    g_string_append_len(packet, "\0\0\0", (gssize)(filled - length));
}

static void
add_number(GString *packet, uint16_t tag, uint32_t number)
{
    uint32_t value = g_htonl(number);

    add_tag(packet, tag, &value, sizeof value);
}

/* Appends the address with the tag of its kind; without its zone, for which there is no tag. What is none has none. */
static void
add_address(GString *packet, const logfile_endpoint *endpoint, uint16_t ipv4_tag, uint16_t ipv6_tag)
{
    char            text[INET6_ADDRSTRLEN] = "";
    size_t          length = endpoint->length;
    const char     *zone = length ? memchr(endpoint->address, '%', length) : NULL;
    struct in_addr  ipv4;
    struct in6_addr ipv6;

    if (zone)
        length = (size_t)(zone - endpoint->address);
    if (length == 0 || length >= sizeof text || memchr(endpoint->address, '\0', length))
        return;
    memcpy(text, endpoint->address, length);
    if (!zone && inet_pton(AF_INET, text, &ipv4) == 1)
        add_tag(packet, ipv4_tag, &ipv4, sizeof ipv4);
    else if (inet_pton(AF_INET6, text, &ipv6) == 1)
        add_tag(packet, ipv6_tag, &ipv6, sizeof ipv6);
}

static void
add_ports(GString *packet, const logfile_record *record)
{
    if (record->client.port == 0 && record->server.port == 0)
        return;
    add_number(packet, TAG_PORT_TYPE, PORT_TYPE_TCP);
    if (record->client.port)
        add_number(packet, TAG_SOURCE_PORT, record->client.port);
    if (record->server.port)
        add_number(packet, TAG_DESTINATION_PORT, record->server.port);
}

void
logfile_pdu(logfile_format format, const logfile_record *record, GString *packet)
{
    const char *dissector = logfile_format_name(format);

    add_tag(packet, TAG_DISSECTOR_NAME, dissector, strlen(dissector));
    add_address(packet, &record->client, TAG_IPV4_SOURCE, TAG_IPV6_SOURCE);
    add_address(packet, &record->server, TAG_IPV4_DESTINATION, TAG_IPV6_DESTINATION);
    add_ports(packet, record);
    add_number(packet, TAG_LINE, record->line);
    add_tag(packet, TAG_END, "", 0);
    logfile_describe(record, packet);
}

/* --- reading --- */

static unsigned
number_at(const uint8_t *octets)
{
    return (unsigned)octets[0] << 8 | octets[1];
}

/* Whether a tag's value is the name of a format, filled up with zeros. */
static bool
is_format(const uint8_t *value, size_t length, logfile_format *format)
{
    for (logfile_format one = 0; one < LOGFILE_FORMATS; one++) {
        const char *name = logfile_format_name(one);
        size_t      letters = strlen(name);

        if (length < letters || memcmp(value, name, letters) != 0 || (length > letters && value[letters] != '\0'))
            continue;
        *format = one;
        return true;
    }
    return false;
}

bool
logfile_pdu_read(const uint8_t *octets, size_t length, logfile_format *format, size_t *offset)
{
    bool is_ours = false;

    for (size_t at = 0; length - at >= TAG_HEADER;) {
        unsigned tag = number_at(octets + at), size = number_at(octets + at + 2);

        at += TAG_HEADER;
        if (size > length - at)
            return false;
        if (tag == TAG_END) {
            *offset = at + size;
            return is_ours;
        }
        if (tag == TAG_DISSECTOR_NAME && !(is_ours = is_format(octets + at, size, format)))
            return false;
        at += size;
    }
    return false;
}
