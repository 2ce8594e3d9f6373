/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A log, read as each format: every octet is accounted for, and neither the way in which the octets come nor the place at
 * which reading begins changes anything. A record's description, which a capture may bring from anywhere.
 *
 * The first octet says what is done with the others: its low half is a number of `treatments`, its high half how much.
 */
#include <string.h>

#include "../unit/logfile_support.h"
#include "fuzz.h"

static const struct {
    bool is_description; /* they are no log, but a record's description */
    bool has_nuls;       /* in their middle room is left that nobody wrote to */
    bool is_long;        /* in their middle so many are put in that a record must be cut; slow, so it is one format only */
    bool is_utf16, is_big;
} treatments[16] = {
    [6] = { .has_nuls = true },
    [7] = { .has_nuls = true, .is_utf16 = true },
    [8] = { .is_utf16 = true },
    [9] = { .is_utf16 = true, .is_big = true },
    [10] = { .is_description = true },
    [11] = { .is_description = true },
    [12] = { .is_description = true },
    [13] = { .is_description = true },
    [15] = { .is_long = true },
};

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

static void
fill_up(GString *log, size_t count, char with)
{
    gsize at = log->len / 2;
    char *filling = g_malloc(count);

    memset(filling, with, count);
    g_string_insert_len(log, (gssize)at, filling, (gssize)count);
    g_free(filling);
}

static void
make_utf16(GString *log, bool is_big)
{
    GString *units = g_string_new(is_big ? "\xfe\xff" : "\xff\xfe");

    for (gsize i = 0; i < log->len; i++) {
        if (is_big)
            g_string_append_c(units, '\0');
        g_string_append_c(units, log->str[i]);
        if (!is_big && i + 1 < log->len) /* the last one lacks its second octet */
            g_string_append_c(units, '\0');
    }
    g_string_truncate(log, 0);
    g_string_append_len(log, units->str, (gssize)units->len);
    g_string_free(units, TRUE);
}

static void
check_log(const GString *log, unsigned from, unsigned to)
{
    logfile_format format = LOGFILE_FORMATS;
    const char    *problem = NULL;
    logfile_claim  claim = logfile_detect((const uint8_t *)log->str, log->len, &format, &problem);

    g_assert_cmpint(format != LOGFILE_FORMATS, ==, claim == LOGFILE_KNOWN);
    g_assert_cmpint(problem != NULL, ==, claim == LOGFILE_REFUSED);
    for (; from < to; from++)
        g_ptr_array_unref(checked_records_of(from, log->str, log->len, true));
}

/* Whatever it is: the body is its end, and columns lie in it. */
static void
check_description(const GString *text)
{
    for (logfile_format format = 0; format < LOGFILE_FORMATS; format++) {
        logfile_parsed *parsed = logfile_parse(format, text->str, text->len);

        g_assert_cmpuint(parsed->body_offset + parsed->body_length, ==, text->len);
        assert_text(parsed->error);
        for (guint i = 0; i < parsed->columns->len; i++) {
            const logfile_column *column = &g_array_index(parsed->columns, logfile_column, i);

            assert_text(column->name);
            assert_text(column->value);
            g_assert_true(column->length == 0 || (column->offset >= parsed->body_offset &&
                                                  column->length <= text->len - column->offset));
        }
        logfile_parsed_free(parsed);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned how, much;
    GString *log;

    if (size == 0)
        return 0;
    how = *data & 0x0f;
    much = *data >> 4;
    log = g_string_new_len((const char *)data + 1, (gssize)size - 1);
    if (treatments[how].is_long)
        fill_up(log, LOGFILE_MAX_RECORD - much, 'x');
    if (treatments[how].has_nuls)
        fill_up(log, 1 + much, '\0');
    if (treatments[how].is_utf16)
        make_utf16(log, treatments[how].is_big);
    if (treatments[how].is_description)
        check_description(log);
    else if (treatments[how].is_long)
        check_log(log, much % LOGFILE_FORMATS, much % LOGFILE_FORMATS + 1);
    else
        check_log(log, 0, LOGFILE_FORMATS);
    g_string_free(log, TRUE);
    return 0;
}
