/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is said about failures that logs show (catalogue/logs.conf): for each entry, lines that show it and nothing
 * else, and the same lines with one of them changed, in which it is not. Statuses and substatuses are those of
 * Microsoft's "HTTP status codes in IIS", Windows errors those of winerror.h and winhttp.h, reasons those of KB820729;
 * messages are as in captures/samples/logs/findings/README.md.
 */
#include <string.h>

#include "flow/knowledge.h"
#include "logs_support.h"

/* Beside those of logs_support.h. */
enum { CRP_HTTPERR = HTTPERR + 1, CRP_TRACE };

/* Frames of log lines, behind those of packets. */
#define FIRST_FRAME 100000

/* Where the file ends: nobody waits any more. */
#define END 60000

/* A line of a log, at `time`. */
typedef struct {
    unsigned      log; /* 0: none */
    int64_t       time;
    flow_log_line line;
} entry;

#define REQUEST(asked, status, sub, win32, why, taken)                                                                \
    { .is_utc = true, .step = (asked), .http_status = (status), .http_substatus = (sub), .win32_status = (win32),     \
      .reason = (why), .duration = (taken) * MILLISECOND }
#define IIS(time, asked, status, sub, win32)     { NDES_IIS, time, REQUEST(asked, status, sub, win32, NULL, 502) }
#define AT_CRP(time, asked, status, sub, win32)  { CRP_IIS, time, REQUEST(asked, status, sub, win32, NULL, 349) }
#define HTTP_SYS(time, asked, status, why)       { HTTPERR, time, REQUEST(asked, status, 0, -1, why, 0) }
#define CRP_HTTP_SYS(time, asked, status, why)   { CRP_HTTPERR, time, REQUEST(asked, status, 0, -1, why, 0) }
#define SAYS(number, when, on, how, words)                                                                            \
    { number, when, { .thread = (on), .level = (how), .text = (words), .win32_status = -1, .duration = -1 } }

/* The policy module's log. Another thread makes Notify. */
#define PLUGIN_SAYS(time, level, text) SAYS(PLUGIN, time, "2900", level, text)
#define NOTIFY_SAYS(time, level, text) SAYS(PLUGIN, time, "3088", level, text)
#define CALLED                         PLUGIN_SAYS(5789, 1, "Calling VerifyRequest ...")
#define RETURNS(answer)                PLUGIN_SAYS(6200, 1, "Verify challenge returns " answer)
#define EXITED(code)                   PLUGIN_SAYS(6201, 1, "Exiting VerifyRequest with " code)
#define VERIFIED                       CALLED, RETURNS("true"), EXITED("0x0")
#define NOTIFY_CALLED                  NOTIFY_SAYS(6270, 1, "Calling Notifyrequest ...")
#define NOTIFY_EXITED(code)            NOTIFY_SAYS(6410, 1, "Exiting Notify with " code)
#define VERIFY_PATH                    "/CMCertificateRegistration/Certificate/VerifyRequest"
#define FLAG(name)                     PLUGIN_SAYS(5795, 3, "WINHTTP_CALLBACK_STATUS_FLAG_" name)
#define NOT_SENT(error)  PLUGIN_SAYS(5800, 3, "Failed to send http request " VERIFY_PATH ". Error " error)

/* Pages of IIS: what it shows to others, and to callers on the same machine. */
#define XHTML   "http://www.w3.org/1999/xhtml"
#define DOCTYPE "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "                                          \
                "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n<html xmlns=\"" XHTML "\">\r\n<head>\r\n"
#define META    "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-1\"/>\r\n"
#define PAGE(title)     RETURNS(DOCTYPE META "<title>" title "</title>\r\n")
#define DETAILED(title) RETURNS(DOCTYPE "<title>IIS 10.0 Detailed Error - " title "</title>\r\n")

/* CRP.log. */
#define CRP_SAYS(time, level, text) SAYS(CRP_LOG, time, "238", level, text)
#define PHASE_1(status)   CRP_SAYS(5851, 1, "Validation Phase 1 started."),                                           \
                          CRP_SAYS(6081, 1, "Validation Phase 1 finised with status " status ".")
#define PHASE_2           CRP_SAYS(6082, 1, "Validation Phase 2 started for device and user ."),                      \
                          CRP_SAYS(6083, 1, "Validation Phase 2 finished.")
#define PHASE_3_BEGINS    CRP_SAYS(6084, 1, "Validation Phase 3 started for device a and user b.")
#define PHASE_3(status)   CRP_SAYS(6150, 1, "Validation Phase 3 finished with status " status ".")
#define VERIFY_IS(status) CRP_SAYS(6151, 1, "VerifyRequest Finished with status " status)
#define IN_PHASE_3(text)  PHASE_1("True"), PHASE_2, PHASE_3_BEGINS, CRP_SAYS(6085, 3, text), PHASE_3("False"),        \
                          VERIFY_IS("False")

/* What comes before the lines of a row. */
typedef enum {
    NOTHING,
    DISCOVERY,
    REQUESTS, /* and PKIOperation, to which IIS says 200 whatever becomes of it */
} before;

#define CAPS    FLOW_GET_CA_CAPS
#define CERT    FLOW_GET_CA_CERT
#define PKI     FLOW_PKI_OPERATION
#define ASKED   FLOW_VERIFY_REQUEST
#define TOLD    FLOW_NOTIFY

#define ANSWERED IIS(6000, PKI, 200, 0, 0)
#define MANY 12

typedef struct {
    const char *ids; /* with these lines, joined by blanks */
    before      before;
    entry       lines[MANY];
    const char *other_ids; /* with `other` in place of line number `changed` */
    unsigned    changed;
    entry       other;
} row;

/* Of a row with a single line of IIS for PKIOperation. */
#define ONE(id, status, sub, win32, other_id, other_sub, other_win32)                                                 \
    { id, DISCOVERY, { IIS(6000, PKI, status, sub, win32) },                                                          \
      other_id, 0, IIS(6000, PKI, status, other_sub, other_win32) }
/* Of HTTP.sys. */
#define REASON(id, status, why, other_id, other_why)                                                                  \
    { id, DISCOVERY, { HTTP_SYS(6000, PKI, status, why) }, other_id, 0, HTTP_SYS(6000, PKI, status, other_why) }
/* NDES's policy module did not get through. */
#define UNSENT(id, error, code, other_id, other_error)                                                                \
    { id, REQUESTS, { CALLED, NOT_SENT(error), EXITED(code) }, other_id, 1, NOT_SENT(other_error) }
#define FLAGGED(id, flag, other_id, other_flag)                                                                       \
    { id, REQUESTS, { CALLED, FLAG(flag), NOT_SENT("12175"), EXITED("0x80072f8f") }, other_id, 1, FLAG(other_flag) }
/* The registration point objects in phase 3. */
#define OBJECTED(id, text)                                                                                            \
    { id, REQUESTS, { IN_PHASE_3(text) }, "crp-phase-3-failed", 5, CRP_SAYS(6085, 1, "Comparing.") }

static const row rows[] = {
    /* IIS on NDES. 2148074254 is 0x8009030e, SEC_E_NO_CREDENTIALS. */
    ONE("get-too-long-query", 404, 15, 0, "http-404", 1, 0),
    ONE("get-too-long-url", 404, 14, 0, "http-404", 1, 0),
    ONE("ndes-isapi-restricted", 404, 2, 1260, "http-404", 1, 1260),
    ONE("ndes-no-handler", 404, 3, 50, "http-404", 0, 50),
    ONE("ndes-no-handler", 404, 4, 2, "ndes-path-missing", 0, 2),
    ONE("ndes-no-handler", 404, 17, 0, "http-404", 0, 0),
    ONE("ndes-path-missing", 404, 0, 2, "http-404", 0, 0),
    ONE("ndes-double-escape", 404, 11, 0, "http-404", 0, 0),
    ONE("ndes-body-filtered", 404, 13, 0, "http-404", 0, 0),
    ONE("ndes-request-filtered", 404, 7, 0, "http-404", 0, 0),
    ONE("ndes-request-filtered", 404, 19, 0, "http-404", 1, 0),
    ONE("ndes-500-impersonation", 500, 0, 1346, "ndes-500-pki", 0, 0),
    { "ndes-500-impersonation", NOTHING, { IIS(0, CERT, 500, 0, 1346) }, "ndes-500", 0, IIS(0, CERT, 500, 0, 0) },
    ONE("ndes-500-account", 500, 0, 1326, "ndes-500-pki", 0, 87),
    ONE("ndes-500-account", 500, 0, 1909, "ndes-500-pki", 0, 0),
    ONE("ndes-500-access", 500, 0, 5, "ndes-500-pki", 0, 6),
    ONE("ndes-500-config", 500, 19, 2147942433, "ndes-500-pki", 0, 2147942433),
    ONE("ndes-500-module", 500, 21, 0, "ndes-500-pki", 0, 0),
    ONE("ndes-401-anonymous", 401, 2, 5, "http-401", 0, 5),
    ONE("ndes-401-anonymous", 401, 2, 2148074254, "http-401", 1, 2148074254),
    ONE("ndes-401-logon", 401, 1, 1326, "http-401", 1, 2148074254),
    ONE("ndes-401-acl", 401, 3, 5, "http-401", 0, 5),
    ONE("ndes-403-execute", 403, 1, 0, "http-403", 0, 0),
    ONE("ndes-403-https", 403, 4, 5, "http-403", 0, 5),
    ONE("ndes-403-certificate", 403, 7, 5, "http-403", 0, 5),
    ONE("ndes-403-bad-certificate", 403, 16, 2148204809, "http-403", 0, 2148204809),
    ONE("ndes-403-address", 403, 6, 5, "http-403", 0, 5),
    ONE("ndes-403-address", 403, 502, 0, "http-403", 0, 0),
    ONE("ndes-403-pool", 403, 18, 0, "http-403", 0, 0),
    ONE("answer-not-taken", 200, 0, 64, "", 0, 0),
    ONE("answer-not-taken", 200, 0, 1236, "", 0, 2148074254),

    /* HTTP.sys before NDES. */
    REASON("get-too-long-field", 400, "FieldLength", "get-too-long-request", "RequestLength"),
    REASON("get-too-long-request", 400, "RequestLength", "http-400", "Precondition_"),
    REASON("get-too-long-target", 414, "URL_Length", "http-sys-url", "URL"),
    REASON("http-sys-url", 400, "URL", "http-400", "URL_"),
    REASON("http-sys-hostname", 400, "Hostname", "http-400", "Host"),
    REASON("http-sys-garbled", 400, "BadRequest", "http-400", "BadRequest_"),
    REASON("http-sys-garbled", 411, "LengthRequired", "http-other", "Length"),
    REASON("http-sys-garbled", 400, "Invalid_CR/LF", "http-400", "Invalid"),
    REASON("http-sys-version", 505, "Version_N/S", "http-other", "Version"),
    REASON("http-sys-forbidden", 403, "Forbidden", "http-403", "Forbid"),
    REASON("http-sys-body", 413, "EntityTooLarge", "http-413", "Entity"),
    REASON("ndes-503-offline", 503, "AppOffline", "ndes-503-shutdown", "AppShutdown"),
    REASON("ndes-503-shutdown", 503, "AppShutdown", "ndes-503-pool", "App"),
    REASON("ndes-503-disabled", 503, "Disabled", "ndes-503-pool", "Disable"),
    REASON("ndes-503-internal", 503, "N/A", "ndes-503-pool", "A"),
    REASON("ndes-503-busy", 503, "QueueFull", "ndes-503-pool", "Queue"),
    REASON("ndes-503-busy", 503, "AppPoolTimer", "ndes-503-pool", "AppPool"),
    REASON("ndes-503-limit", 503, "ConnLimit", "ndes-503-pool", "Conn"),
    REASON("ndes-worker-gone", 0, "Connection_Abandoned_By_AppPool", "", "Timer_ConnectionIdle"),
    REASON("ndes-worker-gone", 0, "Connection_Abandoned_By_ReqQueue", "", "Timer_ConnectionIdle"),
    REASON("ndes-queue-timeout", 0, "Timer_AppPool", "", "Timer_ConnectionIdle"),
    REASON("ndes-queue-timeout", 0, "Timer_ReqQueue", "", "Timer_ConnectionIdle"),
    REASON("ndes-answer-timeout", 0, "Timer_Response", "", "Timer_ConnectionIdle"),
    REASON("ndes-renegotiation", 0, "Timer_SslRenegotiation", "", "Timer_ConnectionIdle"),
    REASON("http-sys-client-gone", 0, "Client_Reset", "", "Timer_ConnectionIdle"),
    REASON("http-sys-client-gone", 0, "Connection_Dropped", "", "Timer_ConnectionIdle"),
    REASON("http-sys-client-gone", 0, "Connection_Dropped_List_Full", "", "Timer_ConnectionIdle"),
    REASON("http-sys-request-slow", 0, "Timer_EntityBody", "", "Timer_ConnectionIdle"),
    REASON("http-sys-request-slow", 0, "Timer_HeaderWait", "", "Timer_ConnectionIdle"),
    REASON("http-sys-answer-slow", 0, "Timer_MinBytesPerSecond", "", "Timer_ConnectionIdle"),

    /* The registration point's web server. 2148204809: CERT_E_UNTRUSTEDROOT, 2148081683: CRYPT_E_REVOCATION_OFFLINE. */
    { "crp-client-certificate-missing", REQUESTS, { AT_CRP(6000, ASKED, 403, 7, 5) },
      "crp-403", 0, AT_CRP(6000, ASKED, 403, 0, 5) },
    { "crp-client-certificate-untrusted", REQUESTS,
      { AT_CRP(6000, ASKED, 403, 16, 2148204809), CALLED, PAGE("403 - Forbidden: Access is denied."),
        EXITED("0x80004005") },
      "crp-403", 0, AT_CRP(6000, ASKED, 403, 0, 2148204809) },
    { "crp-client-certificate-expired", REQUESTS, { AT_CRP(6000, ASKED, 403, 17, 2148204801) },
      "crp-403", 0, AT_CRP(6000, ASKED, 403, 0, 2148204801) },
    { "crp-client-certificate-revoked", REQUESTS, { AT_CRP(6000, ASKED, 403, 13, 2148081683) },
      "crp-403", 0, AT_CRP(6000, ASKED, 403, 0, 2148081683) },
    { "crp-client-certificate-revoked", REQUESTS,
      { CALLED, DETAILED("403.13 - Forbidden"), EXITED("0x80004005") },
      "crp-page-403", 1, DETAILED("403 - Forbidden") },
    { "crp-http-pool", REQUESTS, { CRP_HTTP_SYS(6000, ASKED, 503, "AppOffline") },
      "crp-http-other", 0, CRP_HTTP_SYS(6000, ASKED, 503, "App") },
    { "crp-http-worker", REQUESTS, { CRP_HTTP_SYS(6000, ASKED, 0, "Connection_Abandoned_By_ReqQueue") },
      "crp-http-other", 0, CRP_HTTP_SYS(6000, ASKED, 0, "Connection_Dropped") },
    { "crp-http-renegotiation", REQUESTS, { CRP_HTTP_SYS(6000, ASKED, 0, "Timer_SslRenegotiation") },
      "", 0, CRP_HTTP_SYS(6000, ASKED, 0, "Timer_ConnectionIdle") },
    { "crp-http-other", REQUESTS, { CRP_HTTP_SYS(6000, ASKED, 413, "EntityTooLarge") },
      "crp-413", 0, AT_CRP(6000, ASKED, 413, 1, 0) },
    { "crp-answer-not-taken", REQUESTS,
      { AT_CRP(6000, ASKED, 201, 0, 64), VERIFIED, NOTIFY_CALLED, NOTIFY_EXITED("0x0") },
      "", 0, AT_CRP(6000, ASKED, 201, 0, 0) },

    /* The policy module does not get through. */
    FLAGGED("crp-server-name", "CERT_CN_INVALID", "crp-server-untrusted", "INVALID_CA"),
    FLAGGED("crp-server-untrusted", "INVALID_CA", "crp-server-expired", "CERT_DATE_INVALID"),
    FLAGGED("crp-server-expired", "CERT_DATE_INVALID", "crp-server-revoked", "CERT_REVOKED"),
    FLAGGED("crp-server-revoked", "CERT_REVOKED", "crp-server-revocation", "CERT_REV_FAILED"),
    FLAGGED("crp-server-revocation", "CERT_REV_FAILED", "crp-server-name", "CERT_CN_INVALID"),
    FLAGGED("crp-server-tls", "SECURITY_CHANNEL_ERROR", "crp-server-name", "CERT_CN_INVALID"),
    UNSENT("crp-server-tls", "12175", "0x80072f8f", "crp-send-failed", "12178"),
    UNSENT("crp-server-name", "12038", "0x80072f06", "crp-server-untrusted", "12045"),
    UNSENT("crp-link-timeout", "12002", "0x80072ee2", "crp-link-name", "12007"),
    UNSENT("crp-link-name", "12007", "0x80072ee7", "crp-link-refused", "12029"),
    UNSENT("crp-link-refused", "12029", "0x80072efd", "crp-link-broken", "12030"),
    UNSENT("crp-link-broken", "12030", "0x80072efe", "crp-link-garbage", "12152"),
    UNSENT("crp-link-garbage", "12152", "0x80072f78", "crp-link-timeout", "12002"),
    UNSENT("crp-client-certificate-asked", "12044", "0x80072f0c", "crp-send-failed", "12043"),
    UNSENT("crp-send-failed", "12178", "0x80072f92", "crp-client-certificate-asked", "12186"),
    /* Two minutes until the time-out: that the device waited as long is no news beside it. */
    { "crp-link-timeout", NOTHING,
      { PLUGIN_SAYS(0, 1, "Calling VerifyRequest ..."),
        PLUGIN_SAYS(30000, 3, "Failed to send http request " VERIFY_PATH ". Error 12002"),
        PLUGIN_SAYS(30001, 1, "Exiting VerifyRequest with 0x80072ee2"), IIS(30500, PKI, 200, 0, 0) },
      "crp-verify-exit", 1, PLUGIN_SAYS(30000, 1, "Waited.") },

    /* It gets a page. */
    { "crp-page-no-certificate", REQUESTS, { CALLED, DETAILED("403.7 - Forbidden"), EXITED("0x80004005") },
      "crp-page-403", 1, PAGE("403 - Forbidden: Access is denied.") },
    { "crp-page-untrusted", REQUESTS, { CALLED, DETAILED("403.16 - Forbidden"), EXITED("0x80004005") },
      "crp-page-expired", 1, DETAILED("403.17 - Forbidden") },
    { "crp-page-expired", REQUESTS, { CALLED, DETAILED("403.17 - Forbidden"), EXITED("0x80004005") },
      "crp-page-untrusted", 1, DETAILED("403.16 - Forbidden") },
    { "crp-page-403", REQUESTS, { CALLED, PAGE("403 - Forbidden: Access is denied."), EXITED("0x80004005") },
      "crp-html", 1, PAGE("Server Error in '/CMCertificateRegistration' Application.") },
    { "crp-html", REQUESTS, { CALLED, PAGE("Service Unavailable"), EXITED("0x80004005") },
      "crp-verify-exit", 1, RETURNS("nothing") },

    /* The registration point says no. */
    { "crp-verify-unexplained", REQUESTS, { CALLED, RETURNS("false"), EXITED("0x0") },
      "crp-no-notify", 1, RETURNS("true") },
    { "crp-phase-1-failed", REQUESTS, { PHASE_1("False"), VERIFY_IS("False") },
      "crp-verify-unexplained", 1, CRP_SAYS(6081, 1, "Validation Phase 1 finised with status True.") },
    /* The registration point, and the policy module after it: one failure. */
    { "crp-phase-1-failed", REQUESTS,
      { PHASE_1("False"), VERIFY_IS("False"), CALLED, RETURNS("false"), EXITED("0x0") },
      "crp-verify-unexplained", 1, CRP_SAYS(6081, 1, "Validation Phase 1 finised with status True.") },
    { "crp-phase-2-failed", REQUESTS,
      { PHASE_1("True"), CRP_SAYS(6082, 1, "Validation Phase 2 started for device a and user b."),
        CRP_SAYS(6083, 1, "Validation Phase 2 finished with status False."), VERIFY_IS("False") },
      "crp-verify-unexplained", 3, CRP_SAYS(6083, 1, "Validation Phase 2 finished.") },
    { "crp-phase-3-failed", REQUESTS,
      { PHASE_1("True"), PHASE_2, PHASE_3_BEGINS, PHASE_3("False"), VERIFY_IS("False") },
      "crp-verify-unexplained", 5, PHASE_3("True") },
    OBJECTED("crp-request-key-usage", "Key usage in CSR and challenge do not match"),
    OBJECTED("crp-request-subject", "Subject Name in CSR CN=\"a, b\" and challenge CN=a, b do not match"),
    OBJECTED("crp-request-san", "Subject Alternative Name in CSR and challenge do not match"),
    OBJECTED("crp-request-purposes", "Enhanced Key Usage in CSR and challenge do not match"),
    OBJECTED("crp-request-key-size", "Key length in CSR and challenge do not match"),
    OBJECTED("crp-template-permission", "The account does not have Enroll permission for the template"),
    OBJECTED("crp-database", "System.Data.SqlClient.SqlException (0x80131904): Login failed"),
    { "crp-challenge-expired", REQUESTS,
      { CRP_SAYS(5851, 1, "Validation Phase 1 started."), CRP_SAYS(5852, 3, "The challenge has expired"),
        CRP_SAYS(6081, 1, "Validation Phase 1 finised with status False."), VERIFY_IS("False") },
      "crp-phase-1-failed", 1, CRP_SAYS(5852, 1, "The challenge has been read") },
    /* The connector's trace: an exception ends the phase without a word. */
    { "crp-challenge-signing", REQUESTS,
      { SAYS(CRP_TRACE, 5851, "7", 1, "VerifyRequest Started."),
        SAYS(CRP_TRACE, 5852, "7", 3, "Signing certificate could not be retrieved. System.Security.Cryptography."
                                      "CryptographicException: m_safeCertContext is an invalid handle."),
        SAYS(CRP_TRACE, 5853, "7", 1, "VerifyRequest Finished with status False") },
      "crp-verify-unexplained", 1, SAYS(CRP_TRACE, 5852, "7", 3, "Something else") },

    /* Calls without a good end. */
    { "crp-verify-exit", REQUESTS, { CALLED, EXITED("0x80004005") }, "crp-no-notify", 1, EXITED("0x0") },
    { "crp-verify-unfinished", NOTHING, { CALLED, PLUGIN_SAYS(40000, 1, "NDES policy module") },
      "crp-notify-missing", 1, EXITED("0x0") },
    { "crp-notify-missing", NOTHING, { VERIFIED }, "crp-verify-unexplained", 1, RETURNS("false") },
    { "crp-notify-exit", REQUESTS, { VERIFIED, NOTIFY_CALLED, NOTIFY_EXITED("0x80072ee2") },
      "", 4, NOTIFY_EXITED("0x0") },
    { "crp-notify-exit", REQUESTS,
      { VERIFIED, NOTIFY_CALLED,
        NOTIFY_SAYS(6400, 3, "Failed to send http request /CMCertificateRegistration/Certificate/Notify. Error 12002"),
        NOTIFY_EXITED("0x80072ee2") },
      "crp-notify-failed", 5, NOTIFY_EXITED("0x0") },
    { "crp-notify-unfinished", REQUESTS, { VERIFIED, NOTIFY_CALLED, NOTIFY_SAYS(6271, 1, "Sending request.") },
      "", 4, NOTIFY_EXITED("0x0") },
    { "crp-state-message", REQUESTS,
      { VERIFIED, NOTIFY_CALLED, SAYS(CRP_LOG, 6331, "237", 1, "Notify Started."),
        SAYS(CRP_LOG, 6332, "237", 1, "Beginning state message creation..."),
        SAYS(CRP_LOG, 6371, "237", 1, "Sending Success state message"),
        SAYS(CRP_LOG, 6372, "237", 1, "Notify Finished."), NOTIFY_EXITED("0x0") },
      "", 6, SAYS(CRP_LOG, 6371, "237", 1, "Successfully sent state message") },

    /* Whom to believe. */
    { "log-contradiction", REQUESTS,
      { VERIFIED, NOTIFY_CALLED, NOTIFY_EXITED("0x0"), CRP_SAYS(5851, 1, "Validation Phase 1 started."),
        VERIFY_IS("False") },
      "", 6, VERIFY_IS("True") },
};

/* --- adding and comparing --- */

static flow_log *
log_with(flow_model *model, unsigned number)
{
    if (number == CRP_HTTPERR)
        return flow_log_of(model, number, "httperr", "httperr1.log", "logs/crp/httperr1.log");
    if (number == CRP_TRACE)
        return flow_log_of(model, number, "svclog", "CertificateRegistrationPoint_2016.svclog", NULL);
    return log_of(model, number);
}

static void
add_entry(flow_model *model, const entry *entry)
{
    static uint32_t frames = FIRST_FRAME;
    bool            is_call = entry->line.step == FLOW_VERIFY_REQUEST || entry->line.step == FLOW_NOTIFY;
    flow_moment     where = { ++frames, at(entry->time).time };
    flow_log_line   line = entry->line;

    line.line = frames - FIRST_FRAME;
    if (line.text) {
        line.component = entry->log == PLUGIN ? "NDESPlugin" : "CertificateRegistrationPoint";
        line.is_utc = entry->log == PLUGIN || entry->log == CRP_TRACE;
    } else {
        line.client.address = is_call ? LOGGED_NDES : LOGGED_WAP;
        line.client.port = line.reason ? 50010 : 0;
        line.server = (flow_endpoint){ is_call ? LOGGED_CRP : LOGGED_NDES, 443 };
        line.operation = flow_operation_name(line.step);
        line.product = is_call ? "ConfigMgr" : NULL;
        line.is_post = is_call;
        line.user_agent = is_call ? "NDES_Plugin" : WINDOWS_AGENT;
        line.message = is_call || line.step == FLOW_PKI_OPERATION ? NULL : "default";
    }
    flow_log_add(log_with(model, entry->log), where, &line);
}

static void
add_before(flow_model *model, before before)
{
    static const entry discovery[] = { IIS(2000, CAPS, 200, 0, 0), IIS(2000, CERT, 200, 0, 0) };
    static const entry operation = ANSWERED;

    for (size_t i = 0; before != NOTHING && i < G_N_ELEMENTS(discovery); i++)
        add_entry(model, &discovery[i]);
    if (before == REQUESTS)
        add_entry(model, &operation);
}

static bool
is_of_logs(const char *id)
{
    const GPtrArray *catalogue = flow_knowledge_catalogue(built_in());

    for (guint i = 0; i < catalogue->len; i++) {
        const flow_entry *entry = catalogue->pdata[i];

        if (strcmp(entry->id, id) == 0)
            return g_str_has_suffix(entry->file, "/logs.conf");
    }
    return false;
}

/* The ids of the findings of all enrolments, each as often as it was found. */
static char *
ids_of(const flow_result *result)
{
    GString *ids = g_string_new(NULL);

    for (guint i = 0; i < result->enrolments->len; i++) {
        const flow_enrolment *enrolment = result->enrolments->pdata[i];

        for (guint j = 0; j < enrolment->findings->len; j++) {
            const flow_finding *finding = enrolment->findings->pdata[j];

            g_string_append_printf(ids, "%s%s", ids->len ? " " : "", finding->id);
            g_test_message("%s", finding->what);
            g_assert_true(!is_of_logs(finding->id) || !strchr(finding->what, '?')); /* a fact that is not there */
        }
    }
    return g_string_free(ids, FALSE);
}

static GHashTable *seen; /* id -> itself: what was expected, and came */

static void
assert_ids(flow_model *model, const char *expected)
{
    char  *ids = ids_of(evaluate(model, END));
    char **each = g_strsplit(expected, " ", -1);

    g_assert_cmpstr(ids, ==, expected);
    for (char **id = each; *id; id++)
        g_hash_table_add(seen, g_strdup(*id));
    g_strfreev(each);
    g_free(ids);
    flow_model_free(model);
}

/* --- the tests --- */

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const row *row = &rows[i];

        for (int is_changed = 0; is_changed < 2; is_changed++) {
            flow_model *model = new_model(NULL);

            g_test_message("row %u%s: %s", (unsigned)i + 1, is_changed ? " changed" : "", row->ids);
            add_before(model, row->before);
            for (unsigned j = 0; j < MANY && row->lines[j].log; j++)
                add_entry(model, is_changed && j == row->changed ? &row->other : &row->lines[j]);
            assert_ids(model, is_changed ? row->other_ids : row->ids);
        }
    }
}

/* The reference logs, all and one by one. */
static void
test_reference(void)
{
    for (unsigned alone = 0; alone <= CRP_LOG; alone++) {
        flow_model *model = new_model(NULL);

        g_test_message("log %u", alone);
        if (alone == 0 || alone == NDES_IIS)
            add_reference_requests(model);
        if (alone == 0 || alone == PLUGIN)
            add_reference_plugin(model);
        if (alone == 0 || alone == CRP_IIS)
            add_reference_crp_requests(model);
        if (alone == 0 || alone == CRP_LOG)
            add_reference_crp(model, 120 * MINUTES);
        assert_ids(model, "");
    }
}

/* What looks like a fault and is none, among the lines of the reference logs. */
static void
test_healthy(void)
{
    static const entry lines[] = {
        IIS(1000, FLOW_STEP_NONE, 403, 0, 0),                     /* mscep.dll without an operation */
        IIS(1000, FLOW_STEP_NONE, 401, 2, 5),                     /* mscep_admin: the legs of NTLM */
        IIS(1000, FLOW_STEP_NONE, 401, 1, 2148074254),
        IIS(1000, FLOW_STEP_NONE, 200, 0, 0),
        AT_CRP(1000, FLOW_STEP_NONE, 404, 0, 2),                  /* the registration point's root in a browser */
        HTTP_SYS(3000, FLOW_STEP_NONE, 0, "Timer_ConnectionIdle"),
        IIS(2100, CERT, 200, 0, 0),                               /* asked again */
    };

    for (size_t i = 0; i <= G_N_ELEMENTS(lines); i++) {
        flow_model *model = new_model(NULL);

        g_test_message("line %u", (unsigned)i + 1);
        add_reference_requests(model);
        add_reference_plugin(model);
        add_reference_crp_requests(model);
        add_reference_crp(model, 0);
        for (size_t j = 0; j < G_N_ELEMENTS(lines); j++) {
            if (j == i || i == G_N_ELEMENTS(lines))
                add_entry(model, &lines[j]);
        }
        assert_ids(model, "");
    }
}

/* An enrolment as packets at NDES; gives the conversation with the PKIOperation, NULL without one. */
static flow_conversation *
capture(flow_model *model, int64_t time, bool has_operation)
{
    flow_conversation *conversation = begin(model, LOGGED_WAP, LOGGED_NDES, INNER_NAME, time + 1900);

    answer(ask(conversation, time + 1960, FLOW_GET_CA_CAPS, "default", WINDOWS_AGENT), time + 1970, 200);
    answer(ask(conversation, time + 1980, FLOW_GET_CA_CERT, "default", WINDOWS_AGENT), time + 1990, 200);
    finish(conversation, time + 2000);
    if (!has_operation)
        return NULL;
    conversation = begin(model, LOGGED_WAP, LOGGED_NDES, INNER_NAME, time + 5450);
    answer_operation(ask_operation(conversation, time + 5500, NULL, PKCS_REQ, WINDOWS_AGENT), time + 6000, SUCCESS);
    finish(conversation, time + 6010);
    return conversation;
}

/* A request that its server's log does not have; the last line is about something else. */
static void
test_line_missing(void)
{
    static const entry last = IIS(20000, FLOW_STEP_NONE, 200, 0, 0), operation = ANSWERED,
                       dropped = HTTP_SYS(6000, PKI, 0, "Connection_Dropped");
    enum { MISSING, THERE, AT_HTTP_SYS, AT_AN_END, CASES };

    for (int i = 0; i < CASES; i++) {
        flow_model *model = new_model(NULL);

        g_test_message("case %d", i);
        capture(model, 0, true)->client.port = 50010;
        add_before(model, DISCOVERY);
        if (i == THERE)
            add_entry(model, &operation);
        if (i == AT_HTTP_SYS)
            add_entry(model, &dropped);
        if (i != AT_AN_END) /* else the line may come yet */
            add_entry(model, &last);
        assert_ids(model, i == MISSING ? "log-line-missing" : "");
    }
}

/* A line whose packets are not there, between others of the same server. */
static void
test_packets_missing(void)
{
    static const entry another[] = { IIS(22000, CAPS, 200, 0, 0), IIS(22000, CERT, 200, 0, 0),
                                     IIS(26000, PKI, 200, 0, 0) };

    for (int has_operation = 0; has_operation < 2; has_operation++) {
        flow_model *model = new_model(NULL);

        capture(model, 0, has_operation);
        capture(model, 20000, true);
        add_before(model, REQUESTS);
        for (size_t i = 0; i < G_N_ELEMENTS(another); i++)
            add_entry(model, &another[i]);
        assert_ids(model, has_operation ? "" : "capture-line-missing");
    }
}

/* The same request, with two statuses. */
static void
test_statuses(void)
{
    static const entry failed = IIS(6000, PKI, 500, 0, 0), good = ANSWERED;

    for (int is_good = 0; is_good < 2; is_good++) {
        flow_model *model = new_model(NULL);

        capture(model, 0, true);
        add_before(model, DISCOVERY);
        add_entry(model, is_good ? &good : &failed);
        assert_ids(model, is_good ? "" : "log-contradiction");
    }
}

/* A clock that is wrong by so much, in a log that has no time zone. */
static void
test_clocks(void)
{
    static const struct {
        int64_t     ahead;
        const char *ids;
    } cases[] = {
        { 0, "" },
        { 42000, "log-clock-skew" },
        { -42000, "log-clock-skew" },
        { 120 * MINUTES, "" },
        { 120 * MINUTES + 42000, "log-clock-skew" },
        { 3000, "" },
        /* Further from a quarter of an hour than clocks of a domain are: the log tells of an enrolment of its own. */
        { 390000, "log-zone-unsure" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model *model = new_model(NULL);

        g_test_message("%d ms", (int)cases[i].ahead);
        add_reference_requests(model);
        add_reference_plugin(model);
        add_reference_crp(model, cases[i].ahead);
        assert_ids(model, cases[i].ids);
    }
}

/* A line tells why what cannot be read was refused. */
static void
test_encrypted(void)
{
    static const entry lines[] = { IIS(6000, PKI, 404, 15, 0), HTTP_SYS(6000, PKI, 400, "FieldLength"),
                                   IIS(6000, PKI, 500, 0, 1346) };
    static const char *const ids[] = { "get-too-long-query", "get-too-long-field", "ndes-500-impersonation",
                                       "answer-too-short" };

    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        flow_model        *model = new_model("ndes=" LOGGED_NDES);
        flow_conversation *conversation = begin(model, LOGGED_WAP, LOGGED_NDES, INNER_NAME, 1900);

        turn(conversation, 1960, SMALL_REQUEST, CAPS_ANSWER, 10);
        turn(conversation, 1980, SMALL_REQUEST, CERT_ANSWER, 10);
        finish(conversation, 2000);
        conversation = begin(model, LOGGED_WAP, LOGGED_NDES, INNER_NAME, 5450);
        conversation->client.port = 50010; /* as HTTP.sys has it */
        turn(conversation, 5500, OPERATION, 300, 500);
        finish(conversation, 6010);
        add_before(model, DISCOVERY);
        if (i < G_N_ELEMENTS(lines))
            add_entry(model, &lines[i]);
        assert_ids(model, ids[i]);
    }
}

/* The same behind NDES. */
static void
test_encrypted_call(void)
{
    static const entry lines[] = { CALLED, RETURNS("false"), EXITED("0x0") };

    for (int has_log = 0; has_log < 2; has_log++) {
        flow_model    *model = new_model(NULL);
        flow_exchange *operation = operation_at_ndes(model, 5500, "A1", 800);

        operation->pki_status = FAILURE;
        operation->fail_info = 2;
        finish(operation->conversation, 6310);
        verify_turn(begin(model, NDES, CRP, CRP_NAME, 5770), 5790, 400);
        for (size_t i = 0; has_log && i < G_N_ELEMENTS(lines); i++)
            add_entry(model, &lines[i]);
        assert_ids(model, has_log ? "crp-verify-unexplained" : "crp-answer-no");
    }
}

/* No entry of logs.conf is without a test. */
static void
test_each(void)
{
    const GPtrArray *catalogue = flow_knowledge_catalogue(built_in());

    for (guint i = 0; i < catalogue->len; i++) {
        const flow_entry *entry = catalogue->pdata[i];

        g_test_message("%s", entry->id);
        g_assert_true(!is_of_logs(entry->id) || g_hash_table_contains(seen, entry->id));
    }
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_test_add_func("/log-findings/rows", test_rows);
    g_test_add_func("/log-findings/reference", test_reference);
    g_test_add_func("/log-findings/healthy", test_healthy);
    g_test_add_func("/log-findings/line-missing", test_line_missing);
    g_test_add_func("/log-findings/packets-missing", test_packets_missing);
    g_test_add_func("/log-findings/statuses", test_statuses);
    g_test_add_func("/log-findings/clocks", test_clocks);
    g_test_add_func("/log-findings/encrypted", test_encrypted);
    g_test_add_func("/log-findings/encrypted-call", test_encrypted_call);
    g_test_add_func("/log-findings/each", test_each);
    result = g_test_run();
    g_hash_table_unref(seen);
    return result;
}
