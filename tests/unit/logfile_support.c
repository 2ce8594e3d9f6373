/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "logfile_support.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

/* So many records are read behind a mark. */
#define BEHIND_MARK 3

/* In brief: so many marks, and so many octets at once of more than so many. */
enum { FEW_MARKS = 16, MANY_AT_ONCE = 1021, MANY_OCTETS = 16384 };

gssize
memory_give(void *from, uint8_t *octets, size_t size)
{
    memory *log = from;
    size_t  end = log->fails_at > 0 ? MIN(log->fails_at, log->length) : log->length;
    size_t  count = MIN(MIN(size, log->step), end - log->at);

    if (count == 0 && log->fails_at > 0)
        return -1;
    memcpy(octets, log->octets + log->at, count);
    log->at += count;
    return (gssize)count;
}

static char *
text_of(const logfile_endpoint *endpoint)
{
    return endpoint->length > 0 ? g_strndup(endpoint->address, endpoint->length) : NULL;
}

static kept_record *
keep(const logfile_record *record)
{
    kept_record *kept = g_new0(kept_record, 1);
    GString     *description = g_string_new(NULL);

    kept->record = *record;
    kept->record.text = kept->text = g_strndup(record->text, record->length);
    kept->record.fields = kept->fields = g_strdup(record->fields);
    kept->record.error = kept->error = g_strdup(record->error);
    kept->record.client.address = kept->client = text_of(&record->client);
    kept->record.server.address = kept->server = text_of(&record->server);
    logfile_describe(record, description);
    kept->description = g_string_free(description, FALSE);
    return kept;
}

static void
drop(gpointer data)
{
    kept_record *kept = data;

    g_free(kept->text);
    g_free(kept->fields);
    g_free(kept->error);
    g_free(kept->client);
    g_free(kept->server);
    g_free(kept->description);
    g_free(kept);
}

GPtrArray *
records_of(logfile_format format, memory *log)
{
    logfile_reader *reader = logfile_reader_new(format, memory_give, log);
    GPtrArray      *records = g_ptr_array_new_with_free_func(drop);
    logfile_record  record;

    while (logfile_next(reader, &record))
        g_ptr_array_add(records, keep(&record));
    g_assert_false(logfile_next(reader, &record));
    g_assert_cmpint(logfile_failed(reader), ==, log->fails_at > 0);
    logfile_reader_free(reader);
    return records;
}

static void
assert_same(const kept_record *record, const kept_record *other)
{
    g_assert_cmpuint(record->record.offset, ==, other->record.offset);
    g_assert_cmpuint(record->record.size, ==, other->record.size);
    g_assert_cmpuint(record->record.line, ==, other->record.line);
    g_assert_cmpmem(record->text, record->record.length, other->text, other->record.length);
    g_assert_cmpstr(record->fields, ==, other->fields);
    g_assert_cmpstr(record->error, ==, other->error);
    g_assert_cmpint(record->record.has_time, ==, other->record.has_time);
    g_assert_cmpint(record->record.is_utc, ==, other->record.is_utc);
    g_assert_cmpint(record->record.time, ==, other->record.time);
    g_assert_cmpstr(record->client, ==, other->client);
    g_assert_cmpstr(record->server, ==, other->server);
    g_assert_cmpuint(record->record.client.port, ==, other->record.client.port);
    g_assert_cmpuint(record->record.server.port, ==, other->record.server.port);
    g_assert_cmpstr(record->description, ==, other->description);
}

static void
check_source(logfile_format format, const char *octets, size_t length, size_t step, const GPtrArray *records)
{
    memory     log = { .octets = octets, .length = length, .step = step };
    GPtrArray *others = records_of(format, &log);

    g_assert_cmpuint(others->len, ==, records->len);
    for (guint i = 0; i < records->len; i++)
        assert_same(record_at(others, i), record_at(records, i));
    g_ptr_array_unref(others);
}

/* Goes on from the mark of one reader, before the record with this number, with another one. */
static void
check_mark(const logfile_reader *marked, logfile_reader *reader, memory *log, const GPtrArray *records, guint number)
{
    logfile_mark  *mark = logfile_mark_new(marked);
    logfile_record record;

    g_assert_cmpuint(logfile_mark_offset(mark), <=, log->length);
    log->at = logfile_mark_offset(mark);
    logfile_reader_resume(reader, mark);
    for (guint i = number; i < MIN(records->len, number + BEHIND_MARK); i++) {
        g_assert_true(logfile_next(reader, &record));

        kept_record *kept = keep(&record);

        assert_same(kept, record_at(records, i));
        drop(kept);
    }
    if (number + BEHIND_MARK > records->len)
        g_assert_false(logfile_next(reader, &record));
    logfile_mark_free(mark);
}

static void
check_marks(logfile_format format, const char *octets, size_t length, const GPtrArray *records, guint distance)
{
    memory          log = { .octets = octets, .length = length, .step = length }, again = log;
    logfile_reader *reader = logfile_reader_new(format, memory_give, &log);
    logfile_reader *other = logfile_reader_new(format, memory_give, &again);
    logfile_record  record;

    for (guint i = 0; i <= records->len; i++) {
        if (i % distance == 0)
            check_mark(reader, other, &again, records, i);
        g_assert_cmpint(logfile_next(reader, &record), ==, i < records->len);
    }
    logfile_reader_free(other);
    logfile_reader_free(reader);
}

/* Stands for an octet that is not the first of its character. */
#define FURTHER '\x01'

/* The log, octet by octet, as far as it is ASCII; other characters are written as x, byte order marks as blanks. */
static char *
flattened(const char *octets, size_t length)
{
    char *flat = memcpy(g_malloc(length + 1), octets, length);
    bool  is_big = length >= 2 && memcmp(octets, "\xfe\xff", 2) == 0;
    bool  is_utf16 = is_big || (length >= 2 && memcmp(octets, "\xff\xfe", 2) == 0) ||
                    (length >= 8 && !octets[1] && !octets[3] && !octets[5] && !octets[7] && octets[0] && octets[2] &&
                     octets[4] && octets[6]);

    for (size_t i = 0; i + 1 < length && is_utf16; i += 2) {
        char high = octets[i + !is_big], low = octets[i + is_big];

        flat[i] = high == '\0' && (guchar)low < 0x80 ? low : 'x';
        if (high == '\xfe' && low == '\xff')
            flat[i] = ' ';
        flat[i + 1] = FURTHER;
    }
    for (size_t i = 0; i + 2 < length && !is_utf16; i++) {
        if (memcmp(octets + i, "\xef\xbb\xbf", 3) == 0)
            memcpy(flat + i, (const char[]){ ' ', FURTHER, FURTHER }, 3);
    }
    return flat;
}

/* In what is between records every line is blank, or begins with #. */
static void
check_between(const char *flat, size_t length)
{
    bool is_directive = false, is_begin = true;

    for (size_t i = 0; i < length; i++) {
        if (is_begin && flat[i] == '#')
            is_directive = true;
        if (flat[i] == '\n')
            is_directive = false;
        else if (!is_directive)
            g_assert_true(flat[i] != '\0' && strchr(" \t\r\v\f\x01", flat[i]));
        is_begin = flat[i] == '\n' || (is_begin && (flat[i] == ' ' || flat[i] == FURTHER));
    }
}

/* Every octet is in a record, or between two. */
static void
check_octets(const char *octets, size_t length, const GPtrArray *records)
{
    char    *flat = flattened(octets, length);
    uint64_t end = 0;
    uint32_t line = 1;

    for (guint i = 0; i < records->len; i++) {
        const logfile_record *record = &record_at(records, i)->record;

        g_assert_cmpuint(record->offset, >=, end);
        g_assert_cmpuint(record->size, >, 0);
        g_assert_cmpuint(record->size, <=, length - record->offset);
        check_between(flat + end, record->offset - end);
        for (; end < record->offset; end++)
            line += flat[end] == '\n';
        g_assert_cmpuint(record->line, ==, line);
        for (; end < record->offset + record->size; end++)
            line += flat[end] == '\n';
    }
    check_between(flat + end, length - end);
    g_free(flat);
}

/* Taken apart, the description says what the record says, and where. */
static void
check_description(logfile_format format, const kept_record *kept)
{
    const logfile_record *record = &kept->record;
    size_t                length = strlen(kept->description);
    logfile_parsed       *parsed = logfile_parse(format, kept->description, length);

    g_assert_cmpuint(length, <=, LOGFILE_MAX_DESCRIPTION);
    g_assert_true(g_utf8_validate(kept->description, -1, NULL));
    g_assert_cmpuint(parsed->line, ==, record->line);
    g_assert_cmpstr(parsed->error, ==, record->error);
    g_assert_cmpuint(parsed->body_offset + parsed->body_length, ==, length);
    g_assert_cmpmem(kept->description + parsed->body_offset, parsed->body_length, record->text, record->length);
    g_assert_cmpint(parsed->has_time, ==, record->has_time);
    if (parsed->has_time) {
        g_assert_cmpint(parsed->time, ==, record->time);
        g_assert_cmpint(parsed->is_utc, ==, record->is_utc);
    }
    for (guint i = 0; i < parsed->columns->len; i++) {
        const logfile_column *column = &g_array_index(parsed->columns, logfile_column, i);

        g_assert_true(g_utf8_validate(column->name, -1, NULL));
        g_assert_true(!column->value || g_utf8_validate(column->value, -1, NULL));
        if (column->length > 0) {
            g_assert_cmpuint(column->offset, >=, parsed->body_offset);
            g_assert_cmpuint(column->offset + column->length, <=, length);
            g_assert_cmpmem(kept->description + column->offset, column->length, column->value, strlen(column->value));
        }
    }
    logfile_parsed_free(parsed);
}

GPtrArray *
checked_records_of(logfile_format format, const char *octets, size_t length, bool is_brief)
{
    memory     log = { .octets = octets, .length = length, .step = length };
    GPtrArray *records = records_of(format, &log);

    check_source(format, octets, length, is_brief && length > MANY_OCTETS ? MANY_AT_ONCE : 1, records);
    check_octets(octets, length, records);
    check_marks(format, octets, length, records, is_brief ? 1 + records->len / FEW_MARKS : 1);
    for (guint i = 0; i < records->len; i++)
        check_description(format, record_at(records, i));
    return records;
}

/* By GLib's calendar, not the readers'. */
static void
append_time(GString *line, const logfile_record *record)
{
    GDateTime *time;
    char      *text;

    if (!record->has_time) {
        g_string_append_c(line, '-');
        return;
    }
    time = g_date_time_new_from_unix_utc(record->time / SECOND);
    text = g_date_time_format(time, "%Y-%m-%d %H:%M:%S");
    g_string_append(line, text);
    if (record->time % SECOND > 0) {
        g_string_append_printf(line, ".%09u", (unsigned)(record->time % SECOND));
        while (line->str[line->len - 1] == '0')
            g_string_truncate(line, line->len - 1);
    }
    if (record->is_utc)
        g_string_append_c(line, 'Z');
    g_free(text);
    g_date_time_unref(time);
}

void
assert_records(const GPtrArray *records, const char *expected)
{
    GString *lines = g_string_new(NULL);

    for (guint i = 0; i < records->len; i++) {
        const kept_record *kept = record_at(records, i);

        g_string_append_printf(lines, "%s%u ", i > 0 ? "\n" : "", kept->record.line);
        append_time(lines, &kept->record);
        g_string_append_c(lines, ' ');
        for (const char *at = kept->text; *at; at++) {
            if (*at == '\n' || *at == '\r')
                g_string_append(lines, *at == '\n' ? "\\n" : "\\r");
            else
                g_string_append_c(lines, *at);
        }
        if (kept->error)
            g_string_append_printf(lines, " !%s", kept->error);
    }
    g_assert_cmpstr(lines->str, ==, expected);
    g_string_free(lines, TRUE);
}

void
assert_log_of(logfile_format format, const char *octets, size_t length, const char *expected)
{
    GPtrArray *records = checked_records_of(format, octets, length, false);

    assert_records(records, expected);
    g_ptr_array_unref(records);
}

void
assert_log(logfile_format format, const char *log, const char *expected)
{
    assert_log_of(format, log, strlen(log), expected);
}

void
assert_columns(logfile_format format, const kept_record *record, const char *expected)
{
    logfile_parsed *parsed = logfile_parse(format, record->description, strlen(record->description));
    GString        *columns = g_string_new(NULL);

    for (guint i = 0; i < parsed->columns->len; i++) {
        const logfile_column *column = &g_array_index(parsed->columns, logfile_column, i);

        g_string_append_printf(columns, "%s%s", i > 0 ? "|" : "", column->name);
        if (column->value)
            g_string_append_printf(columns, "=%s", column->value);
    }
    g_assert_cmpstr(columns->str, ==, expected);
    g_string_free(columns, TRUE);
    logfile_parsed_free(parsed);
}
