/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A described record, taken apart.
 */
#include "internal.h"

/* While a record is taken apart. */
typedef struct {
    logfile_parsed *parsed;
    logfile_span    text; /* all of it, as it was given */
    GString        *scratch;
} parsing;

static const char *
keep(parsing *in, logfile_span text)
{
    text = logfile_valid(text, in->scratch);
    return g_string_chunk_insert_len(in->parsed->strings, text.at, (gssize)text.length);
}

static void
add_column(void *user, logfile_span name, logfile_span value)
{
    parsing       *in = user;
    logfile_column column = { .name = keep(in, name) };
    uintptr_t      at = (uintptr_t)value.at, start = (uintptr_t)in->text.at;

    if (value.at) {
        column.value = keep(in, value);
        if (at >= start && at - start < in->text.length) {
            column.offset = at - start;
            column.length = value.length;
        }
    }
    g_array_append_val(in->parsed->columns, column);
}

/* Takes a line that begins with `name`. */
static bool
take_line(logfile_span *text, logfile_span name, logfile_span *value)
{
    size_t end;

    if (!logfile_begins(*text, name))
        return false;
    *value = logfile_after(*text, name.length);
    end = logfile_find(*value, LOGFILE_SPAN("\n"));
    if (end == value->length)
        return false;
    *text = logfile_after(*value, end + 1);
    value->length = end;
    return true;
}

static void
read_body(parsing *in, logfile_span body, logfile_fields *fields, int64_t day)
{
    logfile_parsed    *parsed = in->parsed;
    logfile_meaning    meaning = { 0 };
    const logfile_sink sink = { add_column, in };
    GString           *scratch = g_string_new(NULL);

    body = logfile_valid(body, scratch);
    if (parsed->format == LOGFILE_CMTRACE)
        logfile_cmtrace_read(body, &meaning, &sink);
    else if (parsed->format == LOGFILE_SVCLOG)
        logfile_svclog_read(body, &meaning, &sink);
    else
        logfile_w3c_read(fields, day, body, &meaning, &sink);
    if (!parsed->error && meaning.problem[0] != '\0')
        parsed->error = g_string_chunk_insert(parsed->strings, meaning.problem);
    parsed->has_time = meaning.has_time;
    parsed->is_utc = meaning.is_utc;
    parsed->time = meaning.time;
    g_string_free(scratch, TRUE);
}

logfile_parsed *
logfile_parse(logfile_format format, const char *text, size_t length)
{
    logfile_parsed *parsed = g_new0(logfile_parsed, 1);
    parsing         in = { parsed, { text, length }, g_string_new(NULL) };
    logfile_span    rest = in.text, value;
    logfile_fields *fields = NULL;
    int64_t         day = LOGFILE_NO_DAY;

    parsed->format = format;
    parsed->columns = g_array_new(FALSE, FALSE, sizeof(logfile_column));
    parsed->strings = g_string_chunk_new(1024);
    if (take_line(&rest, LOGFILE_SPAN("#Line: "), &value))
        logfile_take_number(&value, 10, &parsed->line);
    if (take_line(&rest, LOGFILE_SPAN("#Date: "), &value))
        logfile_take_date(&value, &day);
    if (take_line(&rest, LOGFILE_SPAN("#Fields: "), &value)) {
        GRefString *names = g_ref_string_new_len(value.at, (gssize)value.length);

        fields = logfile_fields_new(names);
        g_ref_string_release(names);
    }
    if (take_line(&rest, LOGFILE_SPAN("#Error: "), &value) && value.length > 0)
        parsed->error = keep(&in, value);
    parsed->body_offset = length - rest.length;
    parsed->body_length = rest.length;
    read_body(&in, rest, fields, day);
    logfile_fields_free(fields);
    g_string_free(in.scratch, TRUE);
    return parsed;
}

void
logfile_parsed_free(logfile_parsed *parsed)
{
    if (!parsed)
        return;
    g_array_unref(parsed->columns);
    g_string_chunk_free(parsed->strings);
    g_free(parsed);
}

const char *
logfile_value(const logfile_parsed *parsed, const char *name)
{
    for (guint i = 0; i < parsed->columns->len; i++) {
        const logfile_column *column = &g_array_index(parsed->columns, logfile_column, i);

        if (strcmp(column->name, name) == 0)
            return column->value;
    }
    return NULL;
}
