/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Service trace logs: elements one after the other, on lines or not. What is expected stands in the logs themselves.
 */
#include <string.h>

#include "logfile_support.h"

#define XMLNS "http://schemas.microsoft.com/2004/06/"
#define SYSTEM_AT(time)                                                                                                 \
    "<System xmlns=\"" XMLNS "windows/eventlog/system\"><EventID>5</EventID><Type>3</Type>"                              \
    "<SubType Name=\"Error\">0</SubType><Level>2</Level><TimeCreated SystemTime=\"" time "\" />"                         \
    "<Source Name=\"CertificateRegistrationPoint\" /><Correlation ActivityID=\"{0d1c}\" />"                              \
    "<Execution ProcessName=\"w3wp\" ProcessID=\"4312\" ThreadID=\"12\" /><Channel/><Computer>NDES01</Computer></System>"
#define EVENT_AT(time, data)                                                                                            \
    "<E2ETraceEvent xmlns=\"" XMLNS "E2ETraceEvent\">" SYSTEM_AT(time) "<ApplicationData>" data                          \
    "</ApplicationData></E2ETraceEvent>"
#define EVENT(data) EVENT_AT("2016-06-10T02:44:11.8513964Z", data)
#define TIME        "2016-06-10 02:44:11.8513964Z "

/* The columns behind the message. */
#define COLUMNS "EventID=5|Type=3|SubType=Error|Level=2|TimeCreated=2016-06-10T02:44:11.8513964Z|" \
                "Source=CertificateRegistrationPoint|ActivityID={0d1c}|ProcessName=w3wp|ProcessID=4312|ThreadID=12|" \
                "Computer=NDES01"

static void
test_elements(void)
{
    static const char *const cases[][2] = {
        { EVENT("a") EVENT("b"), "1 " TIME EVENT("a") "\n1 " TIME EVENT("b") },
        { "\r\n" EVENT("a\n  at b()\n") "\r\n\r\n " EVENT("c") "\n",
          "2 " TIME EVENT("a\\n  at b()\\n") "\n6 " TIME EVENT("c") },
        { "<E2ETraceEvent><System><TimeCreated SystemTime='2016-06-10T02:44:11.8513964Z'></TimeCreated></System>"
          "</E2ETraceEvent\n>\n",
          "1 " TIME "<E2ETraceEvent><System><TimeCreated SystemTime='2016-06-10T02:44:11.8513964Z'></TimeCreated></System>"
          "</E2ETraceEvent\\n>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_log(LOGFILE_SVCLOG, cases[i][0], cases[i][1]);
}

static void
test_times(void)
{
    static const struct {
        const char *time, *expected; /* NULL: it cannot be read */
    } cases[] = {
        { "2016-06-10T02:44:11.8513964Z", "2016-06-10 02:44:11.8513964Z" },
        { "2016-06-10T02:44:11Z", "2016-06-10 02:44:11Z" },
        { "2016-06-10T02:44:11.123456789Z", "2016-06-10 02:44:11.123456789Z" },
        { "2016-06-10T02:44:11.5+02:00", "2016-06-10 00:44:11.5Z" },
        { "2016-06-10T00:30:00-08:30", "2016-06-10 09:00:00Z" },
        { "2016-06-10T00:30:00+01:00", "2016-06-09 23:30:00Z" },
        { "2016-06-10T02:44:11.8513964", "2016-06-10 02:44:11.8513964" },
        { "2016-06-10T02:44:11.8513964Zx", NULL },
        { "2016-06-10T02:44:11.1234567890Z", NULL },
        { "2016-06-10T02:44:11+0200", NULL },
        { "2016-06-10 02:44:11Z", NULL },
        { "2016-06-31T02:44:11Z", NULL },
        { "2016-06-10", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *log = g_strdup_printf("<E2ETraceEvent><System><TimeCreated SystemTime=\"%s\"/></System></E2ETraceEvent>",
                                    cases[i].time);
        char *expected = cases[i].expected ? g_strdup_printf("1 %s %s", cases[i].expected, log)
                                           : g_strdup_printf("1 - %s !its time cannot be read", log);

        assert_log(LOGFILE_SVCLOG, log, expected);
        g_free(expected);
        g_free(log);
    }
}

static void
test_columns(void)
{
    static const struct {
        const char *log, *columns;
    } cases[] = {
        { EVENT("VerifyRequest Started."), "message=VerifyRequest Started.|" COLUMNS },
        { EVENT(""), "message=|" COLUMNS },
        { EVENT("\n a\n b\n"), "message=a\n b|" COLUMNS },
        { EVENT("String&amp; a &lt;b&gt; &#65;&quot;"), "message=String& a <b> A\"|" COLUMNS },
        { EVENT("<![CDATA[<a>&amp;]]>"), "message=<a>&amp;|" COLUMNS },
        /* Of WCF: a record of a trace within the data. */
        { EVENT("<TraceData>\n <DataItem><TraceRecord Severity=\"Error\"><TraceIdentifier>http://a</TraceIdentifier>"
                "<Description>Throwing an exception.</Description><AppDomain>w3wp</AppDomain><Exception>"
                "<Message>m_safeCertContext is an invalid handle.</Message><StackTrace> at b()\n at c() </StackTrace>"
                "</Exception></TraceRecord></DataItem>\n</TraceData>"),
          "message=Throwing an exception. m_safeCertContext is an invalid handle. http://a w3wp at b()\n at c()|" COLUMNS },
        { EVENT("<TraceData><DataItem>a &amp; b</DataItem></TraceData>"), "message=a & b|" COLUMNS },
        /* What is called like a column, in the data. */
        { EVENT("<EventID>7</EventID><Computer>x</Computer>"), "message=7 x|" COLUMNS },
        { "<E2ETraceEvent><ApplicationData>a</ApplicationData><System><EventID>1</EventID></System></E2ETraceEvent>",
          "message=a|EventID=1" },
        { "<E2ETraceEvent><System><EventID>1</EventID><SubType>0</SubType></System></E2ETraceEvent>",
          "EventID=1|SubType=0" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GPtrArray *records = checked_records_of(LOGFILE_SVCLOG, cases[i].log, strlen(cases[i].log), false);

        g_assert_cmpuint(records->len, ==, 1);
        assert_columns(LOGFILE_SVCLOG, record_at(records, 0), cases[i].columns);
        g_ptr_array_unref(records);
    }
}

/* Where a value stands in the description, when it is written there as it is. */
static void
test_places(void)
{
    static const char log[] = EVENT("a &lt; b") EVENT("12") EVENT("\n 12 \n");
    GPtrArray        *records = checked_records_of(LOGFILE_SVCLOG, log, strlen(log), false);

    for (guint i = 0; i < records->len; i++) {
        const char     *text = record_at(records, i)->description;
        logfile_parsed *parsed = logfile_parse(LOGFILE_SVCLOG, text, strlen(text));

        for (guint j = 0; j < parsed->columns->len; j++) {
            const logfile_column *column = &g_array_index(parsed->columns, logfile_column, j);
            const char           *before = text + column->offset - 1;

            if (i == 0 && j == 0) /* the message, with an entity */
                g_assert_cmpuint(column->length, ==, 0);
            else
                g_assert_true(column->length == strlen(column->value) && strchr("> \"", *before));
            if (strcmp(column->name, "ThreadID") == 0)
                g_assert_true(g_str_has_prefix(text + column->offset - strlen("ThreadID=\""), "ThreadID=\"12\""));
        }
        logfile_parsed_free(parsed);
    }
    g_ptr_array_unref(records);
}

static void
test_damaged(void)
{
    static const char *const cases[][2] = {
        { "a" EVENT("b"), "1 - a !no <E2ETraceEvent at its begin\n1 " TIME EVENT("b") },
        { "<?xml version=\"1.0\"?>\n" EVENT("b"),
          "1 - <?xml version=\"1.0\"?> !no <E2ETraceEvent at its begin\n2 " TIME EVENT("b") },
        { "a</ApplicationData></E2ETraceEvent>\n" EVENT("b"),
          "1 - a</ApplicationData></E2ETraceEvent> !no <E2ETraceEvent at its begin\n2 " TIME EVENT("b") },
        /* Not ended, and another one begins. */
        { "<E2ETraceEvent>" SYSTEM_AT("2016-06-10T02:44:11.8513964Z") "<Appl\n" EVENT("b"),
          "1 " TIME "<E2ETraceEvent>" SYSTEM_AT("2016-06-10T02:44:11.8513964Z") "<Appl !no </E2ETraceEvent> at its end\n"
          "2 " TIME EVENT("b") },
        { "<E2ETraceEvent>", "1 - <E2ETraceEvent> !no </E2ETraceEvent> at its end" },
        { "<E2ETraceEvent", "1 - <E2ETraceEvent !no </E2ETraceEvent> at its end" },
        { EVENT("a<b>"), "1 " TIME EVENT("a<b>") " !it is not well-formed XML" },
        { EVENT("a & b"), "1 " TIME EVENT("a & b") " !it is not well-formed XML" },
        { EVENT("\x80"), "1 " TIME EVENT("\xef\xbf\xbd") },
        { "<E2ETraceEvents><a></E2ETraceEvent>",
          "1 - <E2ETraceEvents><a></E2ETraceEvent> !it is not well-formed XML" },
        { "<E2ETraceEvents><a/></E2ETraceEvents></E2ETraceEvent>",
          "1 - <E2ETraceEvents><a/></E2ETraceEvents></E2ETraceEvent> !it is not well-formed XML" },
        { "<E2ETraceEvent><System/></E2ETraceEvent>", "1 - <E2ETraceEvent><System/></E2ETraceEvent> !it has no time" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_log(LOGFILE_SVCLOG, cases[i][0], cases[i][1]);
}

/* The message as far as it came, and before what is not well-formed. */
static void
test_columns_of_damaged(void)
{
    static const struct {
        const char *log, *columns;
    } cases[] = {
        { "<E2ETraceEvent><System><EventID>1</EventID></System><ApplicationData>abc", "message=abc|EventID=1" },
        { "<E2ETraceEvent><System><EventID>1</EventID></System><ApplicationData>abc & d", "message=|EventID=1" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GPtrArray *records = checked_records_of(LOGFILE_SVCLOG, cases[i].log, strlen(cases[i].log), false);

        g_assert_cmpuint(records->len, ==, 1);
        assert_columns(LOGFILE_SVCLOG, record_at(records, 0), cases[i].columns);
        g_ptr_array_unref(records);
    }
}

/* As deep as elements can be in one record. */
static void
test_depth(void)
{
    GString   *log = g_string_new("<E2ETraceEvent><System><TimeCreated SystemTime=\"2016-06-10T02:44:11Z\"/></System>"
                                  "<ApplicationData>");
    GPtrArray *records;

    while (log->len < LOGFILE_MAX_RECORD - 20)
        g_string_append(log, "<a>");
    g_string_append(log, "</E2ETraceEvent>");
    records = checked_records_of(LOGFILE_SVCLOG, log->str, log->len, false);
    g_assert_cmpuint(records->len, ==, 1);
    g_assert_cmpstr(record_at(records, 0)->error, ==, "it is not well-formed XML");
    g_assert_true(record_at(records, 0)->record.has_time);
    g_ptr_array_unref(records);
    g_string_free(log, TRUE);
}

static void
test_cut_records(void)
{
    char      *message = g_strnfill(LOGFILE_MAX_RECORD, 'x');
    char      *log = g_strdup_printf(EVENT("%s") "\n" EVENT("b"), message);
    GPtrArray *records = checked_records_of(LOGFILE_SVCLOG, log, strlen(log), false);

    g_assert_cmpuint(records->len, ==, 3);
    g_assert_cmpuint(record_at(records, 0)->record.length, ==, LOGFILE_MAX_RECORD);
    g_assert_cmpstr(record_at(records, 0)->error, ==, "longer than 80000 octets: the rest is the next record");
    g_assert_true(record_at(records, 0)->record.has_time);
    g_assert_cmpstr(record_at(records, 1)->error, ==, "rest of a record longer than 80000 octets");
    g_assert_null(record_at(records, 2)->error);
    g_ptr_array_unref(records);
    g_free(log);
    g_free(message);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/logfile/svclog/elements", test_elements);
    g_test_add_func("/logfile/svclog/times", test_times);
    g_test_add_func("/logfile/svclog/columns", test_columns);
    g_test_add_func("/logfile/svclog/places", test_places);
    g_test_add_func("/logfile/svclog/damaged", test_damaged);
    g_test_add_func("/logfile/svclog/columns-of-damaged", test_columns_of_damaged);
    g_test_add_func("/logfile/svclog/depth", test_depth);
    g_test_add_func("/logfile/svclog/cut-records", test_cut_records);
    return g_test_run();
}
