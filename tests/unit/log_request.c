/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What lines of IIS and HTTP.sys tell of requests, the sentences that are made of them, and the names of codes. The
 * lines are those of captures/samples/logs/reference, of Microsoft's articles, or made like them.
 */
#include <string.h>

#include "crp/calls.h"
#include "log/names.h"
#include "log/request.h"
#include "log/sentence.h"
#include "support.h"

#define IIS_FIELDS                                                                                                     \
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "   \
    "sc-status sc-substatus sc-win32-status time-taken\n"
#define HTTPERR_FIELDS                                                                                                 \
    "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n"
#define IIS(asked, told) IIS_FIELDS "2016-06-10 02:44:06 10.0.0.20 " asked told
#define HTTPERR(told)    HTTPERR_FIELDS "2014-07-24 16:48:06 192.168.137.113 53335 192.168.137.110 443 " told
#define BEHIND           " 443 - 10.0.0.30 - - "
#define PLUGIN           " 443 - 10.0.0.20 NDES_Plugin - "
#define NDES             "/certsrv/mscep/mscep.dll/pkiclient.exe"
#define CRP              "/CMCertificateRegistration/Certificate"
#define CONNECTOR        "/CertificateRegistrationSvc/Certificate"

/* A line, what it tells of, and how that reads. `target` is path and query, when its length can be known. */
static const struct {
    logfile_format format;
    const char    *text;
    flow_step      step;
    const char    *operation, *message, *call, *product, *target;
    bool           is_post, is_cut;
    const char    *sentence;
} lines[] = {
    /* The reference logs. */
    { .text = IIS("GET " NDES " operation=GetCACert&message=MDM", BEHIND "200 0 0 0"),
      .step = FLOW_GET_CA_CERT, .operation = "GetCACert", .message = "MDM",
      .target = NDES "?operation=GetCACert&message=MDM",
      .sentence = "NDES answered GetCACert with 200 after 0 ms" },
    { .text = IIS("GET " NDES " operation=GetCACaps&message=default", BEHIND "200 0 0 13"),
      .step = FLOW_GET_CA_CAPS, .operation = "GetCACaps", .message = "default",
      .target = NDES "?operation=GetCACaps&message=default",
      .sentence = "NDES answered GetCACaps with 200 after 13 ms" },
    { .text = IIS("GET " NDES " ...", BEHIND "200 0 0 502"),
      .step = FLOW_PKI_OPERATION, .operation = "PKIOperation", .is_cut = true,
      .sentence = "NDES answered PKIOperation with 200 after 502 ms" },
    { .text = IIS("POST " CRP "/VerifyRequest -", PLUGIN "201 0 0 349"),
      .step = FLOW_VERIFY_REQUEST, .call = "VerifyRequest", .product = "ConfigMgr", .target = CRP "/VerifyRequest",
      .is_post = true, .sentence = "CRP answered VerifyRequest with 201 after 349 ms" },
    { .text = IIS("POST " CRP "/Notify -", PLUGIN "204 0 0 102"),
      .step = FLOW_NOTIFY, .call = "Notify", .product = "ConfigMgr", .target = CRP "/Notify", .is_post = true,
      .sentence = "CRP answered Notify with 204 after 102 ms" },
    /* Failures of Microsoft's articles: no impersonation; a client certificate whose root is not trusted. */
    { .text = IIS("GET /certsrv/mscep/mscep.dll operation=GetCACert&message=SCEP%20Authority", BEHIND "500 0 1346 31"),
      .step = FLOW_GET_CA_CERT, .operation = "GetCACert", .message = "SCEP Authority",
      .target = "/certsrv/mscep/mscep.dll?operation=GetCACert&message=SCEP%20Authority",
      .sentence = "IIS refused GetCACert: 500, Win32 1346 ERROR_BAD_IMPERSONATION_LEVEL (bad impersonation level), after "
                  "31 ms" },
    { .text = IIS("POST " CONNECTOR "/VerifyRequest -", PLUGIN "403 16 2148204809 453"),
      .step = FLOW_VERIFY_REQUEST, .call = "VerifyRequest", .product = "Intune connector",
      .target = CONNECTOR "/VerifyRequest", .is_post = true,
      .sentence = "IIS refused VerifyRequest: 403.16 (the client certificate is not trusted, or invalid), HRESULT "
                  "0x800b0109 CERT_E_UNTRUSTEDROOT (root not trusted), after 453 ms" },
    { .text = IIS("GET " NDES " ...", BEHIND "404 15 0 0"),
      .step = FLOW_PKI_OPERATION, .operation = "PKIOperation", .is_cut = true,
      .sentence = "IIS refused PKIOperation: 404.15 (the query is too long for request filtering), after 0 ms" },
    /* A device that did not wait: 64 is ERROR_NETNAME_DELETED. */
    { .text = IIS("POST " NDES " operation=PKIOperation", BEHIND "200 0 64 120000"),
      .step = FLOW_PKI_OPERATION, .operation = "PKIOperation", .target = NDES "?operation=PKIOperation", .is_post = true,
      .sentence = "NDES answered PKIOperation with 200, Win32 64 ERROR_NETNAME_DELETED (the client was gone), after "
                  "120.0 s" },
    { .text = IIS("POST " NDES " operation=PKIOperation", BEHIND "500 0 0 10000"),
      .step = FLOW_PKI_OPERATION, .operation = "PKIOperation", .target = NDES "?operation=PKIOperation", .is_post = true,
      .sentence = "IIS refused PKIOperation: 500 after 10.0 s" },
    /* Whoever calls as NDES_Plugin is taken at its word. */
    { .text = IIS("POST /Renamed/Certificate/Notify -", PLUGIN "204 0 0 1"),
      .step = FLOW_NOTIFY, .call = "Notify", .product = "ConfigMgr", .target = "/Renamed/Certificate/Notify",
      .is_post = true, .sentence = "CRP answered Notify with 204 after 1 ms" },
    /* Other SCEP servers; other operations where SCEP is usual. */
    { .text = IIS("GET /enrol operation=GetNextCACert", BEHIND "200 0 0 2"),
      .step = FLOW_GET_NEXT_CA_CERT, .operation = "GetNextCACert", .target = "/enrol?operation=GetNextCACert",
      .sentence = "IIS answered GetNextCACert with 200 after 2 ms" },
    { .text = IIS("GET /certsrv/mscep_admin/mscep.dll operation=NDESGenerateChallenge", BEHIND "200 0 0 2"),
      .step = FLOW_OTHER_REQUEST, .operation = "NDESGenerateChallenge",
      .target = "/certsrv/mscep_admin/mscep.dll?operation=NDESGenerateChallenge",
      .sentence = "NDES answered NDESGenerateChallenge with 200 after 2 ms" },
    /* What is not SCEP: a browser at NDES, other applications, a long query elsewhere. */
    { .text = IIS("GET /certsrv/mscep/mscep.dll -", BEHIND "403 0 0 5"), .target = "/certsrv/mscep/mscep.dll",
      .sentence = "GET /certsrv/mscep/mscep.dll 403 after 5 ms" },
    { .text = IIS("GET /owa/ operation=list&password=x", BEHIND "200 0 0 12"),
      .target = "/owa/?operation=list&password=x", .sentence = "GET /owa/ 200 after 12 ms" },
    { .text = IIS("GET /certsrv/mscep_admin/ -", BEHIND "401 2 5 3"), .target = "/certsrv/mscep_admin/",
      .sentence = "GET /certsrv/mscep_admin/ 401.2 (the site's authentication settings do not let the caller in), Win32 5 "
                  "ERROR_ACCESS_DENIED (access denied), after 3 ms" },
    { .text = IIS("GET /owa/ ...", BEHIND "200 0 0 12"), .is_cut = true, .sentence = "GET /owa/ 200 after 12 ms" },
    { .text = IIS("POST /Notify -", BEHIND "404 0 2 12"), .target = "/Notify", .is_post = true,
      .sentence = "POST /Notify 404, Win32 2 ERROR_FILE_NOT_FOUND (file not found), after 12 ms" },
    { .text = IIS("GET /x -", BEHIND "400 0 12345 12"), .target = "/x",
      .sentence = "GET /x 400, Win32 12345, after 12 ms" },
    /* Without some of the columns. */
    { .text = "#Fields: cs-method cs-uri-stem cs-uri-query\nGET " NDES " operation=GetCACaps",
      .step = FLOW_GET_CA_CAPS, .operation = "GetCACaps", .target = NDES "?operation=GetCACaps",
      .sentence = "NDES was asked for GetCACaps" },
    { .text = "#Fields: cs-method cs-uri-stem\nGET /x", .target = "/x", .sentence = "GET /x" },
    { .text = "#Fields: date sc-status\n2016-06-10 200" },
    /* HTTP.sys: the first two lines are those of KB2988444, the others made with reasons of KB820729. */
    { .format = LOGFILE_HTTPERR, .text = HTTPERR("HTTP/1.1 GET /owa/ 400 - FieldLength -"), .target = "/owa/",
      .sentence = "HTTP.sys refused GET /owa/ with 400: FieldLength (a header field is too long)" },
    { .format = LOGFILE_HTTPERR, .text = HTTPERR("HTTP/1.1 GET /owa/ 400 - RequestLength -"), .target = "/owa/",
      .sentence = "HTTP.sys refused GET /owa/ with 400: RequestLength (the request is too long)" },
    { .format = LOGFILE_HTTPERR,
      .text = HTTPERR("HTTP/1.1 GET " NDES "?operation=GetCACaps&message=ca 503 1 AppOffline SCEP"),
      .step = FLOW_GET_CA_CAPS, .operation = "GetCACaps", .message = "ca",
      .target = NDES "?operation=GetCACaps&message=ca",
      .sentence = "HTTP.sys refused GetCACaps with 503: AppOffline (the application pool was switched off because its "
                  "process kept failing)" },
    { .format = LOGFILE_HTTPERR,
      .text = HTTPERR("HTTP/1.1 POST " CRP "/VerifyRequest - 1 Connection_Abandoned_By_ReqQueue CRP"),
      .step = FLOW_VERIFY_REQUEST, .call = "VerifyRequest", .product = "ConfigMgr", .target = CRP "/VerifyRequest",
      .is_post = true,
      .sentence = "HTTP.sys gave up VerifyRequest: Connection_Abandoned_By_ReqQueue (the application pool's process ended "
                  "with the request unanswered)" },
    { .format = LOGFILE_HTTPERR, .text = HTTPERR("HTTP/1.1 GET " NDES " 414 - URL_Length -"), .target = NDES,
      .sentence = "HTTP.sys refused GET " NDES " with 414: URL_Length (the URL is too long)" },
    { .format = LOGFILE_HTTPERR, .text = HTTPERR("- - - - - Timer_ConnectionIdle -"),
      .sentence = "HTTP.sys closed a connection: Timer_ConnectionIdle (the connection was idle: the usual end of "
                  "keep-alive)" },
    { .format = LOGFILE_HTTPERR, .text = HTTPERR("- - - 400 - NewReason -"),
      .sentence = "HTTP.sys refused a request with 400: NewReason" },
};

static void
test_lines(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        logfile_parsed *parsed = logfile_parse(lines[i].format, lines[i].text, strlen(lines[i].text));
        log_request     request;

        g_test_message("%s", lines[i].text);
        log_request_read(support_scope(), parsed, CRP_USUAL_PATHS, &request);
        g_assert_cmpint(request.step, ==, lines[i].step);
        g_assert_cmpstr(request.operation, ==, lines[i].operation);
        g_assert_cmpstr(request.message, ==, lines[i].message);
        g_assert_cmpstr(request.call, ==, lines[i].call);
        g_assert_cmpstr(request.product, ==, lines[i].product);
        g_assert_cmpuint(request.target_length, ==, lines[i].target ? strlen(lines[i].target) : 0);
        g_assert_cmpint(request.is_post, ==, lines[i].is_post);
        g_assert_cmpint(request.is_cut, ==, lines[i].is_cut);
        g_assert_cmpstr(log_request_sentence(support_scope(), lines[i].format, &request), ==, lines[i].sentence);
        logfile_parsed_free(parsed);
    }
    support_free_scope();
}

/* Status, substatus, Win32 status and time taken; what is no number is not there. */
static void
test_numbers(void)
{
    static const struct {
        const char *told;
        bool        has_status, has_win32_status;
        uint32_t    status, substatus, win32_status;
        int64_t     duration;
    } cases[] = {
        { "403 16 2148204809 453", true, true, 403, 16, 0x800b0109, 453 },
        { "200 0 0 4294967295", true, true, 200, 0, 0, 4294967295 },
        { "200 0 4294967296 4294967296", true, false, 200, 0, 0, -1 },
        { "- - - -", false, false, 0, 0, 0, -1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char           *text = g_strconcat(IIS("GET /x -", BEHIND), cases[i].told, NULL);
        logfile_parsed *parsed = logfile_parse(LOGFILE_IIS, text, strlen(text));
        log_request     request;

        log_request_read(support_scope(), parsed, "", &request);
        g_assert_cmpint(request.has_status, ==, cases[i].has_status);
        g_assert_cmpint(request.has_win32_status, ==, cases[i].has_win32_status);
        g_assert_cmpuint(request.status, ==, cases[i].status);
        g_assert_cmpuint(request.substatus, ==, cases[i].substatus);
        g_assert_cmpuint(request.win32_status, ==, cases[i].win32_status);
        g_assert_cmpint(request.duration, ==, cases[i].duration);
        logfile_parsed_free(parsed);
        g_free(text);
    }
    support_free_scope();
}

/* A whole message in the query tells its transaction: the one that `openssl asn1parse` prints. */
static void
test_transaction(void)
{
    GBytes         *octets = bytes_of_truth("made-pending-poll", "04-request.p7m");
    char           *base64 = g_base64_encode(g_bytes_get_data(octets, NULL), g_bytes_get_size(octets));
    char           *text = g_strconcat(IIS_FIELDS "2016-06-10 02:44:06 10.0.0.20 GET " NDES
                                                  " operation=PKIOperation&message=", base64, BEHIND "200 0 0 1", NULL);
    logfile_parsed *parsed = logfile_parse(LOGFILE_IIS, text, strlen(text));
    log_request     request;

    log_request_read(support_scope(), parsed, "", &request);
    g_assert_cmpstr(request.transaction_id, ==, "8A4F3C21D09E57B6");
    g_assert_null(request.message);
    logfile_parsed_free(parsed);
    g_free(text);
    g_free(base64);
    g_bytes_unref(octets);
    support_free_scope();
}

/* HTTP.sys logs 4096 octets of path and query at most (KB820729). */
static void
test_cut_url(void)
{
    static const struct {
        size_t length;
        bool   is_cut;
    } cases[] = { { 4095, false }, { 4096, true } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GString        *text = g_string_new(HTTPERR("HTTP/1.1 GET "));
        size_t          start = text->len;
        logfile_parsed *parsed;
        log_request     request;

        g_string_append(text, NDES "?operation=PKIOperation&message=");
        while (text->len - start < cases[i].length)
            g_string_append_c(text, 'M');
        g_string_append(text, " 400 - FieldLength -");
        parsed = logfile_parse(LOGFILE_HTTPERR, text->str, text->len);
        log_request_read(support_scope(), parsed, "", &request);
        g_assert_cmpint(request.is_cut, ==, cases[i].is_cut);
        g_assert_cmpuint(request.target_length, ==, cases[i].is_cut ? 0 : cases[i].length);
        g_assert_cmpint(request.step, ==, FLOW_PKI_OPERATION);
        logfile_parsed_free(parsed);
        g_string_free(text, TRUE);
    }
    support_free_scope();
}

/* A path as long as IIS logs it is shortened between characters, and carries no secret. */
static void
test_long_path(void)
{
    GString        *text = g_string_new("#Fields: cs-method cs-uri-stem\nGET /challenge=abc/");
    logfile_parsed *parsed;
    const char     *sentence;
    log_request     request;

    for (unsigned i = 0; i < 1000; i++)
        g_string_append(text, "€");
    parsed = logfile_parse(LOGFILE_IIS, text->str, text->len);
    log_request_read(support_scope(), parsed, "", &request);
    sentence = log_request_sentence(support_scope(), LOGFILE_IIS, &request);
    g_assert_true(g_utf8_validate(sentence, -1, NULL));
    g_assert_true(g_str_has_prefix(sentence, "GET /challenge=[hidden]"));
    g_assert_cmpuint(strlen(sentence), <, 128);
    logfile_parsed_free(parsed);
    g_string_free(text, TRUE);
    support_free_scope();
}

/* winerror.h and winhttp.h: the names, by number. HRESULT_FROM_WIN32(x) is 0x80070000 | x. */
static void
test_codes(void)
{
    static const struct {
        uint32_t    code;
        const char *name;
    } codes[] = {
        { 0, "ERROR_SUCCESS" },
        { 2, "ERROR_FILE_NOT_FOUND" },
        { 3, "ERROR_PATH_NOT_FOUND" },
        { 5, "ERROR_ACCESS_DENIED" },
        { 50, "ERROR_NOT_SUPPORTED" },
        { 64, "ERROR_NETNAME_DELETED" },
        { 121, "ERROR_SEM_TIMEOUT" },
        { 995, "ERROR_OPERATION_ABORTED" },
        { 1236, "ERROR_CONNECTION_ABORTED" },
        { 1326, "ERROR_LOGON_FAILURE" },
        { 1346, "ERROR_BAD_IMPERSONATION_LEVEL" },
        { 1909, "ERROR_ACCOUNT_LOCKED_OUT" },
        { 12002, "ERROR_WINHTTP_TIMEOUT" },
        { 12007, "ERROR_WINHTTP_NAME_NOT_RESOLVED" },
        { 12029, "ERROR_WINHTTP_CANNOT_CONNECT" },
        { 12030, "ERROR_WINHTTP_CONNECTION_ERROR" },
        { 12044, "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED" },
        { 12175, "ERROR_WINHTTP_SECURE_FAILURE" },
        { 12186, "ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY" },
        { 2148074252u, "SEC_E_LOGON_DENIED" },
        { 2148074254u, "SEC_E_NO_CREDENTIALS" },
        { 2148081683u, "CRYPT_E_REVOCATION_OFFLINE" },
        { 2148204801u, "CERT_E_EXPIRED" },
        { 2148204809u, "CERT_E_UNTRUSTEDROOT" },
        { 0x80070542, "ERROR_BAD_IMPERSONATION_LEVEL" },
        { 0x80072f8f, "ERROR_WINHTTP_SECURE_FAILURE" },
        { 4711, NULL },
        { 0x80071267, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        const char *name = log_code_name(codes[i].code);
        char       *symbol = name ? g_strndup(name, strcspn(name, ",")) : NULL;

        g_assert_cmpstr(symbol, ==, codes[i].name);
        g_free(symbol);
    }
}

/* The list for fields has each number once, and says the same. */
static void
test_code_list(void)
{
    GHashTable         *seen = g_hash_table_new(NULL, NULL);
    const value_string *names = log_code_names();

    for (; names->strptr; names++) {
        g_assert_true(g_hash_table_add(seen, GUINT_TO_POINTER(names->value)));
        g_assert_cmpstr(log_code_name(names->value), ==, names->strptr);
    }
    g_assert_true(g_hash_table_contains(seen, GUINT_TO_POINTER(2148204809u)));
    g_assert_true(g_hash_table_contains(seen, GUINT_TO_POINTER(1346)));
    g_hash_table_unref(seen);
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/log-request/lines", test_lines);
    g_test_add_func("/log-request/numbers", test_numbers);
    g_test_add_func("/log-request/transaction", test_transaction);
    g_test_add_func("/log-request/cut-url", test_cut_url);
    g_test_add_func("/log-request/long-path", test_long_path);
    g_test_add_func("/log-request/codes", test_codes);
    g_test_add_func("/log-request/code-list", test_code_list);
    return support_run();
}
