/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hellos (RFC 5246 7.4.1, RFC 8446 4.1) and the Certificate message (RFC 5246 7.4.2, RFC 8446 4.4.2) of TLS.
 */
#include "tls.h"

#include <string.h>

/* Extensions, by IANA's registry. */
enum {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_PROTOCOLS = 16,
    EXTENSION_SESSION_TICKET = 35,
    EXTENSION_PRE_SHARED_KEY = 41,
    EXTENSION_SUPPORTED_VERSIONS = 43
};

#define RANDOM_LENGTH 32

/* Takes a vector whose length stands before it in `octets` octets (RFC 8446 3.4). When it is cut short, what is there
 * is taken, and false is returned. */
static bool
take_vector(wire_octets *in, size_t octets, wire_octets *vector)
{
    wire_octets prefix;
    size_t      length = 0;

    *vector = wire_part(*in, 0, 0);
    if (!wire_take(in, octets, &prefix))
        return false;
    for (size_t i = 0; i < octets; i++)
        length = length << 8 | wire_u8(prefix, i);
    if (wire_take(in, length, vector))
        return true;
    wire_take(in, in->length, vector);
    return false;
}

/* As take_vector(), but a vector that is cut short leaves nothing. */
static bool
take_whole_vector(wire_octets *in, size_t octets, wire_octets *vector)
{
    if (take_vector(in, octets, vector))
        return true;
    *vector = wire_part(*in, 0, 0);
    return false;
}

/* RFC 8701. */
static bool
is_grease(unsigned version)
{
    return (version & 0x0f0f) == 0x0a0a;
}

/* RFC 6066 3: the first name of type host_name. */
static bool
read_server_name(wire_octets extension, wire_octets *name)
{
    wire_octets list, type, entry;

    if (!take_whole_vector(&extension, 2, &list))
        return false;
    while (wire_take(&list, 1, &type)) {
        if (!take_whole_vector(&list, 2, &entry))
            return false;
        if (wire_u8(type, 0) == 0) {
            *name = entry;
            return true;
        }
    }
    return true;
}

/* The highest of the versions offered, drafts and the like aside. */
static bool
read_offered_versions(wire_octets extension, unsigned *version)
{
    wire_octets list, entry;
    unsigned    highest = 0;

    if (!take_whole_vector(&extension, 1, &list))
        return false;
    while (wire_take(&list, 2, &entry)) {
        unsigned offered = wire_u16(entry, 0);

        if (!is_grease(offered) && offered >> 8 == 3 && offered > highest)
            highest = offered;
    }
    if (highest > 0)
        *version = highest;
    return list.length == 0;
}

static bool
read_client_extension(unsigned type, wire_octets extension, wire_client_hello *hello)
{
    switch (type) {
    case EXTENSION_SERVER_NAME:
        return read_server_name(extension, &hello->server_name);
    case EXTENSION_PROTOCOLS:
        return take_whole_vector(&extension, 2, &hello->protocols);
    case EXTENSION_SESSION_TICKET:
        hello->has_ticket = extension.length > 0;
        return true;
    case EXTENSION_PRE_SHARED_KEY:
        hello->has_pre_shared_key = true;
        return true;
    case EXTENSION_SUPPORTED_VERSIONS:
        return read_offered_versions(extension, &hello->version);
    default:
        return true;
    }
}

static bool
read_server_extension(unsigned type, wire_octets extension, wire_server_hello *hello)
{
    wire_octets part;

    switch (type) {
    case EXTENSION_PROTOCOLS:
        return take_whole_vector(&extension, 2, &part) && take_whole_vector(&part, 1, &hello->protocol);
    case EXTENSION_PRE_SHARED_KEY:
        hello->has_pre_shared_key = true;
        return true;
    case EXTENSION_SUPPORTED_VERSIONS:
        if (!wire_take(&extension, 2, &part))
            return false;
        hello->version = wire_u16(part, 0);
        return true;
    default:
        return true;
    }
}

/* Takes the next of a list of extensions. Returns false at its end, with `extensions` empty, and at damage. */
static bool
next_extension(wire_octets *extensions, unsigned *type, wire_octets *extension)
{
    wire_octets before = *extensions, head;

    if (wire_take(extensions, 2, &head) && take_whole_vector(extensions, 2, extension)) {
        *type = wire_u16(head, 0);
        return true;
    }
    *extensions = before;
    return false;
}

/* What both hellos begin with. */
static bool
read_begin(wire_octets *in, unsigned *version, wire_octets *random, wire_octets *session_id)
{
    wire_octets part;

    if (!wire_take(in, 2, &part))
        return false;
    *version = wire_u16(part, 0);
    return wire_take(in, RANDOM_LENGTH, random) && take_whole_vector(in, 1, session_id);
}

bool
wire_client_hello_read(const uint8_t *body, size_t length, wire_client_hello *hello)
{
    wire_octets in = { body, length }, suites, compression, extensions, extension;
    unsigned    type;
    bool        whole;

    memset(hello, 0, sizeof *hello);
    if (!read_begin(&in, &hello->version, &hello->random, &hello->session_id) || !take_whole_vector(&in, 2, &suites))
        return false;
    hello->cipher_suites = (unsigned)(suites.length / 2);
    if (!take_whole_vector(&in, 1, &compression))
        return false;
    if (in.length == 0) /* as before RFC 3546 */
        return true;
    whole = take_vector(&in, 2, &extensions);
    while (next_extension(&extensions, &type, &extension))
        whole = read_client_extension(type, extension, hello) && whole;
    return whole && extensions.length == 0;
}

bool
wire_server_hello_read(const uint8_t *body, size_t length, wire_server_hello *hello)
{
    static const uint8_t retry[RANDOM_LENGTH] = { /* SHA-256 of "HelloRetryRequest" */
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c
    };

    wire_octets in = { body, length }, choice, extensions, extension;
    unsigned    type;
    bool        whole;

    memset(hello, 0, sizeof *hello);
    if (!read_begin(&in, &hello->version, &hello->random, &hello->session_id) ||
        !wire_take(&in, 3, &choice)) /* cipher suite and compression */
        return false;
    hello->is_retry = memcmp(hello->random.data, retry, RANDOM_LENGTH) == 0;
    hello->cipher_suite = wire_u16(choice, 0);
    if (in.length == 0)
        return true;
    whole = take_vector(&in, 2, &extensions);
    while (next_extension(&extensions, &type, &extension))
        whole = read_server_extension(type, extension, hello) && whole;
    return whole && extensions.length == 0;
}

unsigned
wire_certificates_read(const uint8_t *body, size_t length, bool is_tls13, wire_octets *certificates, unsigned capacity)
{
    wire_octets in = { body, length }, context, list, certificate, extensions;
    unsigned    count = 0;

    if ((is_tls13 && !take_whole_vector(&in, 1, &context)) || !take_whole_vector(&in, 3, &list) || in.length > 0)
        return 0;
    while (list.length > 0) {
        if (!take_whole_vector(&list, 3, &certificate) || certificate.length == 0 ||
            (is_tls13 && !take_whole_vector(&list, 2, &extensions)))
            return 0;
        if (count < capacity)
            certificates[count] = certificate;
        count++;
    }
    return count;
}
