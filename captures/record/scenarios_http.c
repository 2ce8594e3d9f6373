/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The made samples whose point is in how HTTP and TCP carry SCEP (RFC 8894 section 4). */
#include <string.h>

#include "scenarios.h"

/* A whole enrolment's messages, for scenarios that look at something else. */
struct enrolment {
    GBytes *request, *reply;
};

static struct enrolment enrol(struct sample *s, const struct device *device, const char *transaction_id)
{
    struct scep_message request = sample_request(s, device, "19", transaction_id, NULL);
    struct scep_message reply = sample_reply(s, &request, "0", sample_issue(s, device));

    return (struct enrolment){ sample_build(s, &request), sample_build(s, &reply) };
}

static void append(GByteArray *out, GBytes *bytes)
{
    g_byte_array_append(out, g_bytes_get_data(bytes, NULL), (guint)g_bytes_get_size(bytes));
}

/* An enrolment by GET on a connection of its own; BEFORE and AFTER are the query around the encoded message. */
static void get_encoded(struct sample *s, const char *transaction_id, const char *before, const char *escaped,
                        const char *line_end, const char *after)
{
    struct enrolment e = enrol(s, &s->device, transaction_id);
    g_autofree char *message = encode_message(e.request, escaped, line_end);
    g_autofree char *query = g_strconcat(before, message, after, NULL);
    connection *c = sample_connect(s);

    sample_pki_get(s, c, query, e.request, e.reply);
    connection_close(c, CLIENT);
}

/* The same with the URL and file name safe alphabet (RFC 4648 section 5). */
static void get_base64url(struct sample *s, const char *transaction_id)
{
    struct enrolment e = enrol(s, &s->device, transaction_id);
    g_autofree char *message = encode_message(e.request, "=", NULL);
    g_autofree char *query = NULL;
    connection *c = sample_connect(s);

    g_strdelimit(message, "+", '-');
    g_strdelimit(message, "/", '_');
    query = g_strconcat("operation=PKIOperation&message=", message, NULL);
    sample_pki_get(s, c, query, e.request, e.reply);
    connection_close(c, CLIENT);
}

/* The same without padding; the transactionID grows until there would be some. */
static void get_unpadded(struct sample *s)
{
    g_autoptr(GString) transaction_id = g_string_new("no-padding");
    struct enrolment e = enrol(s, &s->device, transaction_id->str);
    g_autofree char *message = NULL;
    g_autofree char *query = NULL;
    connection *c = sample_connect(s);

    while (g_bytes_get_size(e.request) % 3 == 0) {
        struct scep_message request = sample_request(s, &s->device, "19", g_string_append_c(transaction_id, '-')->str, NULL);
        struct scep_message reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));

        e = (struct enrolment){ sample_build(s, &request), sample_build(s, &reply) };
    }
    message = encode_message(e.request, "+/", NULL);
    message[strcspn(message, "=")] = '\0';
    query = g_strconcat("operation=PKIOperation&message=", message, NULL);
    sample_pki_get(s, c, query, e.request, e.reply);
    connection_close(c, CLIENT);
}

void play_get_encodings(struct sample *s)
{
    const char *usual = "operation=PKIOperation&message=";

    s->ndes = TRUE;
    get_encoded(s, "raw-plus", usual, "=", NULL, "");
    get_encoded(s, "all-escaped", usual, "+/=", NULL, "");
    get_encoded(s, "lines-lf", usual, "+", "%0A", "");
    get_encoded(s, "lines-crlf", usual, "+/=", "%0D%0A", "%0D%0A");
    get_base64url(s, "base64url");
    get_unpadded(s);
    get_encoded(s, "message-first", "message=", "+/=", NULL, "&operation=PKIOperation");
    s->path = "/CertSrv/mscep/MSCEP.dll/";
    get_encoded(s, "mixed-case-path", usual, "+/=", NULL, "");
    s->path = "/certsrv/mscep/mscep.dll";
    s->host = NULL;
    get_encoded(s, "no-host", usual, "+", "%0A", "");
}

void play_pipelined(struct sample *s)
{
    const guint16 jumbo_mss = 8960;
    gboolean ra;
    GBytes *certificates = sample_own(s, authority_ca_certificates(&s->authority, &ra));
    GBytes *capabilities = sample_own(s, g_bytes_new(s->capabilities, strlen(s->capabilities)));
    struct enrolment e = enrol(s, &s->device, "pipelined");
    const struct exchange exchanges[] = {
        { "GetCACaps", "GET", "MDM", 200, NULL, capabilities, "text/plain" },
        { "GetCACert", "GET", "MDM", 200, NULL, certificates, "application/x-x509-ca-ra-cert" },
        { "GetCACaps", "GET", "default", 200, NULL, capabilities, "text/plain" },
        { "PKIOperation", "POST", NULL, 200, e.request, e.reply, "application/x-pki-message" },
    };
    g_autoptr(GByteArray) requests = g_byte_array_new();
    g_autoptr(GByteArray) responses = g_byte_array_new();
    connection *c = wire_connect(s->wire, s->client, s->next_port++, s->server, 80, jumbo_mss);

    for (guint i = 0; i < G_N_ELEMENTS(exchanges); i++) {
        const struct exchange *exchange = &exchanges[i];
        g_autofree char *query = exchange->message
            ? g_strdup_printf("operation=%s&message=%s", exchange->operation, exchange->message)
            : g_strdup_printf("operation=%s", exchange->operation);

        append(requests, sample_http_request(s, query, exchange->request));
        append(responses, sample_http_response(s, exchange));
        sample_record(s, exchange);
    }
    connection_send(c, CLIENT, requests->data, requests->len);
    wire_wait(s->wire, 500);
    connection_send(c, SERVER, responses->data, responses->len);
    connection_close(c, CLIENT);
}

void play_many_segments(struct sample *s)
{
    const guint names = 820, late_segment = 10;
    g_autoptr(GString) alt_names = g_string_new(NULL);
    struct device device = s->device;
    struct scep_message request, reply;
    struct exchange exchange = { .operation = "PKIOperation", .method = "POST", .status = 200,
                                 .response_type = "application/x-pki-message" };
    GBytes *http_request, *http_response;
    connection *c = sample_connect(s);

    for (guint i = 1; i <= names; i++)
        g_string_append_printf(alt_names, "%sDNS:host-%04u.workstations.contoso.com", i > 1 ? "," : "", i);
    device.alt_names = alt_names->str;
    sample_get_ca_caps(s, c, NULL);
    request = sample_request(s, &device, "19", "many-segments", NULL);
    /* The CA leaves the names out: only the request is large. */
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    exchange.request = sample_build(s, &request);
    exchange.response = sample_build(s, &reply);

    http_request = sample_http_request(s, "operation=PKIOperation", exchange.request);
    http_response = sample_http_response(s, &exchange);
    connection_send_late(c, CLIENT, g_bytes_get_data(http_request, NULL), g_bytes_get_size(http_request), late_segment);
    wire_wait(s->wire, 500);
    connection_send(c, SERVER, g_bytes_get_data(http_response, NULL), g_bytes_get_size(http_response));
    sample_record(s, &exchange);
    connection_close(c, CLIENT);
}

void play_chunked_gzip(struct sample *s)
{
    struct enrolment e = enrol(s, &s->device, "chunked-gzip");
    connection *c = sample_connect(s);

    s->request_headers = "Accept-Encoding: gzip, deflate\r\n";
    s->framing = HTTP_GZIP;
    sample_get_ca_caps(s, c, "default");
    s->framing = HTTP_CHUNKED | HTTP_GZIP;
    sample_get_ca_cert(s, c, "default");
    s->framing = HTTP_CHUNKED;
    sample_pki_post(s, c, e.request, e.reply);
    connection_close(c, SERVER);
}

void play_keepalive_two_transactions(struct sample *s)
{
    const char *agents[] = { s->user_agent, "Dalvik/2.1.0 (Linux; U; Android 5.0; P01M Build/LRX21V)" };
    struct enrolment windows = enrol(s, &s->device, "4B7C5DE0912FA6384B7C5DE0912FA6384B7C5DE0");
    struct enrolment android = enrol(s, &s->second_device, "C3A95E10D7B2486F0B1E9C8D2F7A6450E3B1D894");
    connection *c;

    s->client = "10.0.0.30";
    s->server = "10.0.0.20";
    c = sample_connect(s);
    sample_get_ca_caps(s, c, "default");
    s->user_agent = agents[1];
    sample_get_ca_cert(s, c, "ca");
    s->user_agent = agents[0];
    sample_get_ca_cert(s, c, "default");
    s->user_agent = agents[1];
    sample_get_ca_caps(s, c, "ca");
    sample_pki_post(s, c, android.request, android.reply);
    s->user_agent = agents[0];
    sample_pki_post(s, c, windows.request, windows.reply);
    connection_close(c, SERVER);
    sample_write_key(s, "device-2.key", s->second_device.identity.key);
}

void play_lf_only(struct sample *s)
{
    struct enrolment e = enrol(s, &s->device, "2B60E4D1973FA85C06D2B1E7840F95AC");
    g_autofree char *message = encode_message(e.request, "+-=", "%0A");
    g_autofree char *query = g_strconcat("operation=PKIOperation&message=", message, NULL);
    connection *c;

    s->framing = HTTP_BARE_LF | HTTP_UNTIL_CLOSE;
    s->user_agent = NULL;
    s->host = NULL;
    s->path = "/cgi-bin/pkiclient.exe";
    c = sample_connect(s);
    sample_get_ca_caps(s, c, NULL);
    connection_close(c, SERVER);
    c = sample_connect(s);
    sample_get_ca_cert(s, c, "");
    connection_close(c, SERVER);
    c = sample_connect(s);
    sample_pki_get(s, c, query, e.request, e.reply);
    connection_close(c, SERVER);
}

/* An exchange on a connection of its own. */
static void alone(struct sample *s, GBytes *http_request, const struct exchange *exchange)
{
    connection *c = sample_connect(s);

    sample_exchange(s, c, http_request, exchange);
    connection_close(c, CLIENT);
}

void play_empty_answers(struct sample *s)
{
    static const char not_found[] = "<html><body><h1>404 - File or directory not found.</h1></body></html>\n";
    static const char broken[] = "<html><body><h1>500 - Internal server error.</h1></body></html>\n";
    static const char moved[] = "<html><body><h1>Object moved</h1></body></html>\n";
    GBytes *not_found_page = sample_own(s, g_bytes_new_static(not_found, strlen(not_found)));
    GBytes *broken_page = sample_own(s, g_bytes_new_static(broken, strlen(broken)));
    GBytes *moved_page = sample_own(s, g_bytes_new_static(moved, strlen(moved)));
    GBytes *by_get = enrol(s, &s->device, "empty-answer").request;
    GBytes *by_post = enrol(s, &s->device, "error-500").request;
    g_autofree char *message = encode_message(by_get, "+/=", NULL);
    g_autofree char *query = g_strconcat("operation=PKIOperation&message=", message, NULL);
    const struct exchange empty = { "PKIOperation", "GET", NULL, 200, by_get, NULL, "application/x-pki-message" };
    const struct exchange failed = { "PKIOperation", "POST", NULL, 500, by_post, broken_page, "text/html" };
    const struct exchange no_capabilities = { "GetCACaps", "GET", NULL, 200, NULL, NULL, "text/plain" };
    const struct exchange missing = { "GetCACert", "GET", NULL, 404, NULL, not_found_page, "text/html" };
    const struct exchange redirected = { "GetCACaps", "GET", NULL, 302, NULL, moved_page, "text/html" };

    /* Nothing was received for these. */
    g_ptr_array_set_size(s->authority.issued, 0);
    alone(s, sample_http_request(s, query, NULL), &empty);
    alone(s, sample_http_request(s, "operation=GetCACaps", NULL), &no_capabilities);
    alone(s, sample_http_request(s, "operation=GetCACert", NULL), &missing);
    alone(s, sample_http_request(s, "operation=PKIOperation", by_post), &failed);
    s->response_headers = "Location: https://scep.contoso.com/certsrv/mscep/mscep.dll?operation=GetCACaps\r\n";
    alone(s, sample_http_request(s, "operation=GetCACaps", NULL), &redirected);
}
