/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the query of a SCEP request says: operation and message (RFC 8894 4.1), and the keywords of a GetCACaps
 * answer (3.5.2).
 */
#ifndef SCEP_QUERY_H
#define SCEP_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef enum {
    SCEP_GET_CA_CAPS,
    SCEP_GET_CA_CERT,
    SCEP_GET_NEXT_CA_CERT,
    SCEP_PKI_OPERATION,
    SCEP_OPERATION_OTHER, /* an `operation=` that RFC 8894 does not know */
} scep_operation;

/* One request's query. The strings are the owner's, freed by scep_query_clear(). */
typedef struct {
    scep_operation operation;
    char          *name;    /* of the operation, as sent */
    char          *message; /* percent-decoded value of `message`, or NULL when there is none */
    char          *raw;     /* the same as it stands in the URI, or NULL */
} scep_query;

/* Reads the query of `uri` (any form of request target, `length` octets). True when it has an `operation` parameter
 * whose value is a word; `query` is then to be cleared by the caller. Order, case of names, and the path do not
 * matter. */
bool scep_query_parse(const char *uri, size_t length, scep_query *query);
void scep_query_clear(scep_query *query);

/* True when the path of `uri` is one at which NDES or another SCEP server is usually found. */
bool scep_query_path_is_usual(const char *uri, size_t length);

/* Decodes the base64 of a PKIOperation by GET as leniently as servers do: `raw` is the value as it stands in the URI.
 * Percent-escapes are undone once, a space is a `+`, white space and line ends are dropped, the URL-safe alphabet and
 * missing padding are accepted (RFC 8894 4.1, and what clients send). Returns NULL when nothing can be decoded; then,
 * or when it ends early, `*whole` is false. */
GByteArray *scep_query_decode_message(const char *raw, bool *whole);

/* The keywords of a GetCACaps answer in order, trimmed, without empty ones: a NULL-terminated vector, free with
 * g_strfreev(). Lines may end in CR, LF, both or NUL. */
char **scep_capabilities_parse(const uint8_t *data, size_t length);

/* True when one of `capabilities` (NULL: none) is a keyword of SCEP: a page of HTML has none. */
bool scep_capabilities_are_known(const char *const *capabilities);

/* True when `capabilities` holds `keyword` in any case, or SCEPStandard, which implies it (RFC 8894 3.5.2). */
bool scep_capabilities_have(char *const *capabilities, const char *keyword);

#endif
