/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON (RFC 8259) as it is appended to a string; commas come by themselves. Objects and arrays are opened and closed by
 * whoever writes them, after json_begin() or json_key(). GLib only.
 */
#ifndef VIEW_JSON_H
#define VIEW_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* Begins the next element of an array or object: every value does that by itself, what is opened by hand does not. */
void json_begin(GString *out);
void json_key(GString *out, const char *key);

/* `text` is valid UTF-8; NULL becomes null. */
void json_text(GString *out, const char *text);
void json_taken_text(GString *out, char *text); /* freed */
void json_texts(GString *out, const char *const *texts); /* NULL-terminated; NULL is an empty array */

void json_number(GString *out, bool is_known, int64_t number); /* else null */
void json_positive(GString *out, int64_t number); /* of what is never 0: null for it */
void json_bool(GString *out, bool value);

#endif
