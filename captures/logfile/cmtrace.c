/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records as Configuration Manager and its policy module write them, for CMTrace to show:
 *     <![LOG[message]LOG]!><time="02:44:11.789+00" date="06-10-2016" component="NDESPlugin" … >
 * and the older
 *     message  $$<NDESPlugin><06-10-2016 02:44:11.789+00><thread=2900 (0xB54)>
 * The message of either may have any characters and several lines. Behind the time stands the bias of Windows' time
 * zones: the minutes that make UTC of it when they are added.
 */
#include "internal.h"

/* No record has so much behind its message; a quotation mark too few must not make one. */
#define MAX_TRAILER 2048

const logfile_span logfile_cmtrace_begin = LOGFILE_SPAN("<![LOG[");

static const logfile_span message_end = LOGFILE_SPAN("]LOG]!><");
static const logfile_span trailer_begin = LOGFILE_SPAN("$$<");

/* What stands behind a message, in either form. */
typedef struct {
    size_t       begin, end;                    /* in the text */
    logfile_span component, date, time, thread; /* of the older form */
} trailer;

static bool
take_name(logfile_span *text, logfile_span *name)
{
    size_t length = 0;

    while (length < text->length && (g_ascii_isalnum(text->at[length]) || text->at[length] == '_'))
        length++;
    *name = logfile_before(*text, length);
    *text = logfile_after(*text, length);
    return length > 0;
}

/* Takes what is before the next `end` in the same line, and that; false when there is `never` before it. */
static bool
take_until(logfile_span *text, char end, char never, logfile_span *value)
{
    size_t length = 0;

    while (length < text->length && text->at[length] != end && text->at[length] != never && text->at[length] != '\n')
        length++;
    if (length == text->length || text->at[length] != end)
        return false;
    *value = logfile_before(*text, length);
    *text = logfile_after(*text, length + 1);
    return true;
}

static void
skip_blanks(logfile_span *text)
{
    while (text->length > 0 && (*text->at == ' ' || *text->at == '\t'))
        *text = logfile_after(*text, 1);
}

/* Takes name="value", and blanks before it. */
static bool
take_attribute(logfile_span *text, logfile_span *name, logfile_span *value)
{
    skip_blanks(text);
    return take_name(text, name) && logfile_take_char(text, '=') && logfile_take_char(text, '"') &&
           take_until(text, '"', '\n', value);
}

/* Octets of attributes up to and with '>'; 0 when there are none. */
static size_t
attributes_length(logfile_span text)
{
    logfile_span rest = logfile_before(text, MIN(text.length, MAX_TRAILER)), name, value;

    if (!take_attribute(&rest, &name, &value))
        return 0;
    while (rest.length > 0) {
        skip_blanks(&rest);
        if (logfile_take_char(&rest, '>'))
            return (size_t)(rest.at - text.at);
        if (!take_attribute(&rest, &name, &value))
            return 0;
    }
    return 0;
}

/* Finds the first ]LOG]!>< that attributes follow. */
static bool
find_attributes(logfile_span text, trailer *found)
{
    for (size_t from = 0;;) {
        logfile_span rest = logfile_after(text, from);
        size_t       at = logfile_find(rest, message_end), length;

        if (at == rest.length)
            return false;
        length = attributes_length(logfile_after(rest, at + message_end.length));
        if (length > 0) {
            found->begin = from + at;
            found->end = found->begin + message_end.length + length;
            return true;
        }
        from += at + message_end.length;
    }
}

/* Reads "<component><date time><thread=…>", with which a line ends. `is_whole`: the end of the text is that of a line. */
static bool
read_older(logfile_span text, bool is_whole, trailer *found)
{
    static const logfile_span thread = LOGFILE_SPAN("<thread=");
    logfile_span              rest = logfile_before(text, MIN(text.length, MAX_TRAILER)), moment;

    if (!logfile_take_char(&rest, '<') || !take_until(&rest, '>', '<', &found->component) ||
        !logfile_take_char(&rest, '<') || !take_until(&rest, '>', '<', &moment) || !logfile_begins(rest, thread))
        return false;
    rest = logfile_after(rest, thread.length);
    if (!take_until(&rest, '>', '<', &found->thread))
        return false;
    found->end = (size_t)(rest.at - text.at);
    skip_blanks(&rest);
    if (rest.length == 0 ? !is_whole : *rest.at != '\n' && *rest.at != '\r')
        return false;

    rest = found->thread; /* "2900 (0xB54)" */
    take_until(&rest, ' ', '\n', &found->thread);
    found->time = moment;
    return take_until(&found->time, ' ', '\n', &found->date);
}

/* Finds the first $$< that is the older form's. */
static bool
find_older(logfile_span text, bool is_whole, trailer *found)
{
    for (size_t from = 0;;) {
        logfile_span rest = logfile_after(text, from);
        size_t       at = logfile_find(rest, trailer_begin), behind = at + trailer_begin.length - 1;

        if (at == rest.length)
            return false;
        if (read_older(logfile_after(rest, behind), is_whole, found)) {
            found->begin = from + at;
            found->end += from + behind;
            return true;
        }
        from += behind;
    }
}

size_t
logfile_cmtrace_end(logfile_span text, bool has_begin, bool is_whole)
{
    trailer found;
    size_t  end = 0;

    if (!has_begin && find_older(text, is_whole, &found)) {
        end = found.end;
        text = logfile_before(text, end);
    }
    return find_attributes(text, &found) ? found.end : end;
}

static void
read_time(logfile_span time, logfile_span date, logfile_meaning *meaning)
{
    int64_t  day, of_day;
    unsigned bias = 0;
    bool     is_west, is_east;

    if (!logfile_take_american_date(&date, &day) || date.length > 0 || !logfile_take_time(&time, &of_day)) {
        logfile_object(meaning, "its time cannot be read");
        return;
    }
    is_west = logfile_take_char(&time, '+');
    is_east = !is_west && logfile_take_char(&time, '-');
    if (((is_west || is_east) && !logfile_take_number(&time, 4, &bias)) || time.length > 0) {
        logfile_object(meaning, "its time cannot be read");
        return;
    }
    meaning->has_time = true;
    meaning->is_utc = is_west || is_east;
    meaning->time = day * LOGFILE_DAY + of_day + (is_east ? -1 : 1) * (int64_t)bias * 60 * LOGFILE_SECOND;
}

static void
tell(const logfile_sink *sink, logfile_span name, logfile_span value)
{
    if (sink)
        sink->column(sink->user, name, value);
}

static void
read_attributes(logfile_span text, logfile_meaning *meaning, const logfile_sink *sink)
{
    logfile_span name, value, time = { NULL, 0 }, date = { NULL, 0 };

    while (take_attribute(&text, &name, &value)) {
        if (logfile_equals(name, LOGFILE_SPAN("time")))
            time = value;
        else if (logfile_equals(name, LOGFILE_SPAN("date")))
            date = value;
        tell(sink, name, value);
    }
    if (time.at && date.at)
        read_time(time, date, meaning);
    else
        logfile_object(meaning, "it has no time or no date");
}

static void
tell_older(logfile_span record, const trailer *found, const logfile_sink *sink)
{
    tell(sink, LOGFILE_SPAN("message"), logfile_trim_end(logfile_before(record, found->begin)));
    tell(sink, LOGFILE_SPAN("component"), found->component);
    tell(sink, LOGFILE_SPAN("date"), found->date);
    tell(sink, LOGFILE_SPAN("time"), found->time);
    tell(sink, LOGFILE_SPAN("thread"), found->thread);
}

void
logfile_cmtrace_read(logfile_span record, logfile_meaning *meaning, const logfile_sink *sink)
{
    bool         has_begin = logfile_begins(record, logfile_cmtrace_begin);
    logfile_span message = logfile_after(record, has_begin ? logfile_cmtrace_begin.length : 0);
    trailer      found;

    if (!has_begin && find_older(record, true, &found) && found.end == logfile_trim_end(record).length) {
        tell_older(record, &found, sink);
        read_time(found.time, found.date, meaning);
        return;
    }
    if (!find_attributes(message, &found)) {
        logfile_object(meaning, has_begin ? "no ]LOG]!> with attributes at its end"
                                          : "no record: neither <![LOG[ at its begin nor $$< at its end");
        tell(sink, LOGFILE_SPAN("message"), message);
        return;
    }
    if (!has_begin)
        logfile_object(meaning, "no <![LOG[ at its begin");
    tell(sink, LOGFILE_SPAN("message"), logfile_before(message, found.begin));
    read_attributes(logfile_after(message, found.begin + message_end.length), meaning, sink);
}
