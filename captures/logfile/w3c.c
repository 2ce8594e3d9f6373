/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line of a log in the W3C extended log file format (https://www.w3.org/TR/WD-logfile), as IIS and HTTP.sys write it:
 * columns between blanks, named by the last #Fields directive. "-" is no value.
 *
 * In pasted lines a blank may be missing (between c-ip and the user agent), and others are cut. Then the columns do not
 * fit their names any more: those are understood that stand, from either end of the line, up to one that can only be what
 * its name says.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdlib.h>

/* What a column's value looks like; of FREE ones that cannot be told. */
typedef enum { FREE, DATE, TIME, CLIENT_ADDRESS, CLIENT_PORT, SERVER_ADDRESS, SERVER_PORT, NUMBER, KINDS } column_kind;

typedef struct {
    logfile_span name;
    column_kind  kind;
    logfile_span value; /* in the line that is being read; `at` is NULL when there is none */
} column;

struct logfile_fields {
    GRefString *names;
    column     *columns;
    unsigned    count;
    column     *first[KINDS]; /* the first of each kind; NULL: none */
};

static const struct {
    logfile_span name;
    column_kind  kind;
} kinds[] = {
    { LOGFILE_SPAN("date"), DATE },
    { LOGFILE_SPAN("time"), TIME },
    { LOGFILE_SPAN("c-ip"), CLIENT_ADDRESS },
    { LOGFILE_SPAN("c-port"), CLIENT_PORT },
    { LOGFILE_SPAN("s-ip"), SERVER_ADDRESS },
    { LOGFILE_SPAN("s-port"), SERVER_PORT },
    { LOGFILE_SPAN("sc-status"), NUMBER },
    { LOGFILE_SPAN("sc-substatus"), NUMBER },
    { LOGFILE_SPAN("sc-win32-status"), NUMBER },
    { LOGFILE_SPAN("sc-bytes"), NUMBER },
    { LOGFILE_SPAN("cs-bytes"), NUMBER },
    { LOGFILE_SPAN("time-taken"), NUMBER },
};

void
logfile_object(logfile_meaning *meaning, const char *format, ...)
{
    va_list arguments;

    if (meaning->problem[0] != '\0')
        return;
    va_start(arguments, format);
    g_vsnprintf(meaning->problem, sizeof meaning->problem, format, arguments);
    va_end(arguments);
}

bool
logfile_next_word(logfile_span *text, logfile_span *word)
{
    const char *at = text->at, *end = text->at + text->length;

    while (at < end && logfile_is_blank(*at))
        at++;
    word->at = at;
    while (at < end && !logfile_is_blank(*at))
        at++;
    word->length = (size_t)(at - word->at);
    *text = (logfile_span){ at, (size_t)(end - at) };
    return word->length > 0;
}

/* Takes the last word of `line` from its end. */
static bool
last_word(logfile_span *line, logfile_span *word)
{
    size_t start;

    *line = logfile_trim_end(*line);
    for (start = line->length; start > 0 && !logfile_is_blank(line->at[start - 1]); start--)
        ;
    *word = logfile_after(*line, start);
    line->length = start;
    return word->length > 0;
}

static column_kind
kind_of(logfile_span name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (logfile_equals(name, kinds[i].name))
            return kinds[i].kind;
    }
    return FREE;
}

logfile_fields *
logfile_fields_new(GRefString *names)
{
    logfile_span    rest = { names, g_ref_string_length(names) }, word;
    GArray         *columns = g_array_new(FALSE, FALSE, sizeof(column));
    logfile_fields *fields = g_new0(logfile_fields, 1);

    while (logfile_next_word(&rest, &word)) {
        column next = { .name = word, .kind = kind_of(word) };

        g_array_append_val(columns, next);
    }
    fields->names = g_ref_string_acquire(names);
    fields->count = columns->len;
    fields->columns = (column *)(void *)g_array_free(columns, FALSE);
    for (unsigned i = fields->count; i > 0; i--)
        fields->first[fields->columns[i - 1].kind] = &fields->columns[i - 1];
    return fields;
}

void
logfile_fields_free(logfile_fields *fields)
{
    if (!fields)
        return;
    g_ref_string_release(fields->names);
    g_free(fields->columns);
    g_free(fields);
}

GRefString *
logfile_fields_names(const logfile_fields *fields)
{
    return fields ? fields->names : NULL;
}

bool
logfile_have_name(logfile_span names, logfile_span name)
{
    logfile_span word;

    while (logfile_next_word(&names, &word)) {
        if (logfile_equals(word, name))
            return true;
    }
    return false;
}

bool
logfile_w3c_directive(logfile_span line, logfile_span *name, logfile_span *value)
{
    size_t length = 1;

    if (line.length == 0 || line.at[0] != '#')
        return false;
    while (length < line.length && (g_ascii_isalpha(line.at[length]) || line.at[length] == '-'))
        length++;
    if (length == 1 || length == line.length || line.at[length] != ':')
        return false;
    *name = logfile_after(logfile_before(line, length), 1);
    *value = logfile_trim_end(logfile_after(line, length + 1));
    while (value->length > 0 && logfile_is_blank(*value->at))
        *value = logfile_after(*value, 1);
    return true;
}

static bool
is_ipv4(logfile_span text)
{
    unsigned number;

    for (unsigned part = 0; part < 4; part++) {
        if ((part > 0 && !logfile_take_char(&text, '.')) || !logfile_take_number(&text, 3, &number) || number > 255)
            return false;
    }
    return text.length == 0;
}

/* Not all that has this form is one, but nothing else in a log has it. */
static bool
is_ipv6(logfile_span text)
{
    unsigned colons = 0, zone;
    size_t   at = 0;

    for (; at < text.length && (g_ascii_isxdigit(text.at[at]) || text.at[at] == ':' || text.at[at] == '.'); at++)
        colons += text.at[at] == ':';
    text = logfile_after(text, at);
    if (logfile_take_char(&text, '%') && !logfile_take_number(&text, 10, &zone))
        return false;
    return colons >= 2 && colons <= 8 && text.length == 0;
}

bool
logfile_is_address(logfile_span text)
{
    return is_ipv4(text) || is_ipv6(text);
}

static bool
is_number(logfile_span text)
{
    size_t at = 0;

    while (at < text.length && g_ascii_isdigit(text.at[at]))
        at++;
    return at > 0 && at == text.length;
}

static bool
read_port(logfile_span text, uint16_t *port)
{
    unsigned number;

    if (!logfile_take_number(&text, 5, &number) || text.length > 0 || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool
is_none(logfile_span value)
{
    return value.length == 1 && *value.at == '-';
}

typedef enum { FITS, MAY_FIT, DOES_NOT_FIT } fit;

static fit
fit_of(column_kind kind, logfile_span value)
{
    int64_t  number;
    uint16_t port;
    bool     fits = false;

    if (kind == FREE || is_none(value))
        return MAY_FIT;
    switch (kind) {
    case DATE:
        fits = logfile_take_date(&value, &number) && value.length == 0;
        break;
    case TIME:
        fits = logfile_take_time(&value, &number) && value.length == 0;
        break;
    case CLIENT_ADDRESS:
    case SERVER_ADDRESS:
        fits = logfile_is_address(value);
        break;
    case CLIENT_PORT:
    case SERVER_PORT:
        fits = read_port(value, &port);
        break;
    default:
        fits = is_number(value);
    }
    return fits ? FITS : DOES_NOT_FIT;
}

static void
drop_values(logfile_fields *fields, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        fields->columns[i].value = (logfile_span){ NULL, 0 };
}

/* Of a line with too few or too many columns: those that are certain. */
static void
match_columns(logfile_fields *fields, logfile_span line)
{
    logfile_span word, rest = line, before;
    unsigned     left = 0, certain = 0, right = fields->count, certain_right = right;
    size_t       taken = 0;
    fit          how = MAY_FIT;

    drop_values(fields, 0, fields->count);
    for (; left < fields->count && logfile_next_word(&rest, &word); left++) {
        how = fit_of(fields->columns[left].kind, word);
        if (how == DOES_NOT_FIT)
            break;
        fields->columns[left].value = word;
        if (how == FITS) {
            certain = left + 1;
            taken = (size_t)(rest.at - line.at);
        }
    }
    if (how != DOES_NOT_FIT && left < fields->count)
        return; /* the end is missing, nothing within */
    before = logfile_after(line, taken);
    for (; right > certain && last_word(&before, &word); right--) {
        how = fit_of(fields->columns[right - 1].kind, word);
        if (how == DOES_NOT_FIT)
            break;
        fields->columns[right - 1].value = word;
        if (how == FITS)
            certain_right = right - 1;
    }
    drop_values(fields, certain, certain_right);
}

/* Returns how many columns there are. */
static unsigned
split(logfile_fields *fields, logfile_span line)
{
    logfile_span rest = line, word;
    unsigned     count = 0;

    for (; logfile_next_word(&rest, &word); count++) {
        if (count < fields->count)
            fields->columns[count].value = word;
    }
    if (count != fields->count)
        match_columns(fields, line);
    return count;
}

static void
read_time(const logfile_fields *fields, int64_t day, logfile_meaning *meaning)
{
    const column *date = fields->first[DATE], *time = fields->first[TIME];
    int64_t       of_day = 0;
    logfile_span  text;

    meaning->is_utc = true;
    if (date && date->value.at) {
        text = date->value;
        if (!logfile_take_date(&text, &day) || text.length > 0) {
            logfile_object(meaning, "its date cannot be read");
            return;
        }
    }
    if (!time || !time->value.at || (date && !date->value.at))
        return;
    text = time->value;
    if (!logfile_take_time(&text, &of_day) || text.length > 0) {
        logfile_object(meaning, "its time cannot be read");
    } else if (day != LOGFILE_NO_DAY) {
        meaning->has_time = true;
        meaning->time = day * LOGFILE_DAY + of_day;
    }
}

static void
read_endpoint(const column *address, const column *port, logfile_endpoint *endpoint)
{
    if (address && address->value.at && logfile_is_address(address->value)) {
        endpoint->address = address->value.at;
        endpoint->length = address->value.length;
    }
    if (port && port->value.at)
        read_port(port->value, &endpoint->port);
}

void
logfile_w3c_read(logfile_fields *fields, int64_t day, logfile_span line, logfile_meaning *meaning,
                 const logfile_sink *sink)
{
    unsigned count;

    meaning->is_utc = true;
    if (logfile_begins(line, LOGFILE_SPAN("#")))
        logfile_object(meaning, "it begins with # but is no directive that can be read");
    else if (!fields)
        logfile_object(meaning, "no #Fields directive names its columns");
    if (!fields || logfile_begins(line, LOGFILE_SPAN("#")))
        return;
    count = split(fields, line);
    if (count != fields->count)
        logfile_object(meaning, "%u columns where #Fields names %u", count, fields->count);
    read_time(fields, day, meaning);
    read_endpoint(fields->first[CLIENT_ADDRESS], fields->first[CLIENT_PORT], &meaning->client);
    read_endpoint(fields->first[SERVER_ADDRESS], fields->first[SERVER_PORT], &meaning->server);
    for (unsigned i = 0; sink && i < fields->count; i++) {
        logfile_span value = fields->columns[i].value;

        if (value.at)
            sink->column(sink->user, fields->columns[i].name, is_none(value) ? (logfile_span){ NULL, 0 } : value);
    }
}
