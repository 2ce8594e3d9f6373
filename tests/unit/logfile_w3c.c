/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Logs of IIS and HTTP.sys: what a line says, when the columns change, and what becomes of damaged lines. What is expected
 * stands in the logs themselves.
 */
#include <string.h>

#include "logfile_support.h"

/* IIS's default columns, and a line of them. */
#define FIELDS "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) " \
               "cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n"
#define LINE "2016-06-10 02:44:06 10.0.0.20 GET /certsrv/mscep/mscep.dll operation=GetCACaps&message=MDM 443 - " \
             "10.0.0.30 - - 200 0 0 31"

#define SHORT "#Fields: date time c-ip\n"

static void
test_lines(void)
{
    static const struct {
        const char *log, *expected;
    } cases[] = {
        { "", "" },
        { "#Version: 1.0\r\n\r\n", "" },
        { SHORT "2016-06-10 02:44:06 10.0.0.30\n", "2 2016-06-10 02:44:06Z 2016-06-10 02:44:06 10.0.0.30" },
        { FIELDS LINE "\r\n" LINE, "2 2016-06-10 02:44:06Z " LINE "\n3 2016-06-10 02:44:06Z " LINE },
        { SHORT "\r\n\n \t\n2016-06-10 02:44:06 ::1\n\n", "5 2016-06-10 02:44:06Z 2016-06-10 02:44:06 ::1" },
        { SHORT "2016-02-29  23:59:59\t::1 \n", "2 2016-02-29 23:59:59Z 2016-02-29  23:59:59\t::1 " },
        /* Where files were put together. */
        { SHORT "2016-06-10 02:44:06 ::1\n\xef\xbb\xbf" SHORT "2016-06-10 02:44:07 ::2\n",
          "2 2016-06-10 02:44:06Z 2016-06-10 02:44:06 ::1\n4 2016-06-10 02:44:07Z 2016-06-10 02:44:07 ::2" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_log(LOGFILE_IIS, cases[i].log, cases[i].expected);
}

/* They repeat after every start of the service, and the columns may be others. */
static void
test_directives(void)
{
    static const char log[] = "#Software: Microsoft Internet Information Services 8.5\r\n"
                              "#Version: 1.0\r\n"
                              "#Date: 2016-06-10 00:00:00\r\n" SHORT
                              "2016-06-10 02:44:06 10.0.0.1\r\n"
                              "#Software: Microsoft Internet Information Services 8.5\r\n"
                              "#Version: 1.0\r\n"
                              "#Date: 2016-06-11 00:00:00\r\n"
                              "#Fields: c-ip time date\r\n"
                              "10.0.0.2 02:44:07 2016-06-12\r\n"
                              "#Remark: nothing happened\r\n"
                              "10.0.0.3 02:44:08 2016-06-13\r\n";
    GPtrArray        *records = checked_records_of(LOGFILE_IIS, log, strlen(log), false);

    assert_records(records, "5 2016-06-10 02:44:06Z 2016-06-10 02:44:06 10.0.0.1\n"
                            "10 2016-06-12 02:44:07Z 10.0.0.2 02:44:07 2016-06-12\n"
                            "12 2016-06-13 02:44:08Z 10.0.0.3 02:44:08 2016-06-13");
    g_assert_cmpstr(record_at(records, 0)->fields, ==, "date time c-ip");
    g_assert_cmpstr(record_at(records, 1)->fields, ==, "c-ip time date");
    g_assert_cmpstr(record_at(records, 1)->client, ==, "10.0.0.2");
    assert_columns(LOGFILE_IIS, record_at(records, 2), "c-ip=10.0.0.3|time=02:44:08|date=2016-06-13");
    g_ptr_array_unref(records);
}

static void
test_damaged_lines(void)
{
    static const struct {
        const char *log, *expected;
    } cases[] = {
        { "2016-06-10 02:44:06 ::1\n" SHORT, "1 - 2016-06-10 02:44:06 ::1 !no #Fields directive names its columns" },
        { SHORT "2016-06-10 02:44:06", "2 2016-06-10 02:44:06Z 2016-06-10 02:44:06 !2 columns where #Fields names 3" },
        { SHORT "2016-06-10 02:44:06 ::1 ::2\n",
          "2 2016-06-10 02:44:06Z 2016-06-10 02:44:06 ::1 ::2 !4 columns where #Fields names 3" },
        { SHORT "2016-06-1", "2 - 2016-06-1 !1 columns where #Fields names 3" },
        { SHORT "2016-02-30 02:44:06 ::1\n", "2 - 2016-02-30 02:44:06 ::1 !its date cannot be read" },
        { SHORT "2015-02-29 02:44:06 ::1\n", "2 - 2015-02-29 02:44:06 ::1 !its date cannot be read" },
        { SHORT "2016-06-10T 02:44:06 ::1\n", "2 - 2016-06-10T 02:44:06 ::1 !its date cannot be read" },
        { SHORT "1969-12-31 02:44:06 ::1\n", "2 - 1969-12-31 02:44:06 ::1 !its date cannot be read" },
        { SHORT "- 02:44:06 ::1\n", "2 - - 02:44:06 ::1 !its date cannot be read" },
        { SHORT "2016-06-10 24:00:00 ::1\n", "2 - 2016-06-10 24:00:00 ::1 !its time cannot be read" },
        { SHORT "2016-06-10 02:60:00 ::1\n", "2 - 2016-06-10 02:60:00 ::1 !its time cannot be read" },
        { SHORT "2016-06-10 02:44:60 ::1\n", "2 - 2016-06-10 02:44:60 ::1 !its time cannot be read" },
        { SHORT "2016-06-10 02:44:06x ::1\n", "2 - 2016-06-10 02:44:06x ::1 !its time cannot be read" },
        { SHORT "2016-06-10 - ::1\n", "2 - 2016-06-10 - ::1 !its time cannot be read" },
        { SHORT "#Field", "2 - #Field !it begins with # but is no directive that can be read" },
        { "#Fields:\n-\n", "2 - - !1 columns where #Fields names 0" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_log(LOGFILE_IIS, cases[i].log, cases[i].expected);
}

/* Of what does not fit its names, what is certain. Each line is that of the reference with one change. */
static void
test_columns_that_do_not_fit(void)
{
#define HEAD "2016-06-10 02:44:06 10.0.0.20 GET /scep operation=GetCACaps 443"
#define TAIL "200 0 0 31"
#define HEAD_COLUMNS "date=2016-06-10|time=02:44:06|s-ip=10.0.0.20|cs-method=GET|cs-uri-stem=/scep|" \
                     "cs-uri-query=operation=GetCACaps|s-port=443"
#define TAIL_COLUMNS "sc-status=200|sc-substatus=0|sc-win32-status=0|time-taken=31"
    static const struct {
        const char *line, *client, *columns;
    } cases[] = {
        { HEAD " - 10.0.0.30 NDES_Plugin - " TAIL, "10.0.0.30",
          HEAD_COLUMNS "|cs-username|c-ip=10.0.0.30|cs(User-Agent)=NDES_Plugin|cs(Referer)|" TAIL_COLUMNS },
        /* The blank before the user agent is lost, or that before the address. */
        { HEAD " - 10.0.0.30Mozilla/4.0+(compatible) - " TAIL, NULL, HEAD_COLUMNS "|" TAIL_COLUMNS },
        { HEAD " -10.0.0.30 NDES_Plugin - " TAIL, NULL, HEAD_COLUMNS "|" TAIL_COLUMNS },
        /* Blanks in the user agent. */
        { HEAD " - 10.0.0.30 Mozilla/4.0 (compatible; Win32) - " TAIL, "10.0.0.30",
          HEAD_COLUMNS "|cs-username|c-ip=10.0.0.30|" TAIL_COLUMNS },
        /* The end is missing. */
        { HEAD " - 10.0.0.30 Mozilla/4.0+(comp", "10.0.0.30",
          HEAD_COLUMNS "|cs-username|c-ip=10.0.0.30|cs(User-Agent)=Mozilla/4.0+(comp" },
        { "2016-06-10 02:44:06 10.0.0.20 GE", NULL, "date=2016-06-10|time=02:44:06|s-ip=10.0.0.20|cs-method=GE" },
        /* The begin is missing. */
        { "operation=GetCACaps 443 - 10.0.0.30 NDES_Plugin - " TAIL, "10.0.0.30",
          "s-port=443|cs-username|c-ip=10.0.0.30|cs(User-Agent)=NDES_Plugin|cs(Referer)|" TAIL_COLUMNS },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char      *log = g_strconcat(FIELDS, cases[i].line, "\r\n", NULL);
        GPtrArray *records = checked_records_of(LOGFILE_IIS, log, strlen(log), false);

        g_assert_cmpuint(records->len, ==, 1);
        g_assert_cmpint(record_at(records, 0)->error != NULL, ==, i > 0);
        g_assert_cmpstr(record_at(records, 0)->client, ==, cases[i].client);
        assert_columns(LOGFILE_IIS, record_at(records, 0), cases[i].columns);
        g_ptr_array_unref(records);
        g_free(log);
    }
}

/* Where columns have no value, as most of a connection's that was dropped, others are certain no less. */
static void
test_cut_line_without_values(void)
{
    static const char log[] = "#Fields: date time c-ip c-port s-ip s-port sc-status s-siteid s-reason\n"
                              "2014-07-24 16:48:06 ::1 53335 - - - -";
    GPtrArray        *records = checked_records_of(LOGFILE_HTTPERR, log, strlen(log), false);

    g_assert_cmpstr(record_at(records, 0)->error, ==, "8 columns where #Fields names 9");
    assert_columns(LOGFILE_HTTPERR, record_at(records, 0),
                   "date=2014-07-24|time=16:48:06|c-ip=::1|c-port=53335|s-ip|s-port|sc-status|s-siteid");
    g_ptr_array_unref(records);
}

/* What is no value, what IIS cut, and what stays as it is written. */
static void
test_values(void)
{
    static const char log[] = "#Fields: date time cs-uri-stem cs-uri-query cs(User-Agent) cs-username\n"
                              "2016-06-10 02:44:12 /a+b ... Mozilla/4.0+(%41;+\xc3\xa4) -\n"
                              "2016-06-10 02:44:12 - a=-&b=+ -- \xff\n";
    GPtrArray        *records = checked_records_of(LOGFILE_IIS, log, strlen(log), false);

    assert_columns(LOGFILE_IIS, record_at(records, 0),
                   "date=2016-06-10|time=02:44:12|cs-uri-stem=/a+b|cs-uri-query=...|"
                   "cs(User-Agent)=Mozilla/4.0+(%41;+\xc3\xa4)|cs-username");
    assert_columns(LOGFILE_IIS, record_at(records, 1),
                   "date=2016-06-10|time=02:44:12|cs-uri-stem|cs-uri-query=a=-&b=+|cs(User-Agent)=--|"
                   "cs-username=\xef\xbf\xbd");
    g_ptr_array_unref(records);
}

static void
test_endpoints(void)
{
    static const struct {
        const char *line, *client, *server;
        unsigned    client_port, server_port;
    } cases[] = {
        { "10.0.0.30 53335 10.0.0.20 443", "10.0.0.30", "10.0.0.20", 53335, 443 },
        { "fe80::f53d:89b8:c3e8:5fec%13 65535 ::1 0", "fe80::f53d:89b8:c3e8:5fec%13", "::1", 65535, 0 },
        { "::ffff:10.0.0.30 1 2001:db8::1 80", "::ffff:10.0.0.30", "2001:db8::1", 1, 80 },
        { "- - - -", NULL, NULL, 0, 0 },
        { "10.0.0.256 65537 10.0.0 -1", NULL, NULL, 0, 0 },
        { "WAP-IP 8x 10.0.0.20.1 0x50", NULL, NULL, 0, 0 },
        { "fe80::1% 80 fe80::1%eth0 443", NULL, NULL, 80, 443 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char      *log = g_strconcat("#Fields: c-ip c-port s-ip s-port\n", cases[i].line, NULL);
        GPtrArray *records = checked_records_of(LOGFILE_IIS, log, strlen(log), false);

        g_assert_cmpuint(records->len, ==, 1);
        g_assert_null(record_at(records, 0)->error);
        g_assert_cmpstr(record_at(records, 0)->client, ==, cases[i].client);
        g_assert_cmpstr(record_at(records, 0)->server, ==, cases[i].server);
        g_assert_cmpuint(record_at(records, 0)->record.client.port, ==, cases[i].client_port);
        g_assert_cmpuint(record_at(records, 0)->record.server.port, ==, cases[i].server_port);
        g_ptr_array_unref(records);
        g_free(log);
    }
}

/* IIS lets one choose columns: the day is in #Date then, and moves on at midnight. */
static void
test_without_date(void)
{
    static const struct {
        const char *log, *expected;
    } cases[] = {
        { "#Date: 2016-06-10 00:00:00\n#Fields: time c-ip\n02:44:06 ::1\n23:59:59 ::1\n00:00:01 ::1\n00:00:00 ::1\n",
          "3 2016-06-10 02:44:06Z 02:44:06 ::1\n4 2016-06-10 23:59:59Z 23:59:59 ::1\n"
          "5 2016-06-11 00:00:01Z 00:00:01 ::1\n6 2016-06-11 00:00:00Z 00:00:00 ::1" },
        { "#Date: 2016-06-10 23:00:00\n#Fields: time\n23:00:00\n#Date: 2016-06-12 00:00:00\n00:00:00\n",
          "3 2016-06-10 23:00:00Z 23:00:00\n5 2016-06-12 00:00:00Z 00:00:00" },
        { "#Fields: time c-ip\n02:44:06 ::1\n", "2 - 02:44:06 ::1" },
        { "#Fields: date c-ip\n2016-06-10 ::1\n", "2 - 2016-06-10 ::1" },
        { "#Fields: c-ip\n::1\n", "2 - ::1" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_log(LOGFILE_IIS, cases[i].log, cases[i].expected);
}

/* A record without a time has that of the record before. */
static void
test_time_of_the_record_before(void)
{
    static const char log[] = SHORT "x\n2016-06-10 02:44:06 ::1\nx\n";
    GPtrArray        *records = checked_records_of(LOGFILE_IIS, log, strlen(log), false);

    g_assert_cmpint(record_at(records, 0)->record.time, ==, 0);
    g_assert_cmpint(record_at(records, 2)->record.time, ==, INT64_C(1465526646000000000)); /* date -d … +%s */
    g_assert_false(record_at(records, 2)->record.has_time);
    g_ptr_array_unref(records);
}

/* HTTP.sys's own, with lines as Microsoft shows them (KB820729), and an idle connection. */
static void
test_httperr(void)
{
    static const char log[] =
        "#Software: Microsoft HTTP API 2.0\r\n#Version: 1.0\r\n#Date: 2014-07-24 16:48:06\r\n"
        "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\r\n"
        "2014-07-24 16:48:06 192.168.137.113 53335 192.168.137.110 443 HTTP/1.1 GET /owa/ 400 - FieldLength -\r\n"
        "2014-07-24 16:50:06 fe80::1%13 53336 fe80::2%13 443 - - - - - Timer_ConnectionIdle -\r\n";
    GPtrArray *records = checked_records_of(LOGFILE_HTTPERR, log, strlen(log), false);

    g_assert_cmpuint(records->len, ==, 2);
    assert_columns(LOGFILE_HTTPERR, record_at(records, 0),
                   "date=2014-07-24|time=16:48:06|c-ip=192.168.137.113|c-port=53335|s-ip=192.168.137.110|s-port=443|"
                   "cs-version=HTTP/1.1|cs-method=GET|cs-uri=/owa/|sc-status=400|s-siteid|s-reason=FieldLength|s-queuename");
    g_assert_cmpstr(record_at(records, 1)->client, ==, "fe80::1%13");
    g_assert_cmpuint(record_at(records, 1)->record.client.port, ==, 53336);
    assert_columns(LOGFILE_HTTPERR, record_at(records, 1),
                   "date=2014-07-24|time=16:50:06|c-ip=fe80::1%13|c-port=53336|s-ip=fe80::2%13|s-port=443|cs-version|"
                   "cs-method|cs-uri|sc-status|s-siteid|s-reason=Timer_ConnectionIdle|s-queuename");
    g_ptr_array_unref(records);
}

/* What a machine leaves that lost its power: room in the file that nobody wrote to. */
static void
test_nuls(void)
{
    static const size_t counts[] = { 4, 5, 4096, 2 * LOGFILE_MAX_RECORD + 1, 3000000 };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        GString *log = g_string_new(SHORT "2016-06-10 02:44:06 ::1\n2016-06-1");
        gsize    before = log->len;
        char    *expected;

        g_string_set_size(log, before + counts[i]);
        memset(log->str + before, 0, counts[i]);
        g_string_append(log, SHORT "2016-06-10 02:44:07 ::2\n");
        expected = g_strdup_printf("2 2016-06-10 02:44:06Z 2016-06-10 02:44:06 ::1\n"
                                   "3 - 2016-06-1 !1 columns where #Fields names 3\n"
                                   "3 -  !%zu NULs: room that was reserved and never written\n"
                                   "4 2016-06-10 02:44:07Z 2016-06-10 02:44:07 ::2",
                                   counts[i]);
        assert_log_of(LOGFILE_IIS, log->str, log->len, expected);
        g_free(expected);
        g_string_free(log, TRUE);
    }
}

/* Fewer are characters that do not belong there: UTF-16 that was appended to a file in another encoding. */
static void
test_few_nuls(void)
{
    static const char log[] = "#Fields: c-ip\n::\0001\n\0\0\0\n";

    assert_log_of(LOGFILE_IIS, log, sizeof log - 1,
                  "2 - ::\xef\xbf\xbd" "1\n3 - \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

/* Of `length` octets; the last `wide` characters have two. */
static GString *
long_line(size_t length, size_t wide)
{
    GString *line = g_string_new("2016-06-10 02:44:06 ");

    while (line->len < length - 2 * wide)
        g_string_append_c(line, 'x');
    for (size_t i = 0; i < wide; i++)
        g_string_append(line, "\xc3\xa4");
    return line;
}

static void
test_long_lines(void)
{
    static const struct {
        size_t      length, wide;
        const char *end;
        size_t      first, second; /* octets of the two records; no second: 0 */
    } cases[] = {
        { LOGFILE_MAX_RECORD - 1, 0, "\r\n", LOGFILE_MAX_RECORD - 1, 0 },
        { LOGFILE_MAX_RECORD, 0, "\n", LOGFILE_MAX_RECORD, 0 },
        { LOGFILE_MAX_RECORD, 0, "", LOGFILE_MAX_RECORD, 0 },
        { LOGFILE_MAX_RECORD + 1, 0, "\r\n", LOGFILE_MAX_RECORD, 1 },
        { LOGFILE_MAX_RECORD + 1, 2, "\n", LOGFILE_MAX_RECORD - 1, 2 }, /* not within a character */
        { 2 * LOGFILE_MAX_RECORD, 0, "\n", LOGFILE_MAX_RECORD, LOGFILE_MAX_RECORD },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GString   *line = long_line(cases[i].length, cases[i].wide), *log = g_string_new(SHORT);
        GPtrArray *records;

        g_string_append_printf(log, "%s%s%s", line->str, cases[i].end, SHORT "2016-06-10 02:44:07 ::1\n");
        if (*cases[i].end == '\0')
            g_string_truncate(log, strlen(SHORT) + line->len);
        records = checked_records_of(LOGFILE_IIS, log->str, log->len, false);
        g_assert_cmpuint(records->len, ==, 1 + (cases[i].second > 0) + (*cases[i].end != '\0'));
        g_assert_cmpuint(record_at(records, 0)->record.length, ==, cases[i].first);
        g_assert_cmpint(record_at(records, 0)->record.has_time, ==, true);
        if (cases[i].second > 0) {
            g_assert_cmpstr(record_at(records, 0)->error, ==, "longer than 80000 octets: the rest is the next record");
            g_assert_cmpuint(record_at(records, 1)->record.length, ==, cases[i].second);
            g_assert_cmpstr(record_at(records, 1)->error, ==, "rest of a record longer than 80000 octets");
            g_assert_null(record_at(records, 1)->fields);
        }
        g_ptr_array_unref(records);
        g_string_free(line, TRUE);
        g_string_free(log, TRUE);
    }
}

/* A line break in the right place leaves no rest. */
static void
test_line_break_behind_a_cut(void)
{
    GString   *log = long_line(LOGFILE_MAX_RECORD + strlen(SHORT), 0);
    GPtrArray *records;

    g_string_prepend(log, SHORT);
    g_string_truncate(log, strlen(SHORT) + LOGFILE_MAX_RECORD);
    g_string_append(log, "\r\n2016-06-10 02:44:07 ::1\n");
    records = checked_records_of(LOGFILE_IIS, log->str, log->len, false);
    g_assert_cmpuint(records->len, ==, 2);
    g_assert_null(record_at(records, 1)->error);
    g_assert_cmpstr(record_at(records, 1)->client, ==, "::1");
    g_ptr_array_unref(records);
    g_string_free(log, TRUE);
}

/* What comes behind such room is no rest, even if the line before it is as long as may be. */
static void
test_nuls_behind_a_cut(void)
{
    GString   *log = long_line(LOGFILE_MAX_RECORD, 0);
    GPtrArray *records;

    g_string_append_len(log, "\0\0\0\0", 4);
    g_string_prepend(log, SHORT);
    g_string_append(log, "2016-06-10 02:44:07 ::1\n");
    records = checked_records_of(LOGFILE_IIS, log->str, log->len, false);
    g_assert_cmpuint(records->len, ==, 3);
    g_assert_null(record_at(records, 2)->error);
    g_ptr_array_unref(records);
    g_string_free(log, TRUE);
}

/* A #Fields directive that nobody would write is not believed, nor the one before any more. */
static void
test_long_fields(void)
{
    GString   *log = g_string_new(SHORT "#Fields:");
    GPtrArray *records;

    while (log->len < 9000)
        g_string_append(log, " date");
    g_string_append(log, "\n2016-06-10 02:44:07 ::1\n");
    records = checked_records_of(LOGFILE_IIS, log->str, log->len, false);
    g_assert_cmpuint(records->len, ==, 2);
    g_assert_cmpstr(record_at(records, 0)->error, ==, "it begins with # but is no directive that can be read");
    g_assert_cmpstr(record_at(records, 1)->error, ==, "no #Fields directive names its columns");
    g_ptr_array_unref(records);
    g_string_free(log, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/logfile/w3c/lines", test_lines);
    g_test_add_func("/logfile/w3c/directives", test_directives);
    g_test_add_func("/logfile/w3c/damaged-lines", test_damaged_lines);
    g_test_add_func("/logfile/w3c/columns-that-do-not-fit", test_columns_that_do_not_fit);
    g_test_add_func("/logfile/w3c/cut-line-without-values", test_cut_line_without_values);
    g_test_add_func("/logfile/w3c/values", test_values);
    g_test_add_func("/logfile/w3c/endpoints", test_endpoints);
    g_test_add_func("/logfile/w3c/without-date", test_without_date);
    g_test_add_func("/logfile/w3c/time-of-the-record-before", test_time_of_the_record_before);
    g_test_add_func("/logfile/w3c/httperr", test_httperr);
    g_test_add_func("/logfile/w3c/nuls", test_nuls);
    g_test_add_func("/logfile/w3c/few-nuls", test_few_nuls);
    g_test_add_func("/logfile/w3c/long-lines", test_long_lines);
    g_test_add_func("/logfile/w3c/line-break-behind-a-cut", test_line_break_behind_a_cut);
    g_test_add_func("/logfile/w3c/nuls-behind-a-cut", test_nuls_behind_a_cut);
    g_test_add_func("/logfile/w3c/long-fields", test_long_fields);
    return g_test_run();
}
