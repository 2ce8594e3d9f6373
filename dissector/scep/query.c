/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the query of a SCEP request says (RFC 8894 4.1), and the keywords of a GetCACaps answer (3.5.2).
 */
#include "query.h"

#include <string.h>

/* More keywords or longer ones than any server has are not capabilities. */
#define MAX_CAPABILITIES     64
#define MAX_CAPABILITY_WIDTH 64

static const struct {
    const char    *name;
    scep_operation operation;
} operations[] = {
    { "GetCACaps", SCEP_GET_CA_CAPS },
    { "GetCACert", SCEP_GET_CA_CERT },
    { "GetNextCACert", SCEP_GET_NEXT_CA_CERT },
    { "PKIOperation", SCEP_PKI_OPERATION },
};

/* Undoes percent-escapes once and leaves everything else, broken escapes too, as it stands. */
static GByteArray *
percent_decode(const char *text, size_t length)
{
    GByteArray *out = g_byte_array_sized_new((guint)length);

    for (size_t i = 0; i < length; i++) {
        guint8 octet = (guint8)text[i];

        if (octet == '%' && i + 2 < length && g_ascii_isxdigit(text[i + 1]) && g_ascii_isxdigit(text[i + 2])) {
            octet = (guint8)(g_ascii_xdigit_value(text[i + 1]) << 4 | g_ascii_xdigit_value(text[i + 2]));
            i += 2;
        }
        g_byte_array_append(out, &octet, 1);
    }
    return out;
}

static char *
percent_decode_text(const char *text, size_t length)
{
    GByteArray *octets = percent_decode(text, length);
    char       *valid = octets->len > 0 ? g_utf8_make_valid((const char *)octets->data, octets->len) : g_strdup("");

    g_byte_array_unref(octets);
    return valid;
}

static bool
is_word(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text; text++) {
        if (!g_ascii_isalnum(*text) && *text != '_' && *text != '-')
            return false;
    }
    return true;
}

bool
scep_query_parse(const char *uri, size_t length, scep_query *query)
{
    const char *end = uri + length;
    const char *at = memchr(uri, '?', length);

    memset(query, 0, sizeof *query);
    while (at && at < end) {
        const char *start = at + 1;
        const char *next = memchr(start, '&', (size_t)(end - start));
        const char *stop = next ? next : end;
        const char *equals = memchr(start, '=', (size_t)(stop - start));

        at = next;
        if (!equals)
            continue;

        size_t      name = (size_t)(equals - start);
        const char *value = equals + 1;
        size_t      width = (size_t)(stop - value);

        if (name == strlen("operation") && g_ascii_strncasecmp(start, "operation", name) == 0 && !query->name) {
            query->name = percent_decode_text(value, width);
        } else if (name == strlen("message") && g_ascii_strncasecmp(start, "message", name) == 0 && !query->raw) {
            query->raw = g_strndup(value, width);
            query->message = percent_decode_text(value, width);
        }
    }
    if (!query->name || !is_word(query->name)) {
        scep_query_clear(query);
        return false;
    }
    query->operation = SCEP_OPERATION_OTHER;
    for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
        if (g_ascii_strcasecmp(query->name, operations[i].name) == 0)
            query->operation = operations[i].operation;
    }
    return true;
}

void
scep_query_clear(scep_query *query)
{
    g_free(query->name);
    g_free(query->message);
    g_free(query->raw);
    memset(query, 0, sizeof *query);
}

bool
scep_query_path_is_usual(const char *uri, size_t length)
{
    static const char *const usual[] = { "/mscep/", "/mscep.dll", "/pkiclient.exe", "/scep" };
    char                    *path = g_ascii_strdown(uri, (gssize)length);
    bool                     found = false;

    path[strcspn(path, "?")] = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(usual) && !found; i++)
        found = strstr(path, usual[i]) != NULL;
    g_free(path);
    return found;
}

GByteArray *
scep_query_decode_message(const char *raw, bool *whole)
{
    GByteArray *text = percent_decode(raw, strlen(raw));
    GByteArray *octets = g_byte_array_sized_new(text->len / 4 * 3 + 3);
    guint32     bits = 0;
    unsigned    count = 0;
    guint       at;

    for (at = 0; at < text->len; at++) {
        guint8 c = text->data[at];
        guint  digit;

        if (c == '\r' || c == '\n' || c == '\t')
            continue;
        if (g_ascii_isupper(c))
            digit = c - 'A';
        else if (g_ascii_islower(c))
            digit = c - 'a' + 26;
        else if (g_ascii_isdigit(c))
            digit = c - '0' + 52;
        else if (c == '+' || c == ' ' || c == '-')
            digit = 62;
        else if (c == '/' || c == '_')
            digit = 63;
        else
            break;
        bits = bits << 6 | digit;
        if (++count == 4) {
            const guint8 group[] = { (guint8)(bits >> 16), (guint8)(bits >> 8), (guint8)bits };

            g_byte_array_append(octets, group, sizeof group);
            bits = count = 0;
        }
    }
    if (count >= 2) { /* the last group, padded or not */
        const guint8 group[] = { (guint8)(bits >> (count * 6 - 8)), (guint8)(count == 3 ? bits >> 2 : 0) };

        g_byte_array_append(octets, group, count - 1);
    }
    while (at < text->len && strchr("= \r\n\t", text->data[at]) && text->data[at] != '\0')
        at++;
    *whole = at == text->len && count != 1;
    g_byte_array_unref(text);
    if (octets->len == 0) {
        g_byte_array_unref(octets);
        *whole = false;
        return NULL;
    }
    return octets;
}

static bool
is_keyword(const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || length > MAX_CAPABILITY_WIDTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!g_ascii_isgraph(text[i]) || strchr("<>\"{}", text[i]))
            return false;
    }
    return true;
}

char **
scep_capabilities_parse(const uint8_t *data, size_t length)
{
    GPtrArray *keywords = g_ptr_array_new();

    for (size_t at = 0; at < length && keywords->len < MAX_CAPABILITIES;) {
        size_t start = at;

        while (at < length && data[at] != '\r' && data[at] != '\n' && data[at] != '\0')
            at++;

        char *text = g_strstrip(g_strndup((const char *)data + start, at - start));

        if (is_keyword(text))
            g_ptr_array_add(keywords, text);
        else
            g_free(text);
        at++;
    }
    g_ptr_array_add(keywords, NULL);
    return (char **)g_ptr_array_free(keywords, FALSE);
}

bool
scep_capabilities_have(char *const *capabilities, const char *keyword)
{
    static const char *const standard[] = { "AES", "POSTPKIOperation", "SHA-256" };
    bool                     implied = false;

    for (size_t i = 0; i < G_N_ELEMENTS(standard); i++)
        implied = implied || g_ascii_strcasecmp(standard[i], keyword) == 0;
    for (; *capabilities; capabilities++) {
        if (g_ascii_strcasecmp(*capabilities, keyword) == 0 ||
            (implied && g_ascii_strcasecmp(*capabilities, "SCEPStandard") == 0))
            return true;
    }
    return false;
}

bool
scep_capabilities_are_known(const char *const *capabilities)
{
    /* RFC 8894 3.5.2, and Update of the drafts. */
    static const char *const keywords[] = { "AES",     "DES3",    "GetNextCACert", "POSTPKIOperation", "Renewal", "SHA-1",
                                            "SHA-256", "SHA-512", "SCEPStandard",  "Update" };

    for (; capabilities && *capabilities; capabilities++) {
        for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++) {
            if (g_ascii_strcasecmp(*capabilities, keywords[i]) == 0)
                return true;
        }
    }
    return false;
}
