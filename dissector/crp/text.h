/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text as it stands in a body: a cursor that undoes escapes as it passes, and so knows the place of every character,
 * and base64 (RFC 4648) with the armour of PEM (RFC 7468).
 */
#ifndef CRP_TEXT_H
#define CRP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <wsutil/wmem/wmem.h>

typedef enum {
    CRP_ESCAPES_JSON,
    CRP_ESCAPES_XML, /* and comments and CDATA sections, which may stand within the text of an element */
    CRP_ESCAPES_URI,
} crp_escapes;

/* Moves over octets that it borrows. `at` is never beyond `end`. */
typedef struct {
    const uint8_t *data;
    size_t         at, end;
    crp_escapes    escapes;
    bool           in_cdata;
} crp_cursor;

/* Whether `text` stands at the cursor; the second, whatever the case of ASCII letters. */
bool crp_text_starts(const crp_cursor *in, const char *text);
bool crp_text_starts_any_case(const crp_cursor *in, const char *text);

/* Moves behind the next `text`, or to the end and returns false. */
bool crp_text_skip_past(crp_cursor *in, const char *text);

bool crp_text_is_space(gunichar character);
void crp_text_skip_spaces(crp_cursor *in);

/* Passes the comments and the marks of CDATA sections that stand at the cursor. */
void crp_text_skip_marks(crp_cursor *in);

/* Takes one character, escapes undone; it stands at `*start`. What is none becomes U+FFFD. Returns false at the end. */
bool crp_text_next(crp_cursor *in, gunichar *character, size_t *start);

/* The text up to the end, in `scope` as wmem takes it. What would make it longer than `limit` octets is left out, and
 * `*is_cut` set. */
char *crp_text_copy(wmem_allocator_t *scope, crp_cursor in, size_t limit, bool *is_cut);

/* The same text without more white space than one blank between words. */
const char *crp_text_words(wmem_allocator_t *scope, const char *text);

bool crp_text_is_digit(gunichar character); /* of base64, in the standard or the URL's alphabet */

/* The cursor is behind a dash. When that began a line of PEM, "-----BEGIN …-----", moves behind it and returns true. */
bool crp_text_skip_armour(crp_cursor *in);

/* The digits and padding up to the end when they may be base64 of a SEQUENCE, else NULL; to be freed. White space and
 * armour are passed. Not `*is_whole` when there is something else, or more than `limit`; unset with NULL. */
GString *crp_text_sequence(crp_cursor in, size_t limit, bool *is_whole);

/* Where the digits number `first` to `last` of what crp_text_sequence() gives stand. */
void crp_text_place(crp_cursor in, size_t first, size_t last, size_t *start, size_t *end);

#endif
