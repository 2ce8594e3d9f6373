/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which files are logs: whole ones, cut ones and pasted lines; and what only looks like one, or quotes one.
 */
#include <string.h>

#include "logfile/logfile.h"

#define SOFTWARE    "#Software: Microsoft Internet Information Services 8.5\r\n"
#define FIELDS      "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip sc-status\r\n"
#define LINE        "2016-06-10 02:44:06 10.0.0.20 GET /scep operation=GetCACaps 443 - 10.0.0.30 200\r\n"
#define ERR_FIELDS  "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-reason s-queuename"
#define ERR_LINE    "2014-07-24 16:48:06 192.168.137.113 53335 192.168.137.110 443 HTTP/1.1 GET /owa/ 400 FieldLength -\n"
#define ATTRIBUTES  "<time=\"02:44:11.789+00\" date=\"06-10-2016\" component=\"NDESPlugin\" context=\"\" type=\"1\">"
#define RECORD      "<![LOG[Calling VerifyRequest ...]LOG]!>" ATTRIBUTES "\r\n"
#define OLDER(text) text "  $$<NDESPlugin><06-10-2016 02:44:11.789+00><thread=2900 (0xB54)>\r\n"
#define EVENT       "<E2ETraceEvent xmlns=\"a\"><System/><ApplicationData>a</ApplicationData></E2ETraceEvent>"

static logfile_claim
claim_of(const char *octets, size_t length, logfile_format *format, const char **problem)
{
    uint8_t      *head = g_memdup2(octets, length); /* where a checker of memory sees a read beyond it */
    logfile_claim claim;

    *format = LOGFILE_FORMATS;
    *problem = NULL;
    claim = logfile_detect(head, length, format, problem);
    g_free(head);
    return claim;
}

static void
assert_known(const char *text, logfile_format expected)
{
    logfile_format format;
    const char    *problem;

    if (claim_of(text, strlen(text), &format, &problem) != LOGFILE_KNOWN || format != expected)
        g_error("not known as %s: %s", logfile_format_name(expected), text);
    g_assert_null(problem);
}

static void
assert_foreign(const char *text, size_t length, const char *name)
{
    logfile_format format;
    const char    *problem;

    if (claim_of(text, length, &format, &problem) != LOGFILE_FOREIGN)
        g_error("taken for a log: %s", name);
    g_assert_cmpint(format, ==, LOGFILE_FORMATS);
    g_assert_null(problem);
}

static void
test_known(void)
{
    static const struct {
        logfile_format format;
        const char    *text;
    } cases[] = {
        { LOGFILE_IIS, SOFTWARE "#Version: 1.0\r\n#Date: 2016-06-10 02:44:06\r\n" FIELDS LINE },
        { LOGFILE_IIS, SOFTWARE }, /* nothing was logged yet */
        { LOGFILE_IIS, FIELDS },
        { LOGFILE_IIS, "\r\n\r\n" FIELDS LINE },
        { LOGFILE_IIS, "#Fields: time c-ip cs-method sc-status sc-win32-status\n" },
        { LOGFILE_IIS, "#Software: Microsoft Internet Information Server 4.0\n#Fields: time c-ip\n" },
        { LOGFILE_IIS, "#Software: Microsoft HTTP Server API 2.0\n" FIELDS },
        { LOGFILE_IIS, LINE SOFTWARE FIELDS LINE }, /* the begin was cut, and the service started again since */
        { LOGFILE_HTTPERR, "#Software: Microsoft HTTP API 2.0\r\n#Version: 1.0\r\n" ERR_FIELDS "\r\n" ERR_LINE },
        { LOGFILE_HTTPERR, ERR_FIELDS },
        { LOGFILE_HTTPERR, "#Software: Microsoft HTTP API 1.0\n" },
        { LOGFILE_CMTRACE, RECORD RECORD },
        { LOGFILE_CMTRACE, "\r\n" RECORD },
        { LOGFILE_CMTRACE, "<![LOG[a message that is longer than what is looked at" },
        { LOGFILE_CMTRACE, "st of a\nmessage]LOG]!>" ATTRIBUTES "\r\n" RECORD },
        { LOGFILE_CMTRACE, "]LOG]!>" ATTRIBUTES },
        { LOGFILE_CMTRACE, "#2 GET]LOG]!>" ATTRIBUTES "\n" RECORD },
        { LOGFILE_CMTRACE, OLDER("Calling VerifyRequest ...") },
        { LOGFILE_CMTRACE, OLDER("a") "b\n" OLDER("c") "d\n\n\n" OLDER("e") },
        { LOGFILE_CMTRACE, "a\n" OLDER("b") OLDER("c") },
        { LOGFILE_CMTRACE, OLDER("a") RECORD },
        { LOGFILE_SVCLOG, EVENT EVENT },
        { LOGFILE_SVCLOG, "\n" EVENT },
        { LOGFILE_SVCLOG, "<E2ETraceEvent>\n<System" },
        { LOGFILE_SVCLOG, "a</ApplicationData></E2ETraceEvent>" EVENT },
        { LOGFILE_SVCLOG, "a</ApplicationData></E2ETraceEvent>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_known(cases[i].text, cases[i].format);
}

/* Each with every encoding, and behind room that nobody wrote to. */
static void
test_encodings(void)
{
    static const struct {
        logfile_format format;
        const char    *text;
    } logs[] = {
        { LOGFILE_IIS, FIELDS LINE },
        { LOGFILE_HTTPERR, ERR_FIELDS },
        { LOGFILE_CMTRACE, RECORD },
        { LOGFILE_SVCLOG, EVENT },
    };
    static const struct {
        const char *name, *mark;
        gssize      mark_length;
    } encodings[] = {
        { "UTF-8", "\xef\xbb\xbf", 3 },  { "UTF-16LE", "\xff\xfe", 2 },     { "UTF-16BE", "\xfe\xff", 2 },
        { "UTF-16LE", "", 0 },           { "UTF-8", "\0\0\0\0\0\0\0\0", 8 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(logs) * G_N_ELEMENTS(encodings); i++) {
        size_t         log = i / G_N_ELEMENTS(encodings), encoding = i % G_N_ELEMENTS(encodings);
        GString       *octets = g_string_new_len(encodings[encoding].mark, encodings[encoding].mark_length);
        gsize          length;
        char          *text = g_convert(logs[log].text, -1, encodings[encoding].name, "UTF-8", NULL, &length, NULL);
        logfile_format format;
        const char    *problem;

        g_string_append_len(octets, text, (gssize)length);
        g_assert_cmpint(claim_of(octets->str, octets->len, &format, &problem), ==, LOGFILE_KNOWN);
        g_assert_cmpint(format, ==, logs[log].format);
        g_string_free(octets, TRUE);
        g_free(text);
    }
}

/* Pasted lines: of one of these logs, but which column is what nobody can tell. */
static void
test_refused(void)
{
    static const struct {
        const char *text, *about;
    } cases[] = {
        { LINE LINE, "*IIS*#Fields*" },
        { "\n\n2016-06-10 02:44:06 ::1 POST / - 443 - fe80::1%13 - - 201 0 0 437 349", "*IIS*#Fields*" },
        { SOFTWARE LINE, "*IIS*#Fields*" },
        { "#Date: 2016-06-10 00:00:00\n" LINE, "*IIS*#Fields*" },
        { ERR_LINE, "*HTTPERR*#Fields*" },
        { "2016-06-10 02:44:06 fe80::1%13 53336 fe80::2%13 443 - - - - - Timer_ConnectionIdle -", "*HTTPERR*#Fields*" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        logfile_format format;
        const char    *problem;

        g_assert_cmpint(claim_of(cases[i].text, strlen(cases[i].text), &format, &problem), ==, LOGFILE_REFUSED);
        g_assert_cmpint(format, ==, LOGFILE_FORMATS);
        g_assert_true(g_pattern_match_simple(cases[i].about, problem));
    }
}

static void
test_foreign(void)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "\xef\xbb\xbf",
        "Hello.\n",
        /* Other logs in the same format. */
        "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n"
        "#Fields: date time action protocol src-ip dst-ip src-port dst-port size\r\n\r\n"
        "2016-06-10 02:44:06 ALLOW TCP 10.0.0.30 10.0.0.20 50000 443 0 - 0 0 0 - - - SEND\r\n",
        "#Fields: date time action protocol src-ip dst-ip src-port dst-port\n",
        "#Software: Microsoft Exchange Server\n#Version: 15.0\n#Log-type: SMTP Send\n#Fields: date-time,connector-id\n",
        "#Software: SGOS 6.7\n#Fields: date time time-taken c-ip s-ip cs-method cs-uri-scheme sc-status\n",
        "#Software: Apache Tomcat/9.0\n#Fields: time c-ip s-ip cs-method cs-uri-stem sc-status\n",
        "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status\n",
        /* Lines of other logs. */
        "2016-06-10 02:44:06 10.0.0.20 GOT /scep\n",
        "2016-06-10 02:44:06 host GET /scep\n",
        "2016-06-10 25:44:06 10.0.0.20 GET /scep\n",
        "2016-06-10T02:44:06 10.0.0.20 GET /scep\n",
        "10.0.0.30 - - [10/Jun/2016:02:44:06 +0000] \"GET /scep HTTP/1.1\" 200 186\n",
        /* What quotes a log. */
        "# The log\n\n" SOFTWARE FIELDS LINE,
        "Look:\n```\n" SOFTWARE FIELDS LINE "```\n",
        "    " FIELDS LINE,
        "Look:\n" LINE,
        "#Note: look at this\nHere it is:\n" FIELDS LINE,
        "The plugin says\n\n" RECORD "and that is all.\n",
        "The plugin says `]LOG]!>" ATTRIBUTES "` and that is all.\n",
        "The end is `]LOG]!><time=\"`.\n" RECORD,
        "The older form is\n\n" OLDER("Calling VerifyRequest ...") "\nand that is all.\n",
        "// " RECORD,
        "static const char log[] = \"<![LOG[a]LOG]!><time=\\\"02:44:11\\\">\";\n",
        "static const char end[] = \"]LOG]!><time=\\\"02:44:11\\\">\";\n",
        "{\"log\":\"<![LOG[a]LOG]!>\"}\n",
        "{\"date\":\"2016-06-10 02:44:06\",\"address\":\"10.0.0.20\",\"method\":\"GET\"}\n",
        "<?xml version=\"1.0\"?>\n<traces>" EVENT "</traces>\n",
        "<E2ETraceEvents>" EVENT "</E2ETraceEvents>",
        "An event ends with </E2ETraceEvent>, always.\n" EVENT,
        "<![CDATA[a]]>",
        "#!/bin/sh\n" LINE,
        "#include <stdio.h>\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_foreign(texts[i], strlen(texts[i]), texts[i]);
}

/* Captures that hold a piece of a log. */
static void
test_binary(void)
{
    static const char pcap[] = "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0"
                               "st of a]LOG]!>" ATTRIBUTES "\r\n" RECORD;
    static const char pcapng[] = "\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0"
                                 "a</E2ETraceEvent>" EVENT;
    static const char older[] = "\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a" OLDER("a");

    assert_foreign(pcap, sizeof pcap - 1, "pcap");
    assert_foreign(pcapng, sizeof pcapng - 1, "pcapng");
    assert_foreign(older, sizeof older - 1, "pcapng with the older form");
}

/* Files of ours, and these tests, which are full of logs. */
static void
test_files(void)
{
    static const char *const names[] = {
        "README.md",
        "CMakeLists.txt",
        "captures/logfile/cmtrace.c",
        "captures/logfile/logfile.h",
        "captures/logfile/svclog.c",
        "captures/samples/tls13/device.pcapng",
        "captures/samples/tls13/truth/exchanges.json",
        "tests/bench/logfile",
        "tests/fuzz/seeds",
        "tests/unit/logfile.c",
        "tests/unit/logfile_cmtrace.c",
        "tests/unit/logfile_detect.c",
        "tests/unit/logfile_svclog.c",
        "tests/unit/logfile_w3c.c",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        char *path = g_build_filename(SOURCE_ROOT, names[i], NULL), *octets;
        gsize length;

        g_assert_true(g_file_get_contents(path, &octets, &length, NULL));
        assert_foreign(octets, length, names[i]);
        g_free(octets);
        g_free(path);
    }
}

/* What decides stands within the first LOGFILE_HEAD octets, or does not count. */
static void
test_head(void)
{
    GString       *text = g_string_new("#Version: 1.0\n");
    logfile_format format;
    const char    *problem;

    while (text->len < LOGFILE_HEAD)
        g_string_append_c(text, '\n');
    g_string_append(text, FIELDS);
    assert_foreign(text->str, text->len, "a #Fields directive that is far away");
    g_string_erase(text, 100, strlen(FIELDS));
    g_assert_cmpint(claim_of(text->str, text->len, &format, &problem), ==, LOGFILE_KNOWN);
    g_string_free(text, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/logfile/detect/known", test_known);
    g_test_add_func("/logfile/detect/encodings", test_encodings);
    g_test_add_func("/logfile/detect/refused", test_refused);
    g_test_add_func("/logfile/detect/foreign", test_foreign);
    g_test_add_func("/logfile/detect/binary", test_binary);
    g_test_add_func("/logfile/detect/files", test_files);
    g_test_add_func("/logfile/detect/head", test_head);
    return g_test_run();
}
