/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the numbers and words in logs mean: winerror.h and winhttp.h (published constants), "Error logging in HTTP APIs"
 * (Microsoft, KB820729), "WINHTTP_STATUS_CALLBACK" of the WinHTTP reference, TraceEventType of .NET.
 */
#include "names.h"

#include <string.h>

#include <glib.h>

#include "../scep/names.h"

const value_string log_message_types[] = {
    { 1, "Information" },
    { 2, "Warning" },
    { 3, "Error" },
    { 0, NULL },
};

const value_string log_trace_types[] = {
    { 1, "Critical" },
    { 2, "Error" },
    { 4, "Warning" },
    { 8, "Information" },
    { 16, "Verbose" },
    { 255, "Activity" }, /* start, stop, suspend, resume and transfer have larger numbers, which are cut to an octet */
    { 0, NULL },
};

/* What IIS writes as sc-win32-status, and WinHTTP's errors, with which NDES's policy module fails. */
static const value_string win32_codes[] = {
    { 0, "ERROR_SUCCESS, no error" },
    { 1, "ERROR_INVALID_FUNCTION, invalid function" },
    { 2, "ERROR_FILE_NOT_FOUND, file not found" },
    { 3, "ERROR_PATH_NOT_FOUND, path not found" },
    { 5, "ERROR_ACCESS_DENIED, access denied" },
    { 6, "ERROR_INVALID_HANDLE, invalid handle" },
    { 8, "ERROR_NOT_ENOUGH_MEMORY, not enough memory" },
    { 13, "ERROR_INVALID_DATA, invalid data" },
    { 14, "ERROR_OUTOFMEMORY, out of memory" },
    { 32, "ERROR_SHARING_VIOLATION, file in use" },
    { 38, "ERROR_HANDLE_EOF, end of the input reached" },
    { 50, "ERROR_NOT_SUPPORTED, not supported" },
    { 53, "ERROR_BAD_NETPATH, network path not found" },
    { 59, "ERROR_UNEXP_NET_ERR, unexpected network error" },
    { 64, "ERROR_NETNAME_DELETED, the client was gone" },
    { 87, "ERROR_INVALID_PARAMETER, invalid parameter" },
    { 121, "ERROR_SEM_TIMEOUT, time-out of the connection" },
    { 122, "ERROR_INSUFFICIENT_BUFFER, buffer too small" },
    { 126, "ERROR_MOD_NOT_FOUND, module not found" },
    { 127, "ERROR_PROC_NOT_FOUND, procedure not found" },
    { 193, "ERROR_BAD_EXE_FORMAT, not a program for this machine" },
    { 234, "ERROR_MORE_DATA, more data is available" },
    { 258, "WAIT_TIMEOUT, time-out of a wait" },
    { 995, "ERROR_OPERATION_ABORTED, input or output aborted" },
    { 997, "ERROR_IO_PENDING, still under way" },
    { 1168, "ERROR_NOT_FOUND, element not found" },
    { 1225, "ERROR_CONNECTION_REFUSED, connection refused" },
    { 1229, "ERROR_CONNECTION_INVALID, no such connection" },
    { 1231, "ERROR_NETWORK_UNREACHABLE, network not reachable" },
    { 1236, "ERROR_CONNECTION_ABORTED, connection aborted" },
    { 1314, "ERROR_PRIVILEGE_NOT_HELD, the account lacks a privilege" },
    { 1326, "ERROR_LOGON_FAILURE, user name or password wrong" },
    { 1327, "ERROR_ACCOUNT_RESTRICTION, account restricted" },
    { 1330, "ERROR_PASSWORD_EXPIRED, password expired" },
    { 1331, "ERROR_ACCOUNT_DISABLED, account disabled" },
    { 1346, "ERROR_BAD_IMPERSONATION_LEVEL, bad impersonation level" },
    { 1355, "ERROR_NO_SUCH_DOMAIN, domain unknown or unreachable" },
    { 1359, "ERROR_INTERNAL_ERROR, internal error" },
    { 1385, "ERROR_LOGON_TYPE_NOT_GRANTED, this kind of logon is not granted" },
    { 1460, "ERROR_TIMEOUT, time-out" },
    { 1722, "RPC_S_SERVER_UNAVAILABLE, RPC server unavailable" },
    { 1726, "RPC_S_CALL_FAILED, RPC call failed" },
    { 1791, "RPC_S_CALL_IN_PROGRESS, RPC call still under way" },
    { 1907, "ERROR_PASSWORD_MUST_CHANGE, password must be changed" },
    { 1909, "ERROR_ACCOUNT_LOCKED_OUT, account locked out" },
    { 10053, "WSAECONNABORTED, connection aborted on this machine" },
    { 10054, "WSAECONNRESET, connection reset by the peer" },
    { 10060, "WSAETIMEDOUT, time-out of the connection" },
    { 10061, "WSAECONNREFUSED, connection refused" },
    { 12001, "ERROR_WINHTTP_OUT_OF_HANDLES, no more handles" },
    { 12002, "ERROR_WINHTTP_TIMEOUT, time-out" },
    { 12004, "ERROR_WINHTTP_INTERNAL_ERROR, internal error" },
    { 12005, "ERROR_WINHTTP_INVALID_URL, URL not valid" },
    { 12006, "ERROR_WINHTTP_UNRECOGNIZED_SCHEME, neither http nor https" },
    { 12007, "ERROR_WINHTTP_NAME_NOT_RESOLVED, name not resolved" },
    { 12009, "ERROR_WINHTTP_INVALID_OPTION, invalid option" },
    { 12011, "ERROR_WINHTTP_OPTION_NOT_SETTABLE, option cannot be set" },
    { 12012, "ERROR_WINHTTP_SHUTDOWN, WinHTTP is being shut down" },
    { 12015, "ERROR_WINHTTP_LOGIN_FAILURE, login failed" },
    { 12017, "ERROR_WINHTTP_OPERATION_CANCELLED, cancelled" },
    { 12018, "ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, wrong type of handle" },
    { 12019, "ERROR_WINHTTP_INCORRECT_HANDLE_STATE, handle in the wrong state" },
    { 12029, "ERROR_WINHTTP_CANNOT_CONNECT, cannot connect" },
    { 12030, "ERROR_WINHTTP_CONNECTION_ERROR, connection ended" },
    { 12032, "ERROR_WINHTTP_RESEND_REQUEST, the request must be sent again" },
    { 12037, "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID, server's certificate not within its validity" },
    { 12038, "ERROR_WINHTTP_SECURE_CERT_CN_INVALID, server's certificate is for another name" },
    { 12044, "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED, the server demands a client certificate" },
    { 12045, "ERROR_WINHTTP_SECURE_INVALID_CA, root of the server's certificate not trusted" },
    { 12057, "ERROR_WINHTTP_SECURE_CERT_REV_FAILED, revocation cannot be checked" },
    { 12100, "ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN, not before Open" },
    { 12101, "ERROR_WINHTTP_CANNOT_CALL_BEFORE_SEND, not before Send" },
    { 12102, "ERROR_WINHTTP_CANNOT_CALL_AFTER_SEND, not after Send" },
    { 12103, "ERROR_WINHTTP_CANNOT_CALL_AFTER_OPEN, not after Open" },
    { 12150, "ERROR_WINHTTP_HEADER_NOT_FOUND, header not found" },
    { 12152, "ERROR_WINHTTP_INVALID_SERVER_RESPONSE, the server's answer is no HTTP" },
    { 12154, "ERROR_WINHTTP_INVALID_QUERY_REQUEST, invalid query" },
    { 12155, "ERROR_WINHTTP_HEADER_ALREADY_EXISTS, header already there" },
    { 12156, "ERROR_WINHTTP_REDIRECT_FAILED, redirection failed" },
    { 12157, "ERROR_WINHTTP_SECURE_CHANNEL_ERROR, TLS failed" },
    { 12166, "ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT, error in the proxy script" },
    { 12167, "ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, proxy script cannot be fetched" },
    { 12169, "ERROR_WINHTTP_SECURE_INVALID_CERT, server's certificate not valid" },
    { 12170, "ERROR_WINHTTP_SECURE_CERT_REVOKED, server's certificate revoked" },
    { 12172, "ERROR_WINHTTP_NOT_INITIALIZED, not initialised" },
    { 12175, "ERROR_WINHTTP_SECURE_FAILURE, TLS failure" },
    { 12176, "ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE, proxy script of an unknown type" },
    { 12177, "ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR, error while the proxy script ran" },
    { 12178, "ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR, proxy not found" },
    { 12179, "ERROR_WINHTTP_SECURE_CERT_WRONG_USAGE, server's certificate not valid for this usage" },
    { 12180, "ERROR_WINHTTP_AUTODETECTION_FAILED, proxy script not found" },
    { 12181, "ERROR_WINHTTP_HEADER_COUNT_EXCEEDED, too many headers in the answer" },
    { 12182, "ERROR_WINHTTP_HEADER_SIZE_OVERFLOW, headers of the answer too large" },
    { 12183, "ERROR_WINHTTP_CHUNKED_ENCODING_HEADER_SIZE_OVERFLOW, chunk of the answer too large" },
    { 12184, "ERROR_WINHTTP_RESPONSE_DRAIN_OVERFLOW, answer too large" },
    { 12185, "ERROR_WINHTTP_CLIENT_CERT_NO_PRIVATE_KEY, client certificate without a private key" },
    { 12186, "ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY, no access to the private key of the client certificate" },
    { 0, NULL },
};

/* HRESULT_FROM_WIN32: an HRESULT of facility 7 is a Win32 code in its lower half. */
#define FROM_WIN32      0x80070000u
#define FROM_WIN32_MASK 0xffff0000u

const char *
log_code_name(uint32_t code)
{
    const char *name = try_val_to_str(code, win32_codes);

    if (!name)
        name = try_val_to_str(code, scep_hresults);
    return name || (code & FROM_WIN32_MASK) != FROM_WIN32 ? name : try_val_to_str(code & ~FROM_WIN32_MASK, win32_codes);
}

const value_string *
log_code_names(void)
{
    static value_string *all;
    size_t               count = G_N_ELEMENTS(win32_codes) - 1;

    if (all)
        return all;
    all = g_memdup2(win32_codes, sizeof win32_codes);
    for (const value_string *name = scep_hresults; name->strptr; name++) {
        /* Zero is both. */
        if (name->value == 0)
            continue;
        all = g_renew(value_string, all, count + 2);
        all[count++] = *name;
        all[count] = (value_string){ 0, NULL };
    }
    return all;
}

static const struct {
    const char *reason, *meaning;
} reasons[] = {
    { "AppOffline", "the application pool was switched off because its process kept failing" },
    { "AppPoolTimer", "the application pool's process is too busy" },
    { "AppShutdown", "the application pool was shut down as its administrator set it" },
    { "BadRequest", "the request cannot be parsed" },
    { "Client_Reset", "the client closed the connection before the request was taken up" },
    { "Connection_Abandoned_By_AppPool", "the application pool's process ended with the request unanswered" },
    { "Connection_Abandoned_By_ReqQueue", "the application pool's process ended with the request unanswered" },
    { "Connection_Dropped", "the connection was closed before the answer was sent whole" },
    { "Connection_Dropped_List_Full", "the list of dropped connections is full" },
    { "ConnLimit", "the site has as many connections as it may have" },
    { "Connections_Refused", "the kernel's memory is short: no new connections" },
    { "Disabled", "an administrator has switched the application off" },
    { "EntityTooLarge", "the body is larger than permitted" },
    { "FieldLength", "a header field is too long" },
    { "Forbidden", "the request has something in it that is forbidden" },
    { "Header", "a header cannot be parsed" },
    { "Hostname", "the host name cannot be parsed" },
    { "Internal", "an internal error" },
    { "Invalid_CR/LF", "a carriage return or line feed stands where none may" },
    { "LengthRequired", "the length of the body is missing" },
    { "N/A", "an internal error, memory or reservations of URLs for instance: the service is not available" },
    { "N/I", "not implemented, or an unknown transfer encoding" },
    { "Number", "a number cannot be parsed" },
    { "Precondition", "a precondition is missing" },
    { "QueueFull", "the application pool's queue is full" },
    { "RequestLength", "the request is too long" },
    { "Timer_AppPool", "nobody took the request out of the application pool's queue in time" },
    { "Timer_ConnectionIdle", "the connection was idle: the usual end of keep-alive" },
    { "Timer_EntityBody", "the body did not arrive in time" },
    { "Timer_HeaderWait", "the headers did not arrive in time" },
    { "Timer_MinBytesPerSecond", "the client takes the answer too slowly" },
    { "Timer_ReqQueue", "nobody took the request out of the application pool's queue in time" },
    { "Timer_Response", "the answer was not ready in time" },
    { "Timer_SslRenegotiation", "the TLS renegotiation, in which a client certificate is asked for, took too long" },
    { "URL", "the URL cannot be parsed" },
    { "URL_Length", "the URL is too long" },
    { "Verb", "the method cannot be parsed" },
    { "Version_N/S", "this version of HTTP is not supported" },
};

const char *
log_reason_meaning(const char *reason)
{
    for (size_t i = 0; reason && i < G_N_ELEMENTS(reasons); i++) {
        if (g_ascii_strcasecmp(reason, reasons[i].reason) == 0)
            return reasons[i].meaning;
    }
    return NULL;
}

static const struct {
    const char *flag, *meaning;
} flags[] = {
    { LOG_WINHTTP_FLAG "CERT_REV_FAILED", "it cannot be checked whether the server's certificate was revoked" },
    { LOG_WINHTTP_FLAG "INVALID_CERT", "the server's certificate is not valid" },
    { LOG_WINHTTP_FLAG "CERT_REVOKED", "the server's certificate was revoked" },
    { LOG_WINHTTP_FLAG "INVALID_CA", "the server's certificate comes from a CA that is not trusted" },
    { LOG_WINHTTP_FLAG "CERT_CN_INVALID", "the server's certificate is for another name" },
    { LOG_WINHTTP_FLAG "CERT_DATE_INVALID", "the server's certificate is not within its validity" },
    { LOG_WINHTTP_FLAG "CERT_WRONG_USAGE", "the server's certificate is not valid for this usage" },
    { LOG_WINHTTP_FLAG "SECURITY_CHANNEL_ERROR", "the TLS library failed" },
};

const char *
log_flag_meaning(const char *flag, size_t length)
{
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (length == strlen(flags[i].flag) && memcmp(flag, flags[i].flag, length) == 0)
            return flags[i].meaning;
    }
    return NULL;
}
