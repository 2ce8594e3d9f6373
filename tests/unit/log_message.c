/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What messages of NDES's policy module and of registration points say, and the sentences that are made of them. They
 * are those of captures/samples/logs/reference and of Microsoft's articles on the policy module and the registration
 * point, or made like them.
 */
#include <string.h>

#include "log/message.h"
#include "log/names.h"
#include "log/sentence.h"
#include "support.h"

#define DEVICE "38fdb94d-db5c-468d-b8d6-37aff538e934"
#define USER   "4514c247-96e3-4c6e-9d60-806ac5fa7e2f"

/* IIS's error page in the policy module's log, its head as Microsoft's article shows it. */
#define PAGE                                                                                                           \
    "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "                                                      \
    "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\r\n"     \
    "<head>\r\n<title>403 - Forbidden: Access is denied.</title>\r\n</head><body><h3>HTTP Error 403.16</h3> "          \
    "Error 0x80070005, for device " DEVICE " status True</body></html>"

/* What a message says; status -1, code NULL, "" for nothing. */
static const struct {
    const char *text, *event;
    int         status;
    const char *code; /* as it stands there */
    uint32_t    number;
    const char *device, *user, *flag;
} messages[] = {
    /* The reference logs. */
    { "Calling VerifyRequest ...", "verify-request-begin", -1, NULL, 0, "", "", "" },
    { "Sending request to certificate registration point.", "request-sent", -1, NULL, 0, "", "", "" },
    { "Verify challenge returns true", "verify-request-answer", 1, NULL, 0, "", "", "" },
    { "Exiting VerifyRequest with 0x0", "verify-request-end", -1, "0x0", 0, "", "", "" },
    { "Calling Notifyrequest ...", "notify-begin", -1, NULL, 0, "", "", "" },
    { "Exiting Notify with 0x0", "notify-end", -1, "0x0", 0, "", "", "" },
    { "Reading Template Permission Check from registry.", NULL, -1, NULL, 0, "", "", "" },
    { "Validation Phase 1 started.", "phase-1-begin", -1, NULL, 0, "", "", "" },
    { "Validation Phase 1 finised with status True.", "phase-1-end", 1, NULL, 0, "", "", "" },
    { "Validation Phase 2 started for device and user .", "phase-2-begin", -1, NULL, 0, "", "", "" },
    { "Validation Phase 2 finished.", "phase-2-end", -1, NULL, 0, "", "", "" },
    { "Validation Phase 3 started for device " DEVICE " and user " USER ".", "phase-3-begin", -1, NULL, 0, DEVICE,
      USER, "" },
    { "Get Challenge Parameters from DB using query: Execute CRP_VerifyRequestParameters @vchCertificateRequestID = "
      "'ModelName=ScopeId_DEF1415D-2304-49FD-962C-92B560F126A4/ConfigurationPolicy_82ad9d8e-228e-4048-a598-"
      "d8a60c0ab996;Version=1;Hash=-1580759952', @vchDeviceID = '" DEVICE "', @vchUserID = '" USER "', @DeviceType = 1",
      "challenge-query", -1, NULL, 0, DEVICE, USER, "" },
    { "Validation Phase 3 finished with status True.", "phase-3-end", 1, NULL, 0, "", "", "" },
    { "VerifyRequest Finished with status True", "verify-request-end", 1, NULL, 0, "", "", "" },
    { "Notify Started.", "notify-begin", -1, NULL, 0, "", "", "" },
    { "Beginning state message creation...", "state-message-begin", -1, NULL, 0, "", "", "" },
    { "Retrieveing the CRP certificate", NULL, -1, NULL, 0, "", "", "" },
    { "Sending Success state message", NULL, -1, NULL, 0, "", "", "" },
    { "StateMessage C:\\Program Files\\Microsoft Configuration Manager\\inboxes\\auth\\statesys.box\\incoming\\"
      "csq5f2dte2d.SMX is dropped.", "state-message-written", -1, NULL, 0, "", "", "" },
    { "Successfully sent state message", "state-message-end", -1, NULL, 0, "", "", "" },
    { "Notify Finished.", "notify-end", -1, NULL, 0, "", "", "" },
    /* Failures, as Microsoft's articles have them. */
    { "Verify challenge returns false", "verify-request-answer", 0, NULL, 0, "", "", "" },
    { "VerifyRequest Finished with status False", "verify-request-end", 0, NULL, 0, "", "", "" },
    { "VerifyRequest Started.", "verify-request-begin", -1, NULL, 0, "", "", "" },
    { "Failed to send http request /CertificateRegistrationSvc/Certificate/VerifyRequest. Error 12175", "request-failed",
      -1, "12175", 12175, "", "", "" },
    { "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID", "tls-failure", -1, NULL, 0, "", "",
      "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID" },
    { "[TSMESSAGING]            : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA is set", "tls-failure", -1, NULL, 0, "", "",
      "WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA" },
    { "Error. Received 0x80072f8f from WinHttpSendRequest.", NULL, -1, "0x80072f8f", 0x80072f8f, "", "", "" },
    { "Key usage in CSR and challenge do not match", "request-mismatch", -1, NULL, 0, "", "", "" },
    { "Subject Name in CSR CN=a and challenge CN=b do not match", "request-mismatch", -1, NULL, 0, "", "", "" },
    { "Signing certificate could not be retrieved. System.Exception: m_safeCertContext is an invalid handle.",
      "signing-certificate-missing", -1, NULL, 0, "", "", "" },
    { "Cryptography Exception: System.Security.Cryptography.CryptographicException: m_safeCertContext is an invalid "
      "handle.", "exception", -1, NULL, 0, "", "", "" },
    /* Codes as programs write them; a signed one is the HRESULT with those bits. */
    { "Exiting VerifyRequest with 0x80070005", "verify-request-end", -1, "0x80070005", 0x80070005, "", "", "" },
    { "hr=0x80004005", NULL, -1, "0x80004005", 0x80004005, "", "", "" },
    { "HRESULT: -2147024891", NULL, -1, "-2147024891", 0x80070005, "", "", "" },
    { "error code = 4294967295", NULL, -1, "4294967295", 0xffffffff, "", "", "" },
    { "Error -2147483648.", NULL, -1, "-2147483648", 0x80000000, "", "", "" },
    { "failed (error=5)", NULL, -1, "5", 5, "", "", "" },
    /* None of these is one. */
    { "with 12 of them", NULL, -1, NULL, 0, "", "", "" },
    { "Error 4294967296", NULL, -1, NULL, 0, "", "", "" },
    { "Error -2147483649", NULL, -1, NULL, 0, "", "", "" },
    { "Error 12175x", NULL, -1, NULL, 0, "", "", "" },
    { "with 0x123456789", NULL, -1, NULL, 0, "", "", "" },
    { "with 0x", NULL, -1, NULL, 0, "", "", "" },
    { "errors 5", NULL, -1, NULL, 0, "", "", "" },
    { "Error         5", NULL, -1, NULL, 0, "", "", "" },
    { "Error12175", NULL, -1, NULL, 0, "", "", "" },
    { "finished with status Truely", NULL, -1, NULL, 0, "", "", "" },
    { "returns nothing", NULL, -1, NULL, 0, "", "", "" },
    /* GUIDs: only whole ones, wherever they come. */
    { "device = {" DEVICE "}, no user", NULL, -1, NULL, 0, DEVICE, "", "" },
    { "device x, device and DeviceID: " DEVICE, NULL, -1, NULL, 0, DEVICE, "", "" },
    { "user " USER "0", NULL, -1, NULL, 0, "", "", "" },
    { "user 4514c247-96e3-4c6e-9d60-806ac5fa7e2", NULL, -1, NULL, 0, "", "", "" },
    { "user 4514c247x96e3-4c6e-9d60-806ac5fa7e2f", NULL, -1, NULL, 0, "", "", "" },
    { "device", NULL, -1, NULL, 0, "", "", "" },
    /* Behind a page nothing counts but its title. */
    { "Verify challenge returns " PAGE, "verify-request-answer", -1, NULL, 0, DEVICE, "", "" },
    { "", NULL, -1, NULL, 0, "", "", "" },
};

static void
assert_span(const char *text, const log_span *span, const char *expected)
{
    g_assert_cmpuint(span->length, ==, strlen(expected));
    g_assert_true(span->offset + span->length <= strlen(text));
    g_assert_cmpmem(text + span->offset, span->length, expected, strlen(expected));
}

static void
test_messages(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
        const char *text = messages[i].text;
        log_message message;

        g_test_message("%s", text);
        log_message_read(support_scope(), text, &message);
        g_assert_cmpstr(message.event, ==, messages[i].event);
        g_assert_cmpint(message.status, ==, messages[i].status);
        g_assert_cmpint(message.has_code, ==, messages[i].code != NULL);
        g_assert_cmphex(message.code, ==, messages[i].number);
        assert_span(text, &message.code_at, messages[i].code ? messages[i].code : "");
        assert_span(text, &message.device, messages[i].device);
        assert_span(text, &message.user, messages[i].user);
        assert_span(text, &message.flag, messages[i].flag);
    }
    support_free_scope();
}

/* Every phase, begun and ended in both spellings. */
static void
test_phases(void)
{
    static const char *const ends[] = { "finised", "finished" };

    for (unsigned phase = 1; phase <= 3; phase++) {
        char       *text = g_strdup_printf("Validation Phase %u started.", phase);
        char       *event = g_strdup_printf("phase-%u-begin", phase);
        log_message message;

        log_message_read(support_scope(), text, &message);
        g_assert_cmpstr(message.event, ==, event);
        g_free(text);
        g_free(event);
        event = g_strdup_printf("phase-%u-end", phase);
        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
            text = g_strdup_printf("Validation Phase %u %s with status False.", phase, ends[i]);
            log_message_read(support_scope(), text, &message);
            g_assert_cmpstr(message.event, ==, event);
            g_assert_cmpint(message.status, ==, 0);
            assert_span(text, &message.status_at, "False");
            g_free(text);
        }
        g_free(event);
    }
    support_free_scope();
}

static void
test_page(void)
{
    static const char text[] = "Verify challenge returns " PAGE;
    log_message       message;

    log_message_read(support_scope(), text, &message);
    g_assert_cmpstr(message.title, ==, "403 - Forbidden: Access is denied.");
    assert_span(text, &message.page, PAGE);
    log_message_read(support_scope(), "Verify challenge returns <HTML><p>no title", &message);
    g_assert_null(message.title);
    g_assert_cmpuint(message.page.length, ==, strlen("<HTML><p>no title"));
    log_message_read(support_scope(), "Verify challenge returns true", &message);
    g_assert_null(message.title);
    g_assert_cmpuint(message.page.length, ==, 0);
    support_free_scope();
}

/* What a message becomes in the Info column, by its level (1 information, 2 warning, 3 error). */
static const struct {
    int         level;
    const char *text, *sentence;
} sentences[] = {
    /* As it is, where it speaks for itself. */
    { 1, "Calling VerifyRequest ...", "Calling VerifyRequest ..." },
    { 1, "Exiting VerifyRequest with 0x0", "Exiting VerifyRequest with 0x0" },
    /* Codes and flags with what winerror.h and winhttp.h call them. */
    { 1, "Exiting VerifyRequest with 0x80070005",
      "Exiting VerifyRequest with 0x80070005 (E_ACCESSDENIED, access denied)" },
    { 3, "Failed to send http request /x. Error 12175",
      "Error: Failed to send http request /x. Error 12175 (ERROR_WINHTTP_SECURE_FAILURE, TLS failure)" },
    { 1, "[x] : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA is set",
      "[x] : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA (the server's certificate comes from a CA that is not trusted) is "
      "set" },
    { 1, "WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED, error 12170.",
      "WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED (the server's certificate was revoked), error 12170 "
      "(ERROR_WINHTTP_SECURE_CERT_REVOKED, server's certificate revoked)." },
    { 1, "error 12170: WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED",
      "error 12170 (ERROR_WINHTTP_SECURE_CERT_REVOKED, server's certificate revoked): "
      "WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED (the server's certificate was revoked)" },
    { 1, "Exiting with 0x7fffffff", "Exiting with 0x7fffffff" },
    { 1, "WINHTTP_CALLBACK_STATUS_FLAG_NEW", "WINHTTP_CALLBACK_STATUS_FLAG_NEW" },
    /* One line. */
    { 1, "  a\r\n\tb \n", "a b" },
    { 1, "Verify challenge returns " PAGE,
      "Verify challenge returns a page of HTML: 403 - Forbidden: Access is denied." },
    { 3, "Verify challenge returns <html>", "Error: Verify challenge returns a page of HTML" },
    /* What it is, unless it says so. */
    { 2, "no state message", "Warning: no state message" },
    { 3, "Error in VerifyRequest", "Error in VerifyRequest" },
    { 2, "warning: old", "warning: old" },
    { 0, "of unknown type", "of unknown type" },
    /* No challenge password in any of the ways in which one may be written. */
    { 1, "challenge password: 8F3A17C2E9B04D56, 1 left", "challenge password: [hidden], 1 left" },
    { 1, "challengePassword = 'abc'", "challengePassword = '[hidden]'" },
    { 1, "Challenge=abc&x=1", "Challenge=[hidden]&x=1" },
    { 1, "the password is none, the challenge neither", "the password is none, the challenge neither" },
    { 1, "password:", "password:" },
    { 1, "Name in CSR CN=a and challenge CN=b do not match", "Name in CSR CN=a and challenge CN=b do not match" },
    /* A GUID path is for reading, 90 digits together are not. */
    { 1, "ModelName=ScopeId_DEF1415D-2304-49FD-962C-92B560F126A4/Policy_82ad9d8e-228e-4048-a598-d8a60c0ab996;Hash=1",
      "ModelName=ScopeId_DEF1415D-2304-49FD-962C-92B560F126A4/Policy_82ad9d8e-228e-4048-a598-d8a60c0ab996;Hash=1" },
    { 1, "token MIIB0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmn+/= end",
      "token MIIB0123456789ab…= end" },
};

static void
test_sentences(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sentences); i++) {
        log_message message;

        log_message_read(support_scope(), sentences[i].text, &message);
        g_assert_cmpstr(log_message_sentence(support_scope(), sentences[i].text, &message, sentences[i].level), ==,
                        sentences[i].sentence);
    }
    support_free_scope();
}

/* A message as long as a record may be is cut between characters. */
static void
test_long(void)
{
    GString    *text = g_string_new(NULL);
    const char *sentence;
    log_message message;

    while (text->len < 200000)
        g_string_append(text, "€ ");
    log_message_read(support_scope(), text->str, &message);
    sentence = log_message_sentence(support_scope(), text->str, &message, 1);
    g_assert_true(g_utf8_validate(sentence, -1, NULL));
    g_assert_cmpuint(strlen(sentence), <, 2048);
    g_assert_true(g_str_has_suffix(sentence, "…"));
    g_string_free(text, TRUE);
    support_free_scope();
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/log-message/messages", test_messages);
    g_test_add_func("/log-message/phases", test_phases);
    g_test_add_func("/log-message/page", test_page);
    g_test_add_func("/log-message/sentences", test_sentences);
    g_test_add_func("/log-message/long", test_long);
    return support_run();
}
