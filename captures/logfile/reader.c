/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A log from its begin to its end, or from a mark on.
 */
#include "internal.h"

/* What is known of the lines that follow, apart from where they are. */
typedef struct {
    bool    is_rest; /* they go on with a record that was cut */
    bool    is_utc;
    int64_t time;    /* of the record before */
    int64_t day;     /* W3C: of the #Date directive */
    int64_t of_day;  /* W3C without dates: the time of day of the record before */
} state;

struct logfile_reader {
    logfile_format  format;
    logfile_window  window;
    state           state;
    logfile_fields *fields;  /* W3C: NULL before the first #Fields directive */
    GString        *valid;   /* what the record's text is when the file's is not valid */
    logfile_meaning meaning; /* of the record */
};

struct logfile_mark {
    bool             has_begun;
    logfile_encoding encoding;
    uint64_t         offset;
    uint32_t         line;
    state            state;
    GRefString      *fields; /* shared by marks; NULL: none */
};

static const state initial = { .day = LOGFILE_NO_DAY };

logfile_reader *
logfile_reader_new(logfile_format format, logfile_source source, void *from)
{
    logfile_reader *reader = g_new0(logfile_reader, 1);

    reader->format = format;
    reader->state = initial;
    reader->valid = g_string_new(NULL);
    logfile_window_init(&reader->window, source, from);
    return reader;
}

void
logfile_reader_free(logfile_reader *reader)
{
    if (!reader)
        return;
    logfile_window_clear(&reader->window);
    logfile_fields_free(reader->fields);
    g_string_free(reader->valid, TRUE);
    g_free(reader);
}

bool
logfile_failed(const logfile_reader *reader)
{
    return reader->window.has_failed;
}

static bool
is_w3c(const logfile_reader *reader)
{
    return reader->format == LOGFILE_IIS || reader->format == LOGFILE_HTTPERR;
}

static void
set_fields(logfile_reader *reader, GRefString *names)
{
    if (reader->fields && names && strcmp(logfile_fields_names(reader->fields), names) == 0)
        return;
    logfile_fields_free(reader->fields);
    reader->fields = names ? logfile_fields_new(names) : NULL;
}

/* Takes the names of columns. When they are too many, the columns have none. */
static bool
take_fields(logfile_reader *reader, logfile_span value)
{
    GRefString *names;

    value = logfile_valid(value, reader->valid);
    if (value.length > LOGFILE_MAX_FIELDS) {
        set_fields(reader, NULL);
        return false;
    }
    names = g_ref_string_new_len(value.at, (gssize)value.length);
    set_fields(reader, names);
    g_ref_string_release(names);
    return true;
}

/* A directive is passed over, and remembered. Returns false when the line is a record, though a malformed one. */
static bool
take_directive(logfile_reader *reader, logfile_span line)
{
    logfile_span name, value;
    int64_t      day;

    if (!logfile_w3c_directive(line, &name, &value))
        return false;
    if (logfile_equals(name, LOGFILE_SPAN("Fields")))
        return take_fields(reader, value);
    if (logfile_equals(name, LOGFILE_SPAN("Date")) && logfile_take_date(&value, &day)) {
        reader->state.day = day;
        reader->state.of_day = 0;
    }
    return true;
}

/* Where lines have no date, a time of day that is much earlier than the one before is the next day's. */
static void
keep_day(logfile_reader *reader)
{
    logfile_meaning *meaning = &reader->meaning;
    GRefString      *names = logfile_fields_names(reader->fields);
    int64_t          of_day;

    if (!meaning->has_time || logfile_have_name((logfile_span){ names, strlen(names) }, LOGFILE_SPAN("date")))
        return;
    of_day = meaning->time - reader->state.day * LOGFILE_DAY;
    if (of_day < reader->state.of_day - LOGFILE_DAY / 2) {
        reader->state.day++;
        meaning->time += LOGFILE_DAY;
    }
    reader->state.of_day = of_day;
}

static void
read_meaning(logfile_reader *reader, logfile_record *record, logfile_span text)
{
    logfile_meaning *meaning = &reader->meaning;

    switch (reader->format) {
    case LOGFILE_CMTRACE:
        logfile_cmtrace_read(text, meaning, NULL);
        break;
    case LOGFILE_SVCLOG:
        logfile_svclog_read(text, meaning, NULL);
        break;
    default:
        if (reader->state.is_rest)
            break;
        logfile_w3c_read(reader->fields, reader->state.day, text, meaning, NULL);
        record->fields = logfile_fields_names(reader->fields);
        keep_day(reader);
    }
}

/* Fills in what is alike in all records. */
static void
finish(logfile_reader *reader, logfile_record *record)
{
    logfile_meaning *meaning = &reader->meaning;

    if (meaning->has_time) {
        reader->state.time = meaning->time;
        reader->state.is_utc = meaning->is_utc;
    }
    record->error = meaning->problem[0] != '\0' ? meaning->problem : NULL;
    record->has_time = meaning->has_time;
    record->is_utc = reader->state.is_utc || is_w3c(reader);
    record->time = reader->state.time;
    record->client = meaning->client;
    record->server = meaning->server;
}

static void
begin_record(logfile_reader *reader, logfile_record *record)
{
    memset(record, 0, sizeof *record);
    memset(&reader->meaning, 0, sizeof reader->meaning);
    record->offset = reader->window.offset;
    record->line = reader->window.line;
    record->text = "";
}

static void
give_nuls(logfile_reader *reader, logfile_record *record, logfile_span text)
{
    uint64_t count = 0;

    begin_record(reader, record);
    do {
        size_t run = 0;

        while (run < text.length && text.at[run] == '\0')
            run++;
        logfile_window_take(&reader->window, run);
        count += run;
        text = logfile_window_text(&reader->window);
    } while (text.length > 0 && *text.at == '\0');
    reader->state.is_rest = false;
    record->size = reader->window.offset - record->offset;
    logfile_object(&reader->meaning, "%" G_GUINT64_FORMAT " NULs: room that was reserved and never written", count);
    finish(reader, record);
}

static void
give(logfile_reader *reader, logfile_record *record, logfile_span text, const logfile_extent *extent)
{
    begin_record(reader, record);
    text = logfile_valid(logfile_before(text, extent->length), reader->valid);
    record->text = text.at;
    record->length = text.length;
    if (reader->state.is_rest)
        logfile_object(&reader->meaning, "rest of a record longer than %u octets", LOGFILE_MAX_RECORD);
    else if (extent->is_cut)
        logfile_object(&reader->meaning, "longer than %u octets: the rest is the next record", LOGFILE_MAX_RECORD);
    read_meaning(reader, record, text);
    logfile_window_take(&reader->window, extent->taken);
    record->size = reader->window.offset - record->offset;
    finish(reader, record);
}

bool
logfile_next(logfile_reader *reader, logfile_record *record)
{
    for (;;) {
        logfile_span   text = logfile_window_text(&reader->window);
        logfile_extent extent;
        bool           is_passed;

        if (text.length == 0)
            return false;
        if (logfile_begins_with_nuls(text)) {
            give_nuls(reader, record, text);
            break;
        }
        extent = logfile_extent_of(reader->format, text, reader->state.is_rest);
        is_passed = extent.is_blank || (is_w3c(reader) && !extent.is_cut && !reader->state.is_rest &&
                                        take_directive(reader, logfile_before(text, extent.length)));
        if (is_passed)
            logfile_window_take(&reader->window, extent.taken);
        else
            give(reader, record, text, &extent);
        reader->state.is_rest = extent.is_cut;
        if (!is_passed)
            break;
    }
    /* What reaches to where reading failed may be but the begin of a record. */
    return !reader->window.has_failed || reader->window.start < reader->window.end;
}

logfile_mark *
logfile_mark_new(const logfile_reader *reader)
{
    logfile_mark *mark = g_new0(logfile_mark, 1);
    GRefString   *names = logfile_fields_names(reader->fields);

    mark->has_begun = reader->window.has_begun;
    mark->encoding = reader->window.encoding;
    mark->offset = reader->window.offset;
    mark->line = reader->window.line;
    mark->state = reader->state;
    mark->fields = names ? g_ref_string_acquire(names) : NULL;
    return mark;
}

void
logfile_mark_free(logfile_mark *mark)
{
    if (!mark)
        return;
    if (mark->fields)
        g_ref_string_release(mark->fields);
    g_free(mark);
}

uint64_t
logfile_mark_offset(const logfile_mark *mark)
{
    return mark->offset;
}

void
logfile_reader_resume(logfile_reader *reader, const logfile_mark *mark)
{
    logfile_window_move(&reader->window, mark->has_begun, mark->encoding, mark->offset, mark->line);
    reader->state = mark->state;
    set_fields(reader, mark->fields);
}
