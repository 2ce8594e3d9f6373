/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A bounded cursor over BER (X.690): the one door through which bytes of a SCEP message are read.
 */
#ifndef SCEP_BER_H
#define SCEP_BER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Identifier octets (X.690 8.1.2) of the types that CMS is made of. */
#define BER_BOOLEAN          0x01
#define BER_INTEGER          0x02
#define BER_BIT_STRING       0x03
#define BER_OCTET_STRING     0x04
#define BER_OID              0x06
#define BER_UTF8_STRING      0x0c
#define BER_BMP_STRING       0x1e
#define BER_SEQUENCE         0x30
#define BER_SET              0x31
#define BER_CONSTRUCTED      0x20
#define BER_CONTEXT(number)  (0xa0 | (number)) /* constructed; primitive without BER_CONSTRUCTED */

/* Longest dotted OID that ber_oid() writes, with its NUL. */
#define BER_OID_SIZE 128

/* Bytes borrowed from their owner; reading an element moves `data` forward. */
typedef struct {
    const uint8_t *data;
    size_t         length;
} ber_slice;

/* One element. Its slices are borrowed from the cursor it was read from. */
typedef struct {
    uint8_t   identifier;
    ber_slice content;  /* as much of it as there is; without the end-of-contents octets */
    ber_slice encoding; /* the whole element, header included */
    bool      complete; /* false when the data ends before the element does */
} ber_element;

/* Reads the next element of `cursor` into `element` and moves the cursor behind it. Definite and indefinite lengths
 * are understood (X.690 8.1.3). When the data ends inside the content, the element holds what is there and is not
 * `complete`. Returns false, with the cursor unmoved, at the end, at an end-of-contents, and when no header can be
 * read. */
bool ber_next(ber_slice *cursor, ber_element *element);

/* As ber_next(), but only when the next identifier octet is `identifier`. */
bool ber_next_is(ber_slice *cursor, uint8_t identifier, ber_element *element);

/* True when the next identifier octet of `cursor` is `identifier`. */
bool ber_peek(const ber_slice *cursor, uint8_t identifier);

/* Appends the octets of a string element, primitive or constructed of segments (X.690 8.7.3), to `octets`. Returns
 * false when the string is cut short or is nested deeper than any encoder does; what could be read is appended. */
bool ber_octets(const ber_element *element, GByteArray *octets);

/* Writes an OBJECT IDENTIFIER in dotted form to `dotted`. Returns false for anything else, or an incomplete one. */
bool ber_oid(const ber_element *element, char dotted[BER_OID_SIZE]);

/* The magnitude of a complete non-negative INTEGER as bytes: the content without leading zero octets but one. */
ber_slice ber_magnitude(const ber_element *element);

#endif
