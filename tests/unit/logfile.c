/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The readers of logs: the logs of a healthy enrolment line by line, encodings, sources that fail, marks, and records as
 * text. The formats have tests of their own.
 */
#include <stdio.h>
#include <string.h>

#include "logfile_support.h"

static GPtrArray *
records_of_reference(logfile_format format, const char *name)
{
    char      *path = g_build_filename(SOURCE_ROOT, "captures/samples/logs/reference", name, NULL);
    GPtrArray *records;
    char      *octets;
    gsize      length;

    g_assert_true(g_file_get_contents(path, &octets, &length, NULL));
    records = checked_records_of(format, octets, length, false);
    g_free(octets);
    g_free(path);
    return records;
}

static void
assert_value(const logfile_parsed *parsed, const char *name, const char *value)
{
    g_assert_cmpstr(logfile_value(parsed, name), ==, value);
}

static logfile_parsed *
parsed_of(logfile_format format, const kept_record *record)
{
    return logfile_parse(format, record->description, strlen(record->description));
}

/* What stands in ndes/u_ex160610.log. */
static void
test_reference_ndes_iis(void)
{
#define STEM  "/certsrv/mscep/mscep.dll/pkiclient.exe"
#define AGENT "Mozilla/4.0+(compatible;+Win32;+WinHttp.WinHttpRequest.5)"
    static const struct {
        int64_t     time; /* date -u -d "2016-06-10 02:44:06" +%s */
        const char *query, *agent, *taken;
    } lines[] = {
        { 1465526646, "operation=GetCACert&message=MDM", NULL, "0" },
        { 1465526646, "operation=GetCACaps&message=MDM", NULL, "31" },
        { 1465526648, "operation=GetCACaps&message=default", AGENT, "13" },
        { 1465526648, "operation=GetCACert&message=default", AGENT, "1" },
        { 1465526652, "...", AGENT, "502" },
    };
    GPtrArray *records = records_of_reference(LOGFILE_IIS, "ndes/u_ex160610.log");

    g_assert_cmpuint(records->len, ==, G_N_ELEMENTS(lines));
    for (guint i = 0; i < records->len; i++) {
        const kept_record *record = record_at(records, i);
        logfile_parsed    *parsed = parsed_of(LOGFILE_IIS, record);

        g_assert_cmpuint(record->record.line, ==, 5 + i);
        g_assert_null(record->error);
        g_assert_true(record->record.has_time && record->record.is_utc);
        g_assert_cmpint(record->record.time, ==, lines[i].time * 1000000000);
        g_assert_cmpstr(record->client, ==, "10.0.0.30");
        g_assert_cmpuint(record->record.client.port, ==, 0);
        g_assert_cmpstr(record->server, ==, "10.0.0.20");
        g_assert_cmpuint(record->record.server.port, ==, 443);
        assert_value(parsed, "cs-method", "GET");
        assert_value(parsed, "cs-uri-stem", STEM);
        assert_value(parsed, "cs-uri-query", lines[i].query);
        assert_value(parsed, "s-port", "443");
        assert_value(parsed, "cs-username", NULL);
        assert_value(parsed, "cs(User-Agent)", lines[i].agent);
        assert_value(parsed, "cs(Referer)", NULL);
        assert_value(parsed, "sc-status", "200");
        assert_value(parsed, "sc-substatus", "0");
        assert_value(parsed, "sc-win32-status", "0");
        assert_value(parsed, "time-taken", lines[i].taken);
        logfile_parsed_free(parsed);
    }
    g_ptr_array_unref(records);
}

/* What stands in crp/u_ex160610.log. */
static void
test_reference_crp_iis(void)
{
    GPtrArray *records = records_of_reference(LOGFILE_IIS, "crp/u_ex160610.log");

    g_assert_cmpuint(records->len, ==, 2);
    assert_columns(LOGFILE_IIS, record_at(records, 0),
                   "date=2016-06-10|time=02:44:12|s-ip=10.0.0.40|cs-method=POST|"
                   "cs-uri-stem=/CMCertificateRegistration/Certificate/VerifyRequest|cs-uri-query|s-port=443|cs-username|"
                   "c-ip=10.0.0.20|cs(User-Agent)=NDES_Plugin|cs(Referer)|sc-status=201|sc-substatus=0|sc-win32-status=0|"
                   "sc-bytes=437|time-taken=349");
    assert_columns(LOGFILE_IIS, record_at(records, 1),
                   "date=2016-06-10|time=02:44:12|s-ip=10.0.0.40|cs-method=POST|"
                   "cs-uri-stem=/CMCertificateRegistration/Certificate/Notify|cs-uri-query|s-port=443|cs-username|"
                   "c-ip=10.0.0.20|cs(User-Agent)=NDES_Plugin|cs(Referer)|sc-status=204|sc-substatus=0|sc-win32-status=0|"
                   "sc-bytes=357|time-taken=102");
    g_ptr_array_unref(records);
}

/* A line of a CMTrace log, as the tables below have it. */
typedef struct {
    const char *moment; /* "HH:MM:SS.decimals" */
    const char *thread, *file, *message;
} message;

#define MIDNIGHT INT64_C(1465516800) /* date -u -d "2016-06-10 00:00" +%s */

/* ns since midnight, of a time with so many decimals. */
static int64_t
nanoseconds_of(const char *moment)
{
    int    hour, minute, second;
    char   decimals[10] = "000000000";
    size_t count = strlen(moment) - strlen("02:44:11.");

    g_assert_cmpint(sscanf(moment, "%d:%d:%d", &hour, &minute, &second), ==, 3);
    memcpy(decimals, moment + strlen("02:44:11."), count);
    return ((int64_t)hour * 3600 + minute * 60 + second) * 1000000000 + g_ascii_strtoll(decimals, NULL, 10);
}

static void
assert_messages(const char *name, const message *messages, guint count, const char *component, const char *bias,
                const char *date)
{
    GPtrArray *records = records_of_reference(LOGFILE_CMTRACE, name);

    g_assert_cmpuint(records->len, ==, count);
    for (guint i = 0; i < count; i++) {
        const kept_record *record = record_at(records, i);
        logfile_parsed    *parsed = parsed_of(LOGFILE_CMTRACE, record);
        char              *time = g_strconcat(messages[i].moment, bias, NULL);

        g_assert_cmpuint(record->record.line, ==, 1 + i);
        g_assert_null(record->error);
        g_assert_true(record->record.has_time);
        g_assert_cmpint(record->record.is_utc, ==, *bias != '\0');
        g_assert_cmpint(record->record.time, ==, MIDNIGHT * 1000000000 + nanoseconds_of(messages[i].moment));
        g_assert_null(record->client);
        g_assert_null(record->server);
        assert_value(parsed, "message", messages[i].message);
        assert_value(parsed, "time", time);
        assert_value(parsed, "date", date);
        assert_value(parsed, "component", component);
        assert_value(parsed, "context", "");
        assert_value(parsed, "type", "1");
        assert_value(parsed, "thread", messages[i].thread);
        assert_value(parsed, "file", messages[i].file);
        g_assert_cmpuint(parsed->columns->len, ==, 8);
        g_free(time);
        logfile_parsed_free(parsed);
    }
    g_ptr_array_unref(records);
}

/* What stands in ndes/NDESPlugin.log. */
static void
test_reference_plugin(void)
{
    static const message messages[] = {
        { "02:44:11.789", "2900", "ndesplugin.cpp:646", "Calling VerifyRequest ..." },
        { "02:44:11.789", "2900", "httprequest.cpp:114", "Sending request to certificate registration point." },
        { "02:44:12.200", "2900", "ndesplugin.cpp:834", "Verify challenge returns true" },
        { "02:44:12.200", "2900", "ndesplugin.cpp:874", "Exiting VerifyRequest with 0x0" },
        { "02:44:12.270", "3088", "ndesplugin.cpp:904", "Calling Notifyrequest ..." },
        { "02:44:12.270", "3088", "httprequest.cpp:114", "Sending request to certificate registration point." },
        { "02:44:12.410", "3088", "ndesplugin.cpp:1167", "Exiting Notify with 0x0" },
    };

    assert_messages("ndes/NDESPlugin.log", messages, G_N_ELEMENTS(messages), "NDESPlugin", "+00", "06-10-2016");
}

/* What stands in crp/CRP.log. */
static void
test_reference_crp(void)
{
    static const message messages[] = {
        { "02:44:11.8513964", "238", "", "Reading Template Permission Check from registry." },
        { "02:44:11.8513964", "238", "", "Validation Phase 1 started." },
        { "02:44:12.0814310", "238", "", "Validation Phase 1 finised with status True." },
        { "02:44:12.0814310", "238", "", "Validation Phase 2 started for device and user ." },
        { "02:44:12.0824068", "238", "", "Validation Phase 2 finished." },
        { "02:44:12.0824068", "238", "",
          "Validation Phase 3 started for device 38fdb94d-db5c-468d-b8d6-37aff538e934 and user "
          "4514c247-96e3-4c6e-9d60-806ac5fa7e2f." },
        { "02:44:12.0824068", "238", "",
          "Get Challenge Parameters from DB using query: Execute CRP_VerifyRequestParameters @vchCertificateRequestID = "
          "'ModelName=ScopeId_DEF1415D-2304-49FD-962C-92B560F126A4/ConfigurationPolicy_82ad9d8e-228e-4048-a598-"
          "d8a60c0ab996;Version=1;Hash=-1580759952', @vchDeviceID = '38fdb94d-db5c-468d-b8d6-37aff538e934', @vchUserID = "
          "'4514c247-96e3-4c6e-9d60-806ac5fa7e2f', @DeviceType = 1" },
        { "02:44:12.1504338", "238", "", "Validation Phase 3 finished with status True." },
        { "02:44:12.1514137", "238", "", "VerifyRequest Finished with status True" },
        { "02:44:12.3315169", "237", "", "Notify Started." },
        { "02:44:12.3315169", "237", "", "Beginning state message creation..." },
        { "02:44:12.3315169", "237", "", "Retrieveing the CRP certificate" },
        { "02:44:12.3395154", "237", "", "Retrieving the GWP or MP certificate." },
        { "02:44:12.3714356", "237", "", "Sending Success state message" },
        { "02:44:12.3714915", "237", "",
          "StateMessage C:\\Program Files\\Microsoft Configuration "
          "Manager\\inboxes\\auth\\statesys.box\\incoming\\csq5f2dte2d.SMX is dropped." },
        { "02:44:12.3714915", "237", "", "Successfully sent state message" },
        { "02:44:12.3714915", "237", "", "Notify Finished." },
    };

    assert_messages("crp/CRP.log", messages, G_N_ELEMENTS(messages), "CertificateRegistrationPoint", "", "6-10-2016");
}

/* --- encodings --- */

/* A log with characters of one, two, three and four octets of UTF-8. */
#define IIS_LOG "#Fields: date time cs-uri-stem\r\n2016-06-10 02:44:06 /a\r\n\r\n#Date: x\n" \
                "2016-06-10 02:44:07 /\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\r\n2016-06-10 02:44:08 /b"

static const struct {
    guint       line;
    const char *text;
} iis_lines[] = {
    { 2, "2016-06-10 02:44:06 /a" },
    { 5, "2016-06-10 02:44:07 /\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
    { 6, "2016-06-10 02:44:08 /b" },
};

static void
test_encodings(void)
{
    static const struct {
        const char *name, *mark;
        size_t      mark_length;
    } encodings[] = {
        { "UTF-8", "", 0 },
        { "UTF-8", "\xef\xbb\xbf", 3 },
        { "UTF-16LE", "\xff\xfe", 2 },
        { "UTF-16BE", "\xfe\xff", 2 },
        { "UTF-16LE", "", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(encodings); i++) {
        gsize      length;
        char      *octets = g_convert(IIS_LOG, -1, encodings[i].name, "UTF-8", NULL, &length, NULL);
        GString   *log = g_string_new_len(encodings[i].mark, (gssize)encodings[i].mark_length);
        GPtrArray *records;

        g_string_append_len(log, octets, (gssize)length);
        records = checked_records_of(LOGFILE_IIS, log->str, log->len, false);
        g_assert_cmpuint(records->len, ==, G_N_ELEMENTS(iis_lines));
        for (guint j = 0; j < records->len; j++) {
            const logfile_record *record = &record_at(records, j)->record;
            char *line = g_convert(iis_lines[j].text, -1, encodings[i].name, "UTF-8", NULL, &length, NULL);

            g_assert_cmpstr(record_at(records, j)->text, ==, iis_lines[j].text);
            g_assert_null(record->error);
            g_assert_cmpmem(log->str + record->offset, MIN(length, record->size), line, length);
            g_assert_cmpuint(record->line, ==, iis_lines[j].line);
            g_free(line);
        }
        g_ptr_array_unref(records);
        g_string_free(log, TRUE);
        g_free(octets);
    }
}

/* What is no UTF-16: halves of characters, and half a unit at the end. */
static void
test_broken_utf16(void)
{
    static const char log[] = "\xff\xfe#\0F\0i\0e\0l\0d\0s\0:\0 \0a\0\n\0"
                              "x\0\x00\xd8y\0\n\0" /* a high surrogate by itself */
                              "\x00\xdcy\0\n\0"    /* a low one */
                              "\x3d\xd8\x00\xde\n\0"
                              "\x3d\xd8"
                              "z";
    GPtrArray        *records = checked_records_of(LOGFILE_IIS, log, sizeof log - 1, false);
    static const struct {
        const char *text;
        uint64_t    offset, size;
    } expected[] = {
        { "x\xef\xbf\xbdy", 24, 8 },
        { "\xef\xbf\xbdy", 32, 6 },
        { "\xf0\x9f\x98\x80", 38, 6 }, /* U+1F600 */
        { "\xef\xbf\xbd\xef\xbf\xbd", 44, 3 },
    };

    g_assert_cmpuint(records->len, ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < records->len; i++) {
        g_assert_cmpstr(record_at(records, i)->text, ==, expected[i].text);
        g_assert_cmpuint(record_at(records, i)->record.offset, ==, expected[i].offset);
        g_assert_cmpuint(record_at(records, i)->record.size, ==, expected[i].size);
    }
    g_ptr_array_unref(records);
}

/* More UTF-16 than is decoded at once, with characters of four octets that lie across any border. */
static void
test_long_utf16(void)
{
    GString   *text = g_string_new("\xef\xbb\xbf#Fields: a\n");
    gsize      length;
    char      *octets;
    GPtrArray *records;

    for (int i = 0; i < 4000; i++) {
        g_string_append_c(text, 'a');
        for (int j = 0; j < i % 16; j++)
            g_string_append(text, "\xf0\x9f\x98\x80");
        g_string_append_c(text, '\n');
    }
    octets = g_convert(text->str, (gssize)text->len, "UTF-16LE", "UTF-8", NULL, &length, NULL);
    records = checked_records_of(LOGFILE_IIS, octets, length, true);
    g_assert_cmpuint(records->len, ==, 4000);
    for (guint i = 0; i < records->len; i++) {
        const logfile_record *record = &record_at(records, i)->record;

        g_assert_cmpuint(record->length, ==, 1 + 4 * (i % 16));
        g_assert_cmpuint(record->size, ==, 2 + 4 * (i % 16) + 2); /* each of the others takes four in either */
    }
    g_ptr_array_unref(records);
    g_free(octets);
    g_string_free(text, TRUE);
}

/* --- the source --- */

/* Records that lie wholly before the place where reading fails are there, and no other. */
static void
test_failing_source(void)
{
    static const char log[] = "#Fields: a\nx1\nx2\nx3\n";

    for (size_t at = 1; at < strlen(log); at++) {
        memory     source = { .octets = log, .length = strlen(log), .step = 4, .fails_at = at };
        GPtrArray *records = records_of(LOGFILE_IIS, &source);

        /* A line that ends where reading fails might go on for all that is known. */
        g_assert_cmpuint(records->len, ==, at > strlen("#Fields: a\n") ? (at - strlen("#Fields: a\n") - 1) / 3 : 0);
        for (guint i = 0; i < records->len; i++)
            g_assert_null(record_at(records, i)->error);
        g_ptr_array_unref(records);
    }
}

/* A reader that came to the end, or failed, goes on from a mark. */
static void
test_resume_after_failure(void)
{
    static const char log[] = "#Fields: a\nx1\nx2\n";
    memory            source = { .octets = log, .length = strlen(log), .step = 100, .fails_at = strlen(log) - 1 };
    logfile_reader   *reader = logfile_reader_new(LOGFILE_IIS, memory_give, &source);
    logfile_mark     *mark;
    logfile_record    record;

    g_assert_true(logfile_next(reader, &record));
    mark = logfile_mark_new(reader);
    g_assert_cmpuint(logfile_mark_offset(mark), ==, strlen("#Fields: a\nx1\n"));
    g_assert_false(logfile_next(reader, &record));
    g_assert_true(logfile_failed(reader));
    source.fails_at = 0;
    source.at = logfile_mark_offset(mark);
    logfile_reader_resume(reader, mark);
    g_assert_false(logfile_failed(reader));
    g_assert_true(logfile_next(reader, &record));
    g_assert_cmpmem(record.text, record.length, "x2", 2);
    g_assert_cmpstr(record.fields, ==, "a");
    g_assert_cmpuint(record.line, ==, 3);
    g_assert_false(logfile_next(reader, &record));
    g_assert_false(logfile_failed(reader));
    logfile_mark_free(mark);
    logfile_reader_free(reader);
}

/* A mark outlives its reader, and knows what #Fields said before it. */
static void
test_mark_of_another_reader(void)
{
    static const char log[] = "#Date: 2016-06-10 00:00:00\n#Fields: time\n23:00:00\n00:30:00\n01:00:00\n";
    memory            source = { .octets = log, .length = strlen(log), .step = 100 };
    logfile_reader   *reader = logfile_reader_new(LOGFILE_IIS, memory_give, &source);
    logfile_mark     *mark;
    logfile_record    record;

    g_assert_true(logfile_next(reader, &record) && logfile_next(reader, &record));
    mark = logfile_mark_new(reader);
    logfile_reader_free(reader);
    reader = logfile_reader_new(LOGFILE_IIS, memory_give, &source);
    source.at = logfile_mark_offset(mark);
    logfile_reader_resume(reader, mark);
    logfile_mark_free(mark);
    g_assert_true(logfile_next(reader, &record));
    g_assert_cmpuint(record.line, ==, 5);
    g_assert_cmpint(record.time, ==, INT64_C(1465606800) * 1000000000); /* date -u -d "2016-06-11 01:00:00" +%s */
    logfile_reader_free(reader);
}

/* --- records as text --- */

static void
test_descriptions(void)
{
    static const struct {
        logfile_format format;
        const char    *log, *description; /* of the last record */
    } cases[] = {
        { LOGFILE_IIS, "#Fields: date time\n2016-06-10 02:44:06\r\n",
          "#Line: 2\n#Fields: date time\n2016-06-10 02:44:06" },
        { LOGFILE_IIS, "#Date: 2016-06-10\n#Fields:  time  x \n02:44:06",
          "#Line: 3\n#Date: 2016-06-10\n#Fields: time  x\n#Error: 1 columns where #Fields names 2\n02:44:06" },
        { LOGFILE_IIS, "x\n", "#Line: 1\n#Error: no #Fields directive names its columns\nx" },
        { LOGFILE_CMTRACE, "\n<![LOG[a", "#Line: 2\n#Error: no ]LOG]!> with attributes at its end\n<![LOG[a" },
        { LOGFILE_CMTRACE, "#Line: 5 $$<a><06-10-2016 02:44:11><thread=1>",
          "#Line: 1\n#Error: \n#Line: 5 $$<a><06-10-2016 02:44:11><thread=1>" },
        { LOGFILE_CMTRACE, "a\nb $$<a><06-10-2016 02:44:11><thread=1>",
          "#Line: 1\na\nb $$<a><06-10-2016 02:44:11><thread=1>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GPtrArray *records = checked_records_of(cases[i].format, cases[i].log, strlen(cases[i].log), false);

        g_assert_cmpuint(records->len, ==, 1);
        g_assert_cmpstr(record_at(records, 0)->description, ==, cases[i].description);
        g_ptr_array_unref(records);
    }
}

static void
test_places(void)
{
    static const char text[] = "#Line: 4294967295\n#Fields: time a b\n02:44:06 - x";
    logfile_parsed   *parsed = logfile_parse(LOGFILE_IIS, text, strlen(text));
    logfile_column   *columns = (logfile_column *)(void *)parsed->columns->data;

    g_assert_cmpuint(parsed->line, ==, UINT32_MAX);
    g_assert_null(parsed->error);
    g_assert_false(parsed->has_time); /* the day is not told */
    g_assert_true(parsed->is_utc);
    g_assert_cmpuint(parsed->body_offset, ==, strstr(text, "02:") - text);
    g_assert_cmpuint(parsed->columns->len, ==, 3);
    g_assert_cmpuint(columns[0].offset, ==, parsed->body_offset);
    g_assert_cmpuint(columns[0].length, ==, strlen("02:44:06"));
    g_assert_null(columns[1].value);
    g_assert_cmpuint(columns[1].length, ==, 0);
    g_assert_cmpuint(columns[2].offset, ==, strlen(text) - 1);
    g_assert_cmpuint(columns[2].length, ==, 1);
    logfile_parsed_free(parsed);
}

/* Text from anywhere: parts that are missing, in another order, or no text at all. */
static void
test_strange_descriptions(void)
{
#define TEXT(octets) octets, sizeof octets - 1
    static const struct {
        const char *text;
        size_t      length, body; /* octets of the body at its end */
        const char *error;
    } cases[] = {
        { TEXT(""), 0, "no #Fields directive names its columns" },
        { TEXT("#Line: 5"), 8, "it begins with # but is no directive that can be read" },
        { TEXT("#Line: \n"), 0, "no #Fields directive names its columns" },
        { TEXT("#Line: 99999999999999\n#Fields: \nx"), 1, "1 columns where #Fields names 0" },
        { TEXT("#Fields: a\n#Line: 1\nx"), 10, "it begins with # but is no directive that can be read" },
        { TEXT("#Error: b\n#Error: c\nx"), 11, "b" },
        { TEXT("#Error: \xff\nx"), 1, "\xef\xbf\xbd" },
        { TEXT("#Fields: a\0b\n\0\xff\0"), 3, NULL },
        { TEXT("#Date: 2016-06-99\n#Fields: time\n02:44:06"), 8, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        logfile_parsed *parsed = logfile_parse(LOGFILE_IIS, cases[i].text, cases[i].length);

        g_assert_cmpuint(parsed->body_length, ==, cases[i].body);
        g_assert_cmpuint(parsed->body_offset, ==, cases[i].length - cases[i].body);
        g_assert_cmpstr(parsed->error, ==, cases[i].error);
        g_assert_false(parsed->has_time);
        for (guint j = 0; j < parsed->columns->len; j++) {
            g_assert_true(g_utf8_validate(g_array_index(parsed->columns, logfile_column, j).name, -1, NULL));
            g_assert_true(g_utf8_validate(g_array_index(parsed->columns, logfile_column, j).value, -1, NULL));
        }
        logfile_parsed_free(parsed);
    }
}

static void
test_names(void)
{
    static const char *const names[] = { "iis", "httperr", "cmtrace", "svclog" };

    for (logfile_format format = 0; format < LOGFILE_FORMATS; format++) {
        g_assert_cmpstr(logfile_format_name(format), ==, names[format]);
        g_assert_nonnull(logfile_format_description(format));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/logfile/reference/ndes-iis", test_reference_ndes_iis);
    g_test_add_func("/logfile/reference/crp-iis", test_reference_crp_iis);
    g_test_add_func("/logfile/reference/plugin", test_reference_plugin);
    g_test_add_func("/logfile/reference/crp", test_reference_crp);
    g_test_add_func("/logfile/encodings", test_encodings);
    g_test_add_func("/logfile/broken-utf16", test_broken_utf16);
    g_test_add_func("/logfile/long-utf16", test_long_utf16);
    g_test_add_func("/logfile/failing-source", test_failing_source);
    g_test_add_func("/logfile/resume-after-failure", test_resume_after_failure);
    g_test_add_func("/logfile/mark-of-another-reader", test_mark_of_another_reader);
    g_test_add_func("/logfile/descriptions", test_descriptions);
    g_test_add_func("/logfile/places", test_places);
    g_test_add_func("/logfile/strange-descriptions", test_strange_descriptions);
    g_test_add_func("/logfile/names", test_names);
    return g_test_run();
}
