/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scep-responder: a SCEP server for recordings (RFC 8894 section 4), which keeps every message it saw as the truth. */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "service.h"
#include "truth.h"

static struct {
    char *address;
    int port;
    char *base_path;
    char *ca_cert, *ca_key;
    char *ra_cert, *ra_key;
    char *ra_signing_cert, *ra_signing_key;
    char *next_ca_cert;
    char *log_directory;
    char *style;
    char *capabilities;
    gboolean close;
    gboolean chunked;
    gboolean gzip;
} options = { .address = "127.0.0.1", .port = 8080, .style = "rfc" };

/* Guards the service, the truth and the log: connections have a thread each. */
static GMutex lock;
static struct service service = { .lock = &lock, .pending = -1 };

static const GOptionEntry option_entries[] = {
    { "address", 0, 0, G_OPTION_ARG_STRING, &options.address, "Listen on this address (127.0.0.1)", "ADDRESS" },
    { "port", 0, 0, G_OPTION_ARG_INT, &options.port, "Listen on this port (8080), 0 for any", "PORT" },
    { "base-path", 0, 0, G_OPTION_ARG_STRING, &options.base_path, "The URL's path (/scep, or NDES's)", "PATH" },
    { "ca-cert", 0, 0, G_OPTION_ARG_FILENAME, &options.ca_cert, "The CA's certificate", "FILE" },
    { "ca-key", 0, 0, G_OPTION_ARG_FILENAME, &options.ca_key, "The CA's key", "FILE" },
    { "ra-cert", 0, 0, G_OPTION_ARG_FILENAME, &options.ra_cert, "The RA's (encryption) certificate", "FILE" },
    { "ra-key", 0, 0, G_OPTION_ARG_FILENAME, &options.ra_key, "The RA's (encryption) key", "FILE" },
    { "ra-signing-cert", 0, 0, G_OPTION_ARG_FILENAME, &options.ra_signing_cert, "The RA's signing certificate", "FILE" },
    { "ra-signing-key", 0, 0, G_OPTION_ARG_FILENAME, &options.ra_signing_key, "The RA's signing key", "FILE" },
    { "next-ca-cert", 0, 0, G_OPTION_ARG_FILENAME, &options.next_ca_cert, "The CA's next certificate", "FILE" },
    { "log-dir", 0, 0, G_OPTION_ARG_FILENAME, &options.log_directory, "Keep messages, exchanges.json and logs/ here", "DIR" },
    { "style", 0, 0, G_OPTION_ARG_STRING, &options.style, "Answer as the RFC says or as NDES does", "rfc|ndes" },
    { "caps", 0, 0, G_OPTION_ARG_STRING, &options.capabilities, "The GetCACaps keywords", "A,B,…" },
    { "challenge", 0, 0, G_OPTION_ARG_STRING, &service.challenge, "The one good challenge password", "TEXT" },
    { "pending", 0, 0, G_OPTION_ARG_INT, &service.pending, "PENDING at first and for N polls", "N" },
    { "fail-info", 0, 0, G_OPTION_ARG_STRING, &service.fail_info, "Fail every enrolment with this failInfo", "N" },
    { "digest", 0, 0, G_OPTION_ARG_STRING, &service.digest, "The answers' digest: MD5, SHA1, SHA256, SHA512", "NAME" },
    { "cipher", 0, 0, G_OPTION_ARG_STRING, &service.cipher, "The answers' cipher, as OpenSSL names it", "NAME" },
    { "key-transport", 0, 0, G_OPTION_ARG_STRING, &service.key_transport, "The answers' key transport", "pkcs1|oaep" },
    { "verify-exec", 0, 0, G_OPTION_ARG_FILENAME, &service.verify_command,
      "Ask this program before issuing (SCEP_TRANSACTION_ID, SCEP_CHALLENGE, SCEP_PKCS10)", "FILE" },
    { "issue-exec", 0, 0, G_OPTION_ARG_FILENAME, &service.issue_command,
      "Ask this program next, as the CA (as above); it may print the certificate as PEM", "FILE" },
    { "notify-exec", 0, 0, G_OPTION_ARG_FILENAME, &service.notify_command,
      "Tell this program what came of it (as above, SCEP_CERTIFICATE: empty when none)", "FILE" },
    { "close", 0, 0, G_OPTION_ARG_NONE, &options.close, "Close after each response", NULL },
    { "chunked", 0, 0, G_OPTION_ARG_NONE, &options.chunked, "Send bodies chunked", NULL },
    { "gzip", 0, 0, G_OPTION_ARG_NONE, &options.gzip, "Compress for clients that accept it", NULL },
    G_OPTION_ENTRY_NULL
};

static truth *records;
static FILE *log_file;

/* A response in the making; owns its body. */
struct response {
    int status;
    const char *type;
    GBytes *body;
};

/* --- the operations --- */

static void respond(struct response *response, int status, const char *type, GBytes *body)
{
    *response = (struct response){ status, type, body };
}

static void respond_text(struct response *response, int status, const char *text)
{
    respond(response, status, "text/plain", g_bytes_new(text, strlen(text)));
}

static void get_ca_caps(struct response *response)
{
    const char *list = options.capabilities ? options.capabilities
                     : service.ndes         ? "POSTPKIOperation,Renewal,SHA-512,SHA-256,SHA-1,DES3"
                     : service.authority.next_ca.certificate
                         ? "AES,DES3,GetNextCACert,POSTPKIOperation,Renewal,SCEPStandard,SHA-1,SHA-256,SHA-512"
                         : "AES,DES3,POSTPKIOperation,Renewal,SCEPStandard,SHA-1,SHA-256,SHA-512";
    GString *lines = g_string_new(list);

    g_string_replace(lines, ",", "\n", 0);
    if (lines->len > 0)
        g_string_append_c(lines, '\n');
    respond(response, 200, service.ndes ? NULL : "text/plain", g_string_free_to_bytes(lines));
}

static void get_ca_cert(struct response *response)
{
    gboolean ra;
    GBytes *body = authority_ca_certificates(&service.authority, &ra);

    respond(response, 200, ra ? "application/x-x509-ca-ra-cert" : "application/x-x509-ca-cert", body);
}

static void get_next_ca_cert(struct response *response)
{
    GBytes *body = service.authority.next_ca.certificate ? authority_next_ca(&service.authority, NULL) : NULL;

    if (body)
        respond(response, 200, "application/x-x509-next-ca-cert", body);
    else
        respond_text(response, 404, "no next CA\n");
}

static void pki_operation(GBytes *message, GString *log, struct response *response)
{
    g_autoptr(GError) error = NULL;
    GBytes *reply = service_answer(&service, message, log, &error);

    if (reply) {
        respond(response, 200, "application/x-pki-message", reply);
    } else {
        g_string_append_printf(log, " error=%s", error->message);
        respond_text(response, 400, "not a pkiMessage\n");
    }
}

/* Whether TARGET's path is the server's, as IIS compares it, with or without the old programs' names after it. */
static gboolean path_matches(const char *target)
{
    static const char *const endings[] = { "", "/", "/pkiclient.exe", "/pkiclient.exe/" };
    const char *authority = strstr(target, "://");
    const char *path = authority ? strchr(authority + 3, '/') : target;
    g_autofree char *plain = g_strndup(path ? path : "/", path ? strcspn(path, "?") : 1);

    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *served = g_strconcat(options.base_path, endings[i], NULL);

        if (g_ascii_strcasecmp(plain, served) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Fills RESPONSE and, for the truth, what EXCHANGE tells of the request. */
static void handle(http_request *request, const char *operation, const char *message, GString *log,
                   struct exchange *exchange, struct response *response)
{
    gboolean post = g_str_equal(request->method, "POST");
    gboolean pki = g_strcmp0(operation, "PKIOperation") == 0;

    if (pki && post)
        exchange->request = g_bytes_ref(request->body);
    else if (pki)
        exchange->request = message ? http_decode_base64(message) : NULL;
    else
        exchange->message = message;

    if (!post && !g_str_equal(request->method, "GET"))
        respond_text(response, 405, "GET or POST\n");
    else if (!path_matches(request->target))
        respond_text(response, 404, "not here\n");
    else if (g_strcmp0(operation, "GetCACaps") == 0)
        get_ca_caps(response);
    else if (g_strcmp0(operation, "GetCACert") == 0)
        get_ca_cert(response);
    else if (g_strcmp0(operation, "GetNextCACert") == 0)
        get_next_ca_cert(response);
    else if (pki && exchange->request)
        pki_operation(exchange->request, log, response);
    else
        respond_text(response, service.ndes ? 403 : 400, "no SCEP operation\n");
}

/* --- connections --- */

static void record(const struct exchange *exchange, const char *peer, const char *details)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
    g_autofree char *operation = g_strescape(exchange->operation ? exchange->operation : "-", NULL);
    g_autofree char *method = g_strescape(exchange->method, NULL);
    g_autoptr(GError) error = NULL;

    if (!records)
        return;
    if (truth_add(records, exchange, &error) == 0)
        g_printerr("scep-responder: %s\n", error->message);
    fprintf(log_file, "%s %s %s %s %d%s\n", stamp, peer, method, operation, exchange->status, details);
    fflush(log_file);
}

/* Answers one request into OUT; returns whether the connection stays open. */
static gboolean answer(http_request *request, const char *peer, GByteArray *out)
{
    const char *accepted = g_hash_table_lookup(request->headers, "accept-encoding");
    g_autofree char *operation = http_parameter(request->target, "operation");
    g_autofree char *message = http_parameter(request->target, "message");
    g_autoptr(GString) details = g_string_new(NULL);
    gboolean keep = request->keep_alive && !options.close;
    enum http_framing framing = (keep ? 0 : HTTP_CLOSE) | (options.chunked ? HTTP_CHUNKED : 0)
                              | (options.gzip && accepted && strstr(accepted, "gzip") ? HTTP_GZIP : 0);
    struct exchange exchange = { .operation = operation, .method = request->method };
    struct response response;

    g_mutex_lock(&lock);
    handle(request, operation, message, details, &exchange, &response);
    exchange.status = response.status;
    exchange.response = response.body;
    exchange.response_type = response.type;
    record(&exchange, peer, details->str);
    g_mutex_unlock(&lock);

    http_write_response(out, response.status, response.type, response.body,
                        service.ndes ? "Server: Microsoft-IIS/10.0\r\nX-Powered-By: ASP.NET\r\n" : NULL, framing);
    g_bytes_unref(response.body);
    g_clear_pointer(&exchange.request, g_bytes_unref);
    return keep;
}

static gboolean serve_connection(GThreadedSocketService *listener G_GNUC_UNUSED, GSocketConnection *connection,
                                 GObject *source G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
    GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    g_autoptr(GSocketAddress) address = g_socket_connection_get_remote_address(connection, NULL);
    g_autofree char *peer = address ? g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address)) : g_strdup("-");
    g_autoptr(GByteArray) buffer = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    gboolean open = TRUE;

    /* A client that says nothing may not hold its thread for ever. */
    g_socket_set_timeout(g_socket_connection_get_socket(connection), 60);
    while (open) {
        g_autoptr(http_request) request = http_read_request(input, output, buffer, &error);
        g_autoptr(GByteArray) out = g_byte_array_new();

        if (request)
            open = answer(request, peer, out);
        else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
            http_write_response(out, 400, NULL, NULL, NULL, HTTP_CLOSE);
        open = g_output_stream_write_all(output, out->data, out->len, NULL, NULL, NULL) && open && request;
    }
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    return TRUE;
}

/* --- starting --- */

static gboolean load(struct identity *identity, const char *certificate, const char *key, GError **error)
{
    if (!certificate || !key) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "a certificate and its key go together");
        return FALSE;
    }
    identity->certificate = load_certificate(certificate, error);
    identity->key = identity->certificate ? load_key(key, error) : NULL;
    return identity->key != NULL;
}

/* Loads the files; without RA the CA's identity serves, without a signing RA the one RA does both. */
static gboolean load_identities(struct authority *authority, GError **error)
{
    if (!load(&authority->ca, options.ca_cert, options.ca_key, error))
        return FALSE;
    authority->recipient = authority->ca;
    if (options.ra_cert && !load(&authority->recipient, options.ra_cert, options.ra_key, error))
        return FALSE;
    authority->signer = authority->recipient;
    if (options.ra_signing_cert && !load(&authority->signer, options.ra_signing_cert, options.ra_signing_key, error))
        return FALSE;
    if (options.next_ca_cert)
        authority->next_ca.certificate = load_certificate(options.next_ca_cert, error);
    return !options.next_ca_cert || authority->next_ca.certificate;
}

static gboolean set_up(GError **error)
{
    if (!scep_enable_legacy_ciphers())
        g_printerr("scep-responder: OpenSSL's legacy provider is missing: no single DES\n");
    service_init(&service);
    service.ndes = g_str_equal(options.style, "ndes");
    if (service.ndes) {
        service.digest = service.digest ? service.digest : "SHA1";
        service.cipher = service.cipher ? service.cipher : "AES-128-CBC";
        service.key_transport = service.key_transport ? service.key_transport : "oaep";
    }
    if (!options.base_path)
        options.base_path = service.ndes ? "/certsrv/mscep/mscep.dll" : "/scep";
    if (!load_identities(&service.authority, error))
        return FALSE;
    if (options.log_directory) {
        g_autofree char *logs = g_build_filename(options.log_directory, "logs", NULL);
        g_autofree char *file = g_build_filename(logs, "responder.log", NULL);

        records = truth_open(options.log_directory, error);
        if (!records)
            return FALSE;
        log_file = g_mkdir_with_parents(logs, 0755) == 0 ? fopen(file, "w") : NULL;
        if (!log_file) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: not writable", file);
            return FALSE;
        }
    }
    return TRUE;
}

static GSocketService *start_listening(GError **error)
{
    g_autoptr(GSocketService) listener = g_threaded_socket_service_new(64);
    g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new_from_string(options.address, (guint)options.port);
    g_autoptr(GSocketAddress) address = NULL;

    if (!wanted) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s is no IP address", options.address);
        return NULL;
    }
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(listener), wanted, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                       NULL, &address, error))
        return NULL;
    g_signal_connect(listener, "run", G_CALLBACK(serve_connection), NULL);
    g_socket_service_start(listener);
    g_print("scep-responder: http://%s:%u%s\n", options.address,
            g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address)), options.base_path);
    return g_steal_pointer(&listener);
}

static gboolean quit(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- a SCEP server for recordings");
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketService) listener = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    g_option_context_add_main_entries(context, option_entries, NULL);
    if (g_option_context_parse(context, &argc, &argv, &error) && set_up(&error))
        listener = start_listening(&error);
    if (!listener) {
        g_printerr("scep-responder: %s\n", error->message);
        return 2;
    }
    g_unix_signal_add(SIGINT, quit, loop);
    g_unix_signal_add(SIGTERM, quit, loop);
    g_main_loop_run(loop);
    return 0;
}
