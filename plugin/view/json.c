/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON, as it is written.
 */
#include "json.h"

#include <string.h>

void
json_begin(GString *out)
{
    if (out->len && !strchr("{[:", out->str[out->len - 1]))
        g_string_append_c(out, ',');
}

void
json_key(GString *out, const char *key)
{
    json_begin(out);
    g_string_append_printf(out, "\"%s\":", key);
}

void
json_text(GString *out, const char *text)
{
    json_begin(out);
    if (!text) {
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '"');
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_unichar(out, c);
    }
    g_string_append_c(out, '"');
}

void
json_taken_text(GString *out, char *text)
{
    json_text(out, text);
    g_free(text);
}

void
json_number(GString *out, bool is_known, int64_t number)
{
    json_begin(out);
    if (is_known)
        g_string_append_printf(out, "%" G_GINT64_FORMAT, number);
    else
        g_string_append(out, "null");
}

void
json_positive(GString *out, int64_t number)
{
    json_number(out, number > 0, number);
}

void
json_bool(GString *out, bool value)
{
    json_begin(out);
    g_string_append(out, value ? "true" : "false");
}

void
json_texts(GString *out, const char *const *texts)
{
    json_begin(out);
    g_string_append_c(out, '[');
    for (; texts && *texts; texts++)
        json_text(out, *texts);
    g_string_append_c(out, ']');
}
