/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A made sample: a capture and its truth, filled by playing HTTP exchanges between devices and a stand-in for NDES. */
#include "sample.h"

#include <stdlib.h>
#include <string.h>

void must(gboolean done, GError *error)
{
    if (!done) {
        g_printerr("scep-generate: %s\n", error ? error->message : "not possible");
        exit(1);
    }
}

GBytes *sample_own(struct sample *s, GBytes *bytes)
{
    must(bytes != NULL, NULL);
    g_ptr_array_add(s->owned, bytes);
    return bytes;
}

/* --- opening and closing --- */

static struct identity load_identity(const char *keys, const char *certificate, const char *key)
{
    g_autofree char *certificate_file = certificate ? g_strdup_printf("%s/%s.crt", keys, certificate) : NULL;
    g_autofree char *key_file = g_strdup_printf("%s/%s.key", keys, key);
    g_autoptr(GError) error = NULL;
    struct identity identity = { NULL, load_key(key_file, &error) };

    must(identity.key != NULL, error);
    if (certificate_file) {
        identity.certificate = load_certificate(certificate_file, &error);
        must(identity.certificate != NULL, error);
    }
    return identity;
}

static X509_REQ *device_request(const struct device *device)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) der = scep_pkcs10(device->name, device->identity.key, device->challenge, device->alt_names, &error);
    const unsigned char *data;

    must(der != NULL, error);
    data = g_bytes_get_data(der, NULL);
    return d2i_X509_REQ(NULL, &data, (long)g_bytes_get_size(der));
}

/* A device without a certificate yet signs with one of its own. */
static struct device new_device(const char *keys, const char *key, const char *name, time_t now)
{
    struct device device = { name, load_identity(keys, NULL, key), "A1B2C3D4E5F60718", NULL };
    g_autoptr(X509_REQ) request = device_request(&device);
    g_autoptr(GError) error = NULL;

    device.identity.certificate = self_signed(request, device.identity.key, now, &error);
    must(device.identity.certificate != NULL, error);
    return device;
}

struct sample *sample_open(const char *samples, const char *keys, const char *name, const char *vantage, time_t start)
{
    struct sample *s = g_new0(struct sample, 1);
    g_autofree char *truth_directory = g_build_filename(samples, name, "truth", NULL);
    g_autoptr(GError) error = NULL;

    s->authority = (struct authority){
        .ca = load_identity(keys, "ca", "ca"),
        .recipient = load_identity(keys, "ra-encryption", "ra-encryption"),
        .signer = load_identity(keys, "ra-signing", "ra-signing"),
        .next_ca = load_identity(keys, "next-ca", "next-ca"),
        .issued = g_ptr_array_new_with_free_func((GDestroyNotify)X509_free),
        .next_serial = 0x1001,
        .now = start,
    };
    s->expired_ra = load_identity(keys, "ra-expired", "ra-encryption");
    s->device = new_device(keys, "device", "device-1.contoso.com", start);
    s->second_device = new_device(keys, "device-2", "device-2.contoso.com", start);
    s->earlier = load_identity(keys, "device-old", "device-old");

    s->directory = g_build_filename(samples, name, NULL);
    s->truth = truth_open(truth_directory, &error);
    must(s->truth != NULL, error);
    s->wire = wire_new(vantage, (gint64)start * G_USEC_PER_SEC);
    s->owned = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    s->client = "192.0.2.10";
    s->server = "203.0.113.5";
    s->next_port = 50001;
    s->path = "/certsrv/mscep/mscep.dll";
    s->host = "scep.contoso.com";
    s->user_agent = "Mozilla/4.0 (compatible; Win32; NDES client 10.0.19041.746/vb_release_svc_prod1)";
    s->capabilities = "POSTPKIOperation\nRenewal\nSHA-512\nSHA-256\nSHA-1\nDES3\n";
    return s;
}

void sample_write_certificate(struct sample *s, const char *name, X509 *certificate)
{
    g_autoptr(BIO) out = BIO_new(BIO_s_mem());
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) pem = NULL;

    PEM_write_bio_X509(out, certificate);
    pem = openssl_bio_bytes(out);
    must(truth_write(s->truth, name, g_bytes_get_data(pem, NULL), g_bytes_get_size(pem), &error), error);
}

void sample_write_key(struct sample *s, const char *name, EVP_PKEY *key)
{
    g_autoptr(BIO) out = BIO_new(BIO_s_mem());
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) pem = NULL;

    PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    pem = openssl_bio_bytes(out);
    must(truth_write(s->truth, name, g_bytes_get_data(pem, NULL), g_bytes_get_size(pem), &error), error);
}

static void free_identity(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

void sample_close(struct sample *s, const char *vantage)
{
    g_autofree char *challenge = g_strconcat(s->device.challenge, "\n", NULL);
    g_autofree char *capture_name = g_strconcat(vantage, ".pcapng", NULL);
    g_autofree char *capture = g_build_filename(s->directory, capture_name, NULL);
    g_autoptr(GError) error = NULL;

    sample_write_certificate(s, "ca.crt", s->authority.ca.certificate);
    sample_write_certificate(s, "ra.crt", s->authority.recipient.certificate);
    sample_write_certificate(s, "ra-signing.crt", s->authority.signer.certificate);
    sample_write_key(s, "recipient.key", s->authority.recipient.key);
    sample_write_key(s, "device.key", s->device.identity.key);
    must(truth_write(s->truth, "challenge", challenge, strlen(challenge), &error), error);
    for (guint i = 0; i < s->authority.issued->len; i++) {
        g_autofree char *name = i == 0 ? g_strdup("issued.crt") : g_strdup_printf("issued-%u.crt", i + 1);

        sample_write_certificate(s, name, g_ptr_array_index(s->authority.issued, i));
    }
    must(wire_write(s->wire, capture, &error), error);

    truth_close(s->truth);
    free_identity(&s->authority.ca);
    free_identity(&s->authority.recipient);
    free_identity(&s->authority.signer);
    free_identity(&s->authority.next_ca);
    free_identity(&s->expired_ra);
    free_identity(&s->device.identity);
    free_identity(&s->second_device.identity);
    free_identity(&s->earlier);
    g_ptr_array_unref(s->authority.issued);
    g_ptr_array_unref(s->owned);
    g_free(s->directory);
    g_free(s);
}

connection *sample_connect(struct sample *s)
{
    const guint16 ethernet_mss = 1460;

    wire_wait(s->wire, 100);
    return wire_connect(s->wire, s->client, s->next_port++, s->server, 80, ethernet_mss);
}

/* --- messages --- */

GBytes *sample_nonce(struct sample *s, gsize length)
{
    g_autofree char *seed = g_strdup_printf("%s %u", s->directory, s->nonces++);
    g_autoptr(GChecksum) hash = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize size = sizeof digest;

    g_checksum_update(hash, (const guchar *)strrchr(seed, '/') + 1, -1);
    g_checksum_get_digest(hash, digest, &size);
    return sample_own(s, g_bytes_new(digest, MIN(length, size)));
}

struct scep_message sample_request(struct sample *s, const struct device *device, const char *message_type,
                                   const char *transaction_id, GBytes *payload)
{
    g_autoptr(GError) error = NULL;
    GBytes *pkcs10 = payload ? NULL : scep_pkcs10(device->name, device->identity.key, device->challenge, device->alt_names, &error);

    must(payload || pkcs10, error);
    return (struct scep_message){
        .message_type = message_type,
        .transaction_id = transaction_id,
        .sender_nonce = sample_nonce(s, 16),
        .signer = device->identity.certificate,
        .signer_key = device->identity.key,
        .payload = payload ? payload : sample_own(s, pkcs10),
        .recipient = s->authority.recipient.certificate,
        .digest = "SHA256",
        .cipher = "DES-EDE3-CBC",
        .signing_time = s->authority.now,
    };
}

struct scep_message sample_reply(struct sample *s, const struct scep_message *request, const char *pki_status, GBytes *payload)
{
    return (struct scep_message){
        .message_type = "3",
        .transaction_id = request->transaction_id,
        .pki_status = pki_status,
        .server_message = s->ndes && payload ? "Issued" : NULL,
        .sender_nonce = sample_nonce(s, 16),
        .recipient_nonce = request->sender_nonce,
        .signer = s->authority.signer.certificate,
        .signer_key = s->authority.signer.key,
        .content = payload ? SCEP_CONTENT_ENVELOPE : s->ndes ? SCEP_CONTENT_ZERO_BYTE : SCEP_CONTENT_ABSENT,
        .payload = payload,
        .recipient = request->signer,
        .digest = s->ndes ? "SHA1" : request->digest,
        .cipher = s->ndes ? "AES-128-CBC" : request->cipher,
        .oaep = s->ndes || request->oaep,
        .no_certificates = s->ndes,
        .signing_time = s->authority.now,
    };
}

GBytes *sample_issue(struct sample *s, const struct device *device)
{
    g_autoptr(X509_REQ) request = device_request(device);
    g_autoptr(GError) error = NULL;
    g_autoptr(X509) certificate = NULL;

    for (guint i = 0; i < s->authority.issued->len && !certificate; i++) {
        X509 *issued = g_ptr_array_index(s->authority.issued, i);

        if (EVP_PKEY_eq(X509_get0_pubkey(issued), device->identity.key) == 1 && X509_up_ref(issued))
            certificate = issued;
    }
    if (!certificate)
        certificate = authority_issue(&s->authority, request, &error);
    must(certificate != NULL, error);
    return sample_own(s, certs_only((X509 *const[]){ certificate, NULL }, NULL));
}

GBytes *sample_build(struct sample *s, const struct scep_message *message)
{
    g_autoptr(GError) error = NULL;
    GBytes *built = scep_message_build(message, &error);

    must(built != NULL, error);
    return sample_own(s, built);
}

/* --- HTTP --- */

GBytes *sample_http_request(struct sample *s, const char *query, GBytes *body)
{
    const gboolean bare = s->framing & HTTP_BARE_LF;
    const char *eol = bare ? "\n" : "\r\n";
    g_autoptr(GString) head = g_string_new(NULL);
    GByteArray *request = g_byte_array_new();

    g_string_append_printf(head, "%s %s?%s HTTP/1.%d%s", body ? "POST" : "GET", s->path, query, bare ? 0 : 1, eol);
    if (s->host)
        g_string_append_printf(head, "Host: %s%s", s->host, eol);
    if (s->user_agent)
        g_string_append_printf(head, "User-Agent: %s%s", s->user_agent, eol);
    if (s->request_headers)
        g_string_append(head, s->request_headers);
    if (body)
        g_string_append_printf(head, "Content-Type: application/x-pki-message%sContent-Length: %" G_GSIZE_FORMAT "%s", eol,
                               g_bytes_get_size(body), eol);
    g_string_append(head, eol);
    g_byte_array_append(request, (const guint8 *)head->str, (guint)head->len);
    if (body)
        g_byte_array_append(request, g_bytes_get_data(body, NULL), (guint)g_bytes_get_size(body));
    return sample_own(s, g_byte_array_free_to_bytes(request));
}

GBytes *sample_http_response(struct sample *s, const struct exchange *exchange)
{
    GByteArray *response = g_byte_array_new();

    http_write_response(response, exchange->status, exchange->response_type, exchange->response, s->response_headers, s->framing);
    return sample_own(s, g_byte_array_free_to_bytes(response));
}

void sample_record(struct sample *s, const struct exchange *exchange)
{
    g_autoptr(GError) error = NULL;

    must(truth_add(s->truth, exchange, &error) != 0, error);
}

void sample_exchange(struct sample *s, connection *c, GBytes *request, const struct exchange *exchange)
{
    GBytes *response = sample_http_response(s, exchange);

    connection_send(c, CLIENT, g_bytes_get_data(request, NULL), g_bytes_get_size(request));
    wire_wait(s->wire, exchange->request ? 500 : 10);
    connection_send(c, SERVER, g_bytes_get_data(response, NULL), g_bytes_get_size(response));
    sample_record(s, exchange);
}

void sample_get(struct sample *s, connection *c, const char *operation, const char *message, int status,
                const char *type, GBytes *body)
{
    g_autofree char *escaped = message ? g_uri_escape_string(message, NULL, FALSE) : NULL;
    g_autofree char *query = escaped ? g_strdup_printf("operation=%s&message=%s", operation, escaped)
                                     : g_strdup_printf("operation=%s", operation);
    struct exchange exchange = { .operation = operation, .method = "GET", .message = message, .status = status,
                                 .response = body, .response_type = type };

    sample_exchange(s, c, sample_http_request(s, query, NULL), &exchange);
}

void sample_pki_get(struct sample *s, connection *c, const char *query, GBytes *request, GBytes *response)
{
    struct exchange exchange = { .operation = "PKIOperation", .method = "GET", .status = 200, .request = request,
                                 .response = response, .response_type = "application/x-pki-message" };

    sample_exchange(s, c, sample_http_request(s, query, NULL), &exchange);
}

void sample_pki_post(struct sample *s, connection *c, GBytes *request, GBytes *response)
{
    struct exchange exchange = { .operation = "PKIOperation", .method = "POST", .status = 200, .request = request,
                                 .response = response, .response_type = "application/x-pki-message" };

    sample_exchange(s, c, sample_http_request(s, "operation=PKIOperation", request), &exchange);
}

void sample_get_ca_caps(struct sample *s, connection *c, const char *message)
{
    GBytes *body = sample_own(s, g_bytes_new(s->capabilities, strlen(s->capabilities)));

    sample_get(s, c, "GetCACaps", message, 200, s->ndes ? NULL : "text/plain", body);
}

void sample_get_ca_cert(struct sample *s, connection *c, const char *message)
{
    gboolean ra;
    GBytes *body = sample_own(s, authority_ca_certificates(&s->authority, &ra));

    sample_get(s, c, "GetCACert", message, 200, ra ? "application/x-x509-ca-ra-cert" : "application/x-x509-ca-cert", body);
}

char *encode_message(GBytes *message, const char *escaped, const char *line_end)
{
    g_autofree char *base64 = g_base64_encode(g_bytes_get_data(message, NULL), g_bytes_get_size(message));
    GString *encoded = g_string_new(NULL);

    for (guint i = 0; base64[i]; i++) {
        if (line_end && i > 0 && i % 64 == 0)
            g_string_append(encoded, line_end);
        if (strchr(escaped, base64[i]))
            g_string_append_printf(encoded, "%%%02X", base64[i]);
        else
            g_string_append_c(encoded, base64[i]);
    }
    return g_string_free(encoded, FALSE);
}
