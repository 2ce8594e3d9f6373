/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The formats by name, and a record with what the file says about it as text.
 */
#include "internal.h"

static const struct {
    const char *name, *description;
} formats[LOGFILE_FORMATS] = {
    [LOGFILE_IIS] = { "iis", "IIS W3C extended log" },
    [LOGFILE_HTTPERR] = { "httperr", "HTTP.sys error log" },
    [LOGFILE_CMTRACE] = { "cmtrace", "CMTrace log" },
    [LOGFILE_SVCLOG] = { "svclog", "Service trace log" },
};

const char *
logfile_format_name(logfile_format format)
{
    return formats[format].name;
}

const char *
logfile_format_description(logfile_format format)
{
    return formats[format].description;
}

/* Of three octets each at worst (U+FFFD for one that is not valid); some for the rest. */
G_STATIC_ASSERT(3 * LOGFILE_MAX_RECORD + LOGFILE_MAX_FIELDS + 1024 <= LOGFILE_MAX_DESCRIPTION);

void
logfile_describe(const logfile_record *record, GString *text)
{
    g_string_append_printf(text, "#Line: %u\n", record->line);
    if (record->fields) {
        logfile_span names = { record->fields, strlen(record->fields) };

        if (record->has_time && !logfile_have_name(names, LOGFILE_SPAN("date"))) {
            g_string_append(text, "#Date: ");
            logfile_append_date(text, record->time / LOGFILE_DAY);
            g_string_append_c(text, '\n');
        }
        g_string_append_printf(text, "#Fields: %s\n", record->fields);
    }
    if (record->error || logfile_begins((logfile_span){ record->text, record->length }, LOGFILE_SPAN("#")))
        g_string_append_printf(text, "#Error: %s\n", record->error ? record->error : "");
    g_string_append_len(text, record->text, (gssize)record->length);
}
