/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CMTrace logs: messages that hold anything, times with and without a bias, both forms, and what is left of records that
 * were cut. What is expected stands in the logs themselves.
 */
#include <string.h>

#include "logfile_support.h"

#define ATTRIBUTES "<time=\"02:44:11.789+00\" date=\"06-10-2016\" component=\"NDESPlugin\" context=\"\" type=\"1\" " \
                   "thread=\"2900\" file=\"ndesplugin.cpp:646\">"
#define RECORD(message) "<![LOG[" message "]LOG]!>" ATTRIBUTES

/* Of `ATTRIBUTES`. */
#define TIME "2016-06-10 02:44:11.789Z "

#define NO_END " !no ]LOG]!> with attributes at its end"
#define NO_RECORD " !no record: neither <![LOG[ at its begin nor $$< at its end"

static void
assert_cases(const char *const (*cases)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_log(LOGFILE_CMTRACE, cases[i][0], cases[i][1]);
}

static void
test_messages(void)
{
    static const char *const cases[][2] = {
        { RECORD("") "\r\n", "1 " TIME RECORD("") },
        { "\n\r\n " RECORD("a") RECORD("b") "\n\n" RECORD("c"),
          "3 " TIME RECORD("a") "\n3 " TIME RECORD("b") "\n5 " TIME RECORD("c") },
        /* A web page, which has several lines, and all that stands around messages. */
        { RECORD("<!DOCTYPE html>\r\n<title>\"403 - [Forbidden]\"</title>\n") "\r\n" RECORD("b"),
          "1 " TIME RECORD("<!DOCTYPE html>\\r\\n<title>\"403 - [Forbidden]\"</title>\\n") "\n4 " TIME RECORD("b") },
        { RECORD("]LOG]!"), "1 " TIME RECORD("]LOG]!") },
        { RECORD("]LOG]!> ]LOG]!><b>"), "1 " TIME RECORD("]LOG]!> ]LOG]!><b>") },
        { RECORD("]LOG]!><time=\"1\" "), "1 " TIME RECORD("]LOG]!><time=\"1\" ") },
        { RECORD("]LOG]!><time=\"1\n\">"), "1 " TIME RECORD("]LOG]!><time=\"1\\n\">") },
        { RECORD("a $$<b><06-10-2016 02:44:11.789+00><thread=1>\n"),
          "1 " TIME RECORD("a $$<b><06-10-2016 02:44:11.789+00><thread=1>\\n") },
        { RECORD("\xc3\xa4 \xff"), "1 " TIME RECORD("\xc3\xa4 \xef\xbf\xbd") },
    };

    assert_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_columns(void)
{
    static const struct {
        const char *log, *columns;
    } cases[] = {
        { RECORD("a]b"), "message=a]b|time=02:44:11.789+00|date=06-10-2016|component=NDESPlugin|context=|type=1|"
                         "thread=2900|file=ndesplugin.cpp:646" },
        { "<![LOG[ a;\n]LOG]!><date=\"6-10-2016\"  file=\"\" time=\"2:4:1\" other=\"a>b\" >",
          "message= a;\n|date=6-10-2016|file=|time=2:4:1|other=a>b" },
        { "a <b>  $$<NDES Plugin><06-10-2016 02:44:11.789+00><thread=2900 (0xB54)>",
          "message=a <b>|component=NDES Plugin|date=06-10-2016|time=02:44:11.789+00|thread=2900" },
        { "a $$<b $$<c><6-10-2016 2:44:11><thread=1>",
          "message=a $$<b|component=c|date=6-10-2016|time=2:44:11|thread=1" },
        { "$$<><6-10-2016 2:44:11><thread=>", "message=|component=|date=6-10-2016|time=2:44:11|thread=" },
        { "<![LOG[a]LOG]!>", "message=a]LOG]!>" },
        { "b]LOG]!><type=\"1\">", "message=b|type=1" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GPtrArray *records = checked_records_of(LOGFILE_CMTRACE, cases[i].log, strlen(cases[i].log), false);

        g_assert_cmpuint(records->len, ==, 1);
        assert_columns(LOGFILE_CMTRACE, record_at(records, 0), cases[i].columns);
        g_ptr_array_unref(records);
    }
}

/* The bias is what must be added to make UTC of local time: 480 minutes where it is eight hours less. */
static void
test_times(void)
{
    static const struct {
        const char *time, *date, *expected;
    } cases[] = {
        { "02:44:11.789+00", "06-10-2016", "2016-06-10 02:44:11.789Z" },
        { "02:44:11.789+000", "6-10-2016", "2016-06-10 02:44:11.789Z" },
        { "02:44:11.789-060", "06-10-2016", "2016-06-10 01:44:11.789Z" },
        { "02:44:11.789+480", "06-10-2016", "2016-06-10 10:44:11.789Z" },
        { "02:44:11.789-0", "06-10-2016", "2016-06-10 02:44:11.789Z" },
        { "00:30:00-60", "1-1-2017", "2016-12-31 23:30:00Z" },
        { "23:30:00.5+0060", "12-31-2016", "2017-01-01 00:30:00.5Z" },
        { "02:44:11.8513964", "6-10-2016", "2016-06-10 02:44:11.8513964" },
        { "02:44:11", "02-29-2016", "2016-02-29 02:44:11" },
        { "02:44:11.", "02-29-2000", "2000-02-29 02:44:11" },
        { "02:44:11.123456789", "12-31-2261", "2261-12-31 02:44:11.123456789" },
        { "2:4:1.000000001-1", "1-1-1970", "1970-01-01 02:03:01.000000001Z" },
        { "02:44:11.1234567890", "06-10-2016", NULL }, /* nobody writes so many decimals */
        { "02:44:11.789+", "06-10-2016", NULL },
        { "02:44:11.789+00000", "06-10-2016", NULL },
        { "02:44:11.789 ", "06-10-2016", NULL },
        { "02:44", "06-10-2016", NULL },
        { "24:00:00", "06-10-2016", NULL },
        { "", "06-10-2016", NULL },
        { "02:44:11", "13-10-2016", NULL },
        { "02:44:11", "02-29-2015", NULL },
        { "02:44:11", "2016-06-10", NULL },
        { "02:44:11", "06-10-16", NULL },
        { "02:44:11", "06-10-2262", NULL },
        { "02:44:11", "", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *log = g_strdup_printf("<![LOG[a]LOG]!><time=\"%s\" date=\"%s\">", cases[i].time, cases[i].date);
        char *expected = cases[i].expected ? g_strdup_printf("1 %s %s", cases[i].expected, log)
                                           : g_strdup_printf("1 - %s !its time cannot be read", log);

        assert_log(LOGFILE_CMTRACE, log, expected);
        g_free(expected);
        g_free(log);
    }
    assert_log(LOGFILE_CMTRACE, "<![LOG[a]LOG]!><time=\"02:44:11\">",
               "1 - <![LOG[a]LOG]!><time=\"02:44:11\"> !it has no time or no date");
}

/* A record without a time has that of the record before, be it local or not. */
static void
test_time_of_the_record_before(void)
{
    static const char log[] = "x\n" RECORD("a") "\nx\n<![LOG[a]LOG]!><time=\"2:4:1\" date=\"6-10-2016\">\nx";
    GPtrArray        *records = checked_records_of(LOGFILE_CMTRACE, log, strlen(log), false);

    g_assert_cmpuint(records->len, ==, 5);
    g_assert_cmpint(record_at(records, 0)->record.time, ==, 0);
    g_assert_cmpint(record_at(records, 2)->record.time, ==, record_at(records, 1)->record.time);
    g_assert_true(record_at(records, 2)->record.is_utc);
    g_assert_cmpint(record_at(records, 4)->record.time, ==, record_at(records, 3)->record.time);
    g_assert_false(record_at(records, 4)->record.is_utc);
    g_ptr_array_unref(records);
}

#define OLDER "  $$<NDESPlugin><06-10-2016 02:44:11.789+00><thread=2900 (0xB54)>"

static void
test_older_form(void)
{
    static const char *const cases[][2] = {
        { "a" OLDER "\r\nb" OLDER, "1 " TIME "a" OLDER "\n2 " TIME "b" OLDER },
        { "a\n\n b $$<c> \r\n" OLDER "\n", "1 " TIME "a\\n\\n b $$<c> \\r\\n" OLDER },
        { "a" OLDER " \n\n\nb" OLDER "\n", "1 " TIME "a" OLDER "\n4 " TIME "b" OLDER },
        { "a $$<b><c><thread=1> d" OLDER, "1 " TIME "a $$<b><c><thread=1> d" OLDER }, /* not at the end of a line */
        { "$$$<NDESPlugin><06-10-2016 02:44:11.789+00><thread=1>",
          "1 " TIME "$$$<NDESPlugin><06-10-2016 02:44:11.789+00><thread=1>" },
        { "a  $$<b><06-10-2016 02:44:11x><thread=1>",
          "1 - a  $$<b><06-10-2016 02:44:11x><thread=1> !its time cannot be read" },
        { "a  $$<b><06-10-2016 02:44:11><thread=1", "1 - a  $$<b><06-10-2016 02:44:11><thread=1" NO_RECORD },
        /* Both forms. */
        { "a" OLDER "\n" RECORD("b") "\nc" OLDER "\n" RECORD("d"),
          "1 " TIME "a" OLDER "\n2 " TIME RECORD("b") "\n3 " TIME "c" OLDER "\n4 " TIME RECORD("d") },
        { "#Error: a" OLDER "\n#Line: 1" OLDER, "1 " TIME "#Error: a" OLDER "\n2 " TIME "#Line: 1" OLDER },
    };

    assert_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_damaged(void)
{
    static const char *const cases[][2] = {
        { "<![LOG[a", "1 - <![LOG[a" NO_END },
        { "<![LOG[a]LOG]!>\r\n", "1 - <![LOG[a]LOG]!>" NO_END },
        { "<![LOG[a]LOG]!><time=\"02:44", "1 - <![LOG[a]LOG]!><time=\"02:44" NO_END },
        { "<![LOG[a]LOG]!><>", "1 - <![LOG[a]LOG]!><>" NO_END },
        /* Another one begins within one that has not ended. */
        { "<![LOG[a\n" RECORD("b"), "1 - <![LOG[a" NO_END "\n2 " TIME RECORD("b") },
        { "<![LOG[a" RECORD("b"), "1 - <![LOG[a" NO_END "\n1 " TIME RECORD("b") },
        { "<![LOG[a]LOG]!><time=\"" RECORD("b"), "1 - <![LOG[a]LOG]!><time=\"" NO_END "\n1 " TIME RECORD("b") },
        { "<![LOG[<![LOG[", "1 - <![LOG[" NO_END "\n1 - <![LOG[" NO_END },
        /* The begin of the first was cut off, when the log was. */
        { "st of a]LOG]!>" ATTRIBUTES "\r\n" RECORD("b"),
          "1 " TIME "st of a]LOG]!>" ATTRIBUTES " !no <![LOG[ at its begin\n2 " TIME RECORD("b") },
        { "]LOG]!>" ATTRIBUTES, "1 " TIME "]LOG]!>" ATTRIBUTES " !no <![LOG[ at its begin" },
        { "date=\"06-10-2016\">\r\n" RECORD("b"), "1 - date=\"06-10-2016\">" NO_RECORD "\n2 " TIME RECORD("b") },
        { "a" OLDER "\nb]LOG]!>" ATTRIBUTES,
          "1 " TIME "a" OLDER "\n2 " TIME "b]LOG]!>" ATTRIBUTES " !no <![LOG[ at its begin" },
        /* What does not belong there. */
        { "a\nb\n\n" RECORD("c") " d \n" RECORD("e"),
          "1 - a\\nb" NO_RECORD "\n4 " TIME RECORD("c") "\n4 - d" NO_RECORD "\n5 " TIME RECORD("e") },
        { RECORD("a") "\n#Line: 7\n#Error: b", "1 " TIME RECORD("a") "\n2 - #Line: 7\\n#Error: b" NO_RECORD },
    };

    assert_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_nuls(void)
{
    static const char log[] = "\0\0\0\0\0" RECORD("a") "\0\0\0\0\0\0<![LOG[b\0\0\0\0" RECORD("c\0d") "\n";

    assert_log_of(LOGFILE_CMTRACE, log, sizeof log - 1,
                  "1 -  !5 NULs: room that was reserved and never written\n"
                  "1 " TIME RECORD("a") "\n"
                  "1 -  !6 NULs: room that was reserved and never written\n"
                  "1 - <![LOG[b" NO_END "\n"
                  "1 -  !4 NULs: room that was reserved and never written\n"
                  "1 " TIME RECORD("c\xef\xbf\xbd" "d"));
}

/* Messages of all lengths around those up to which an end is looked for at first, and the longest. */
static void
test_lengths(void)
{
    static const size_t lengths[] = { 300, 511, 512, 513, 1023, 1024, 1025, 40000, 79880 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        for (size_t more = 0; more < 40; more++) {
            size_t     length = lengths[i] + more;
            char      *message = g_strnfill(length, 'x');
            char      *log = g_strdup_printf("<![LOG[%s]LOG]!><time=\"2:4:1\" date=\"6-10-2016\">\n%s" OLDER "\n", message,
                                             message);
            GPtrArray *records;
            memory     all = { .octets = log, .length = strlen(log), .step = strlen(log) };

            records = records_of(LOGFILE_CMTRACE, &all);
            g_assert_cmpuint(records->len, ==, 2);
            g_assert_cmpuint(record_at(records, 0)->record.length, ==,
                             length + strlen("<![LOG[]LOG]!><time=\"2:4:1\" date=\"6-10-2016\">"));
            g_assert_null(record_at(records, 0)->error);
            g_assert_cmpuint(record_at(records, 1)->record.length, ==, length + strlen(OLDER));
            g_assert_null(record_at(records, 1)->error);
            g_ptr_array_unref(records);
            g_free(log);
            g_free(message);
        }
    }
}

/* What looks like the older form's end, and is not that of a line, wherever looking for one stops at first. */
static void
test_no_end_at_any_place(void)
{
    for (size_t length = 512 - strlen(OLDER) - 5; length < 512 - strlen(OLDER) + 5; length++) {
        char      *message = g_strnfill(length, 'x');
        char      *log = g_strconcat(message, OLDER " y" OLDER "\n", NULL);
        GPtrArray *records = checked_records_of(LOGFILE_CMTRACE, log, strlen(log), true);

        g_assert_cmpuint(records->len, ==, 1);
        g_assert_cmpuint(record_at(records, 0)->record.length, ==, strlen(log) - 1);
        g_ptr_array_unref(records);
        g_free(log);
        g_free(message);
    }
}

static void
test_cut_records(void)
{
    char      *message = g_strnfill(2 * LOGFILE_MAX_RECORD, 'x');
    char      *log = g_strdup_printf("<![LOG[%s]LOG]!>" ATTRIBUTES "\n" RECORD("b"), message);
    GPtrArray *records = checked_records_of(LOGFILE_CMTRACE, log, strlen(log), false);

    g_assert_cmpuint(records->len, ==, 4);
    g_assert_cmpuint(record_at(records, 0)->record.length, ==, LOGFILE_MAX_RECORD);
    g_assert_cmpstr(record_at(records, 0)->error, ==, "longer than 80000 octets: the rest is the next record");
    g_assert_cmpuint(record_at(records, 1)->record.length, ==, LOGFILE_MAX_RECORD);
    g_assert_cmpstr(record_at(records, 1)->error, ==, "rest of a record longer than 80000 octets");
    g_assert_cmpstr(record_at(records, 2)->text, ==, "xxxxxxx]LOG]!>" ATTRIBUTES); /* as many as there are in <![LOG[ */
    g_assert_cmpstr(record_at(records, 2)->error, ==, "rest of a record longer than 80000 octets");
    g_assert_true(record_at(records, 2)->record.has_time);
    g_assert_null(record_at(records, 3)->error);
    g_ptr_array_unref(records);
    g_free(log);
    g_free(message);
}

/* Blanks where it is cut are of the message. */
static void
test_blanks_where_a_record_is_cut(void)
{
    char      *message = g_strnfill(LOGFILE_MAX_RECORD - strlen("<![LOG[") - 2, 'x');
    char      *log = g_strdup_printf("<![LOG[%s\n \n  y]LOG]!>" ATTRIBUTES, message);
    GPtrArray *records = checked_records_of(LOGFILE_CMTRACE, log, strlen(log), false);

    g_assert_cmpuint(records->len, ==, 2);
    g_assert_cmpuint(record_at(records, 0)->record.length, ==, LOGFILE_MAX_RECORD);
    g_assert_cmpstr(record_at(records, 1)->text, ==, "\n  y]LOG]!>" ATTRIBUTES);
    g_ptr_array_unref(records);
    g_free(log);
    g_free(message);
}

/* A record is found, wherever the one before is cut. */
static void
test_begin_where_a_record_is_cut(void)
{
    for (size_t less = 0; less < 12; less++) {
        char      *garbage = g_strnfill(LOGFILE_MAX_RECORD - less, 'x');
        char      *log = g_strconcat(garbage, RECORD("b"), NULL);
        GPtrArray *records = checked_records_of(LOGFILE_CMTRACE, log, strlen(log), true);

        g_assert_cmpuint(records->len, ==, 2);
        g_assert_cmpstr(record_at(records, 0)->text, ==, garbage);
        g_assert_cmpstr(record_at(records, 1)->text, ==, RECORD("b"));
        g_assert_null(record_at(records, 1)->error);
        g_ptr_array_unref(records);
        g_free(log);
        g_free(garbage);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/logfile/cmtrace/messages", test_messages);
    g_test_add_func("/logfile/cmtrace/columns", test_columns);
    g_test_add_func("/logfile/cmtrace/times", test_times);
    g_test_add_func("/logfile/cmtrace/time-of-the-record-before", test_time_of_the_record_before);
    g_test_add_func("/logfile/cmtrace/older-form", test_older_form);
    g_test_add_func("/logfile/cmtrace/damaged", test_damaged);
    g_test_add_func("/logfile/cmtrace/nuls", test_nuls);
    g_test_add_func("/logfile/cmtrace/lengths", test_lengths);
    g_test_add_func("/logfile/cmtrace/no-end-at-any-place", test_no_end_at_any_place);
    g_test_add_func("/logfile/cmtrace/cut-records", test_cut_records);
    g_test_add_func("/logfile/cmtrace/blanks-where-a-record-is-cut", test_blanks_where_a_record_is_cut);
    g_test_add_func("/logfile/cmtrace/begin-where-a-record-is-cut", test_begin_where_a_record_is_cut);
    return g_test_run();
}
