/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The made samples whose point is in the SCEP messages (RFC 8894 section 3). */
#include <string.h>

#include "scenarios.h"

static const char e_invalidarg[] = "-2147024809";  /* 0x80070057 */

/* As Windows does it: discovery and enrolment on connections of their own. */
static void discover(struct sample *s, const char *message)
{
    connection *c = sample_connect(s);

    sample_get_ca_caps(s, c, message);
    sample_get_ca_cert(s, c, message);
    connection_close(c, CLIENT);
}

/* A PKIOperation on a connection of its own, by POST. */
static void post(struct sample *s, const struct scep_message *request, const struct scep_message *reply)
{
    connection *c = sample_connect(s);

    sample_pki_post(s, c, sample_build(s, request), sample_build(s, reply));
    connection_close(c, CLIENT);
}

void play_ndes_failure(struct sample *s)
{
    struct scep_message request, reply;

    s->ndes = TRUE;
    s->path = "/certsrv/mscep/mscep.dll/pkiclient.exe";
    discover(s, "default");
    request = sample_request(s, &s->device, "19", "9E1C47D20B6FA3358C04E7D91A52BB60F3348D17", NULL);
    reply = sample_reply(s, &request, "2", NULL);
    reply.fail_info = "2";
    reply.hresult = e_invalidarg;
    post(s, &request, &reply);
}

void play_ndes_success(struct sample *s)
{
    struct scep_message request, reply;

    s->ndes = TRUE;
    s->path = "/certsrv/mscep/mscep.dll/pkiclient.exe";
    discover(s, "default");
    request = sample_request(s, &s->device, "19", "5D0C9B2F6E714A83B1F7D2360E95CA48A77F1B02", NULL);
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    post(s, &request, &reply);
}

/* Intune's challenge is itself a signed blob of some kilobytes; this one has its size and alphabet. */
static const char *long_challenge(struct sample *s)
{
    GByteArray *blob = g_byte_array_new();
    g_autofree char *text = NULL;

    while (blob->len < 3000) {
        GBytes *part = sample_nonce(s, 32);

        g_byte_array_append(blob, g_bytes_get_data(part, NULL), (guint)g_bytes_get_size(part));
    }
    text = g_base64_encode(blob->data, blob->len);
    g_byte_array_unref(blob);
    return g_bytes_get_data(sample_own(s, g_bytes_new(text, strlen(text) + 1)), NULL);
}

void play_ios_ber(struct sample *s)
{
    struct scep_message request, reply;
    g_autofree char *message = NULL;
    g_autofree char *query = NULL;
    GBytes *pki_message;
    connection *c;

    s->ndes = TRUE;
    s->user_agent = "profiled/1.0 CFNetwork/811.5.4 Darwin/16.6.0";
    s->request_headers = "Accept: */*\r\nAccept-Language: en-us\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n";
    s->device.challenge = long_challenge(s);
    c = sample_connect(s);
    sample_get_ca_cert(s, c, "SCEP Authority");
    sample_get_ca_caps(s, c, "SCEP Authority");

    request = sample_request(s, &s->device, "19", "c2e8a0b7d14f9365be07218f4da6c95310e7fb42", NULL);
    request.ber = TRUE;
    request.digest = "SHA512";
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    pki_message = sample_build(s, &request);
    message = encode_message(pki_message, "=", NULL);
    query = g_strconcat("operation=PKIOperation&message=", message, NULL);
    sample_pki_get(s, c, query, pki_message, sample_build(s, &reply));
    connection_close(c, CLIENT);
}

void play_pending_poll(struct sample *s)
{
    const char *transaction_id = "8A4F3C21D09E57B6";
    struct scep_message request = sample_request(s, &s->device, "19", transaction_id, NULL);
    struct scep_message reply = sample_reply(s, &request, "3", NULL);
    const guint polls = 2;

    discover(s, NULL);
    post(s, &request, &reply);
    for (guint i = 1; i <= polls; i++) {
        GBytes *payload = sample_own(s, scep_issuer_and_subject(X509_get_subject_name(s->authority.ca.certificate),
                                                                X509_get_subject_name(s->device.identity.certificate)));

        wire_wait(s->wire, 60 * 1000);
        request = sample_request(s, &s->device, "20", transaction_id, payload);
        reply = sample_reply(s, &request, i < polls ? "3" : "0", i < polls ? NULL : sample_issue(s, &s->device));
        if (i < polls)
            reply.content = SCEP_CONTENT_EMPTY;
        post(s, &request, &reply);
    }
}

/* A new key, signed for with the certificate from a year ago: with RFC 8894's messageType, then with the drafts'. */
void play_renewal(struct sample *s)
{
    const struct device new_device = s->device;
    g_autoptr(GError) error = NULL;
    GBytes *pkcs10 = scep_pkcs10(new_device.name, new_device.identity.key, NULL, NULL, &error);
    struct scep_message request, reply;

    must(pkcs10 != NULL, error);
    sample_own(s, pkcs10);
    /* The CertRep is for the key that signed. */
    s->device.identity = s->earlier;
    s->earlier = new_device.identity;
    discover(s, NULL);
    request = sample_request(s, &s->device, "17", "renewal-rfc8894", pkcs10);
    reply = sample_reply(s, &request, "0", sample_issue(s, &new_device));
    post(s, &request, &reply);
    request = sample_request(s, &s->device, "19", "renewal-draft", pkcs10);
    reply = sample_reply(s, &request, "0", sample_issue(s, &new_device));
    post(s, &request, &reply);
}

void play_algorithms(struct sample *s)
{
    static const char *const digests[] = { "MD5", "SHA1", "SHA256", "SHA512" };
    static const char *const ciphers[] = { "DES-CBC", "DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };

    s->user_agent = NULL;
    s->path = "/scep";
    s->capabilities = "AES\nDES3\nPOSTPKIOperation\nSHA-1\nSHA-256\nSHA-512\n";
    discover(s, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(ciphers); i++) {
        for (guint oaep = 0; oaep < 2; oaep++) {
            const char *digest = digests[(i + oaep) % G_N_ELEMENTS(digests)];
            g_autofree char *transaction_id = g_strdup_printf("%s-%s-%s", digest, ciphers[i], oaep ? "OAEP" : "PKCS1");
            struct scep_message request = sample_request(s, &s->device, "19", transaction_id, NULL);
            struct scep_message reply;

            request.digest = digest;
            request.cipher = ciphers[i];
            request.oaep = (gboolean)oaep;
            reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
            reply.no_certificates = TRUE;
            post(s, &request, &reply);
        }
    }
}

void play_inconsistent(struct sample *s)
{
    struct scep_message request, reply;
    struct identity recipient = s->authority.recipient;

    discover(s, NULL);

    request = sample_request(s, &s->device, "19", "recipient-nonce-of-another", NULL);
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    reply.recipient_nonce = sample_nonce(s, 16);
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "transaction-asked", NULL);
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    reply.transaction_id = "transaction-answered";
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "encrypted-to-ca", NULL);
    request.recipient = s->authority.ca.certificate;
    reply = sample_reply(s, &request, "2", NULL);
    reply.fail_info = "1";
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "cipher-not-offered", NULL);
    request.cipher = "AES-256-CBC";
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "weak-algorithms", NULL);
    request.cipher = "DES-CBC";
    request.digest = "MD5";
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "request-signature-broken", NULL);
    request.break_signature = TRUE;
    reply = sample_reply(s, &request, "2", NULL);
    reply.fail_info = "1";
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "reply-signature-broken", NULL);
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    reply.break_signature = TRUE;
    post(s, &request, &reply);

    /* Another server, whose encryption certificate nobody renewed. */
    s->server = "203.0.113.6";
    s->host = "scep-old.contoso.com";
    s->authority.recipient.certificate = s->expired_ra.certificate;
    discover(s, NULL);
    request = sample_request(s, &s->device, "19", "expired-ra", NULL);
    reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    post(s, &request, &reply);
    s->authority.recipient = recipient;

    sample_write_key(s, "ca.key", s->authority.ca.key);
    sample_write_certificate(s, "ra-expired.crt", s->expired_ra.certificate);
}

void play_all_failinfo(struct sample *s)
{
    static const struct {
        const char *fail_info, *text;
    } failures[] = {
        { "0", "MD5 is not accepted" },
        { "1", "the signature does not verify" },
        { "2", "the challenge password is wrong" },
        { "3", "the signing time is too old" },
        { "4", "no certificate with this serial number" },
    };
    struct scep_message request, reply;

    for (guint i = 0; i < 2 * G_N_ELEMENTS(failures); i++) {
        const gboolean with_text = i % 2 == 1;
        g_autofree char *transaction_id = g_strdup_printf("failInfo-%s%s", failures[i / 2].fail_info, with_text ? "-text" : "");

        request = sample_request(s, &s->device, "19", transaction_id, NULL);
        reply = sample_reply(s, &request, "2", NULL);
        reply.fail_info = failures[i / 2].fail_info;
        reply.no_certificates = TRUE;
        reply.content = with_text ? SCEP_CONTENT_EMPTY : SCEP_CONTENT_ABSENT;
        reply.fail_info_text = with_text ? failures[i / 2].text : NULL;
        post(s, &request, &reply);
    }

    request = sample_request(s, &s->device, "99", "messageType-99", NULL);
    reply = sample_reply(s, &request, "2", NULL);
    reply.fail_info = "2";
    post(s, &request, &reply);

    request = sample_request(s, &s->device, "19", "pkiStatus-7", NULL);
    reply = sample_reply(s, &request, "7", NULL);
    post(s, &request, &reply);
}

void play_getcert_getcrl_nextca(struct sample *s)
{
    const X509_NAME *issuer = X509_get_subject_name(s->authority.ca.certificate);
    GBytes *issued = sample_issue(s, &s->device);
    X509 *certificate = g_ptr_array_index(s->authority.issued, 0);
    g_autoptr(ASN1_INTEGER) unknown = ASN1_INTEGER_new();
    g_autoptr(GError) error = NULL;
    struct scep_message request, reply;
    GBytes *crl, *next_ca;
    connection *c;

    s->capabilities = "AES\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\n";
    discover(s, NULL);

    request = sample_request(s, &s->device, "21", "get-cert",
                             sample_own(s, scep_issuer_and_serial(issuer, X509_get0_serialNumber(certificate))));
    reply = sample_reply(s, &request, "0", issued);
    post(s, &request, &reply);

    ASN1_INTEGER_set(unknown, 0xDEAD);
    request = sample_request(s, &s->device, "21", "get-cert-unknown", sample_own(s, scep_issuer_and_serial(issuer, unknown)));
    reply = sample_reply(s, &request, "2", NULL);
    reply.fail_info = "4";
    post(s, &request, &reply);

    crl = authority_crl(&s->authority, &error);
    must(crl != NULL, error);
    request = sample_request(s, &s->device, "22", "get-crl",
                             sample_own(s, scep_issuer_and_serial(issuer, X509_get0_serialNumber(certificate))));
    reply = sample_reply(s, &request, "0", sample_own(s, crl));
    post(s, &request, &reply);

    next_ca = authority_next_ca(&s->authority, &error);
    must(next_ca != NULL, error);
    sample_write_certificate(s, "next-ca.crt", s->authority.next_ca.certificate);
    c = sample_connect(s);
    sample_get(s, c, "GetNextCACert", NULL, 200, "application/x-x509-next-ca-cert", sample_own(s, next_ca));
    connection_close(c, CLIENT);
}

void play_odd_attributes(struct sample *s)
{
    static const char *const transaction_ids[] = {
        "q0Xy3/8hT+ZbLk2mN5pWsA7dE1c=",
        "40815926535897932384626433832795028841971693993751058209749445923078164062862",
        "PKQ4T-ZR7WM-2JHD9",
    };
    struct scep_message request, reply;

    s->capabilities = "AES\nPOSTPKIOperation\nSHA-256\nUpdate\n";
    discover(s, "0");
    for (guint i = 0; i < G_N_ELEMENTS(transaction_ids); i++) {
        request = sample_request(s, &s->device, "19", transaction_ids[i], NULL);
        request.cipher = "AES-128-CBC";
        request.sender_nonce = i < 2 ? sample_nonce(s, 8) : NULL;
        request.random_nonce = sample_nonce(s, 8);
        reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
        reply.sender_nonce = NULL;
        post(s, &request, &reply);
    }
}
