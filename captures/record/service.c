/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a SCEP server answers to a pkiMessage (RFC 8894 section 3.3), in the RFC's or in NDES's manner. */
#include "service.h"

#include <openssl/rand.h>
#include <stdlib.h>

static const char bad_message_check[] = "1";
static const char bad_request[] = "2";
static const char bad_cert_id[] = "4";

/* An enrolment that waits for its polls. */
struct waiting {
    X509_REQ *request;
    int polls;  /* that are still answered PENDING */
};

/* What was decided: pkiStatus, and either failInfo with a reason or the payload. */
struct decision {
    const char *pki_status;
    const char *fail_info;
    const char *reason;
    GBytes *payload;
};

static void waiting_free(gpointer data)
{
    struct waiting *waiting = data;

    X509_REQ_free(waiting->request);
    g_free(waiting);
}

void service_init(struct service *service)
{
    service->authority.issued = g_ptr_array_new_with_free_func((GDestroyNotify)X509_free);
    service->authority.next_serial = 0x1001;
    service->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, waiting_free);
}

/* --- deciding --- */

static void fail(struct decision *decision, const char *fail_info, const char *reason)
{
    decision->pki_status = "2";
    decision->fail_info = fail_info;
    decision->reason = reason;
}

static void succeed(struct decision *decision, GBytes *payload)
{
    decision->pki_status = "0";
    decision->payload = payload;
}

/* Runs a command with NAME=VALUE pairs (NULL-terminated) in its environment; true when it exits with 0. */
static gboolean run(const char *command, const char *const *variables)
{
    char *arguments[] = { (char *)command, NULL };
    g_auto(GStrv) environment = g_get_environ();
    int wait_status;

    for (; *variables; variables += 2)
        environment = g_environ_setenv(environment, variables[0], variables[1] ? variables[1] : "", TRUE);
    return g_spawn_sync(NULL, arguments, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &wait_status, NULL)
        && g_spawn_check_wait_status(wait_status, NULL);
}

static void issue(struct service *service, const char *transaction_id, X509_REQ *request, struct decision *decision)
{
    g_autoptr(X509) certificate = authority_issue(&service->authority, request, NULL);
    X509 *const set[] = { certificate, NULL };

    if (!certificate) {
        fail(decision, bad_request, "not issued");
        return;
    }
    succeed(decision, certs_only(set, NULL));
    if (service->notify_command) {
        g_autoptr(GBytes) der = certificate_der(certificate);
        g_autofree char *encoded = g_base64_encode(g_bytes_get_data(der, NULL), g_bytes_get_size(der));
        const char *variables[] = { "SCEP_TRANSACTION_ID", transaction_id, "SCEP_CERTIFICATE", encoded, NULL };

        run(service->notify_command, variables);
    }
}

/* Whether SIGNER holds a certificate of this CA: then a renewal needs no challenge. */
static gboolean is_renewal(struct service *service, X509 *signer)
{
    gboolean renewal = X509_verify(signer, X509_get0_pubkey(service->authority.ca.certificate)) == 1;

    ERR_clear_error();
    return renewal;
}

static void enrol(struct service *service, const scep_received *received, struct decision *decision)
{
    gsize size;
    const unsigned char *der = g_bytes_get_data(received->payload, &size);
    g_autoptr(X509_REQ) request = d2i_X509_REQ(NULL, &der, (long)size);
    g_autofree char *challenge = request ? scep_challenge_of(request) : NULL;
    struct waiting *waiting;

    if (!request || X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) != 1) {
        fail(decision, bad_request, "not a PKCS #10, or its signature is wrong");
        return;
    }
    if (service->fail_info) {
        fail(decision, service->fail_info, "as told");
        return;
    }
    if (service->challenge && g_strcmp0(challenge, service->challenge) != 0 && !is_renewal(service, received->signer)) {
        fail(decision, bad_request, "wrong challenge password");
        return;
    }
    if (service->verify_command) {
        g_autofree char *encoded = g_base64_encode(g_bytes_get_data(received->payload, NULL), size);
        const char *variables[] = { "SCEP_TRANSACTION_ID", received->transaction_id, "SCEP_CHALLENGE", challenge,
                                    "SCEP_PKCS10", encoded, NULL };

        if (!run(service->verify_command, variables)) {
            fail(decision, bad_request, "refused by the verify command");
            return;
        }
    }
    if (service->pending < 0) {
        issue(service, received->transaction_id, request, decision);
        return;
    }
    waiting = g_new(struct waiting, 1);
    *waiting = (struct waiting){ g_steal_pointer(&request), service->pending };
    g_hash_table_replace(service->waiting, g_strdup(received->transaction_id), waiting);
    decision->pki_status = "3";
}

static void poll(struct service *service, const char *transaction_id, struct decision *decision)
{
    struct waiting *waiting = g_hash_table_lookup(service->waiting, transaction_id);

    if (!waiting) {
        fail(decision, bad_request, "nothing pending for this transaction");
    } else if (waiting->polls > 0) {
        waiting->polls--;
        decision->pki_status = "3";
    } else {
        issue(service, transaction_id, waiting->request, decision);
        g_hash_table_remove(service->waiting, transaction_id);
    }
}

static void get_certificate(struct service *service, GBytes *payload, struct decision *decision)
{
    g_autoptr(ASN1_INTEGER) serial = scep_serial_of(payload);
    X509 *found = serial ? authority_find(&service->authority, serial) : NULL;
    X509 *const set[] = { found, NULL };

    if (found)
        succeed(decision, certs_only(set, NULL));
    else
        fail(decision, bad_cert_id, "no such certificate");
}

static void get_crl(struct service *service, GBytes *payload, struct decision *decision)
{
    g_autoptr(ASN1_INTEGER) serial = scep_serial_of(payload);
    GBytes *crl = serial ? authority_crl(&service->authority, NULL) : NULL;

    if (crl)
        succeed(decision, crl);
    else
        fail(decision, bad_cert_id, "not an IssuerAndSerialNumber");
}

static void decide(struct service *service, scep_received *received, struct decision *decision)
{
    struct identity *recipient = &service->authority.recipient;

    if (!received->signature_valid) {
        fail(decision, bad_message_check, "the signature is wrong");
    } else if (!received->transaction_id || !received->message_type) {
        fail(decision, bad_request, "transactionID or messageType missing");
    } else if (!scep_received_open(received, recipient->certificate, recipient->key, NULL)) {
        fail(decision, bad_message_check, "the envelope does not open");
    } else {
        switch (atoi(received->message_type)) {
        case 17:
        case 19:
            enrol(service, received, decision);
            break;
        case 20:
            poll(service, received->transaction_id, decision);
            break;
        case 21:
            get_certificate(service, received->payload, decision);
            break;
        case 22:
            get_crl(service, received->payload, decision);
            break;
        default:
            fail(decision, bad_request, "unknown messageType");
        }
    }
}

/* --- answering --- */

GBytes *service_answer(struct service *service, GBytes *request, GString *log, GError **error)
{
    g_autoptr(scep_received) received = scep_received_read(request, NULL, error);
    g_autofree char *shown_id = NULL;
    g_autoptr(GBytes) payload = NULL;
    g_autoptr(GBytes) nonce = NULL;
    guint8 random[16];
    struct decision decision = { NULL, NULL, NULL, NULL };
    struct scep_message reply;

    if (!received)
        return NULL;
    decide(service, received, &decision);
    payload = decision.payload;
    ERR_clear_error();
    RAND_bytes(random, sizeof random);
    nonce = g_bytes_new(random, sizeof random);

    reply = (struct scep_message){
        .message_type = "3",
        .transaction_id = received->transaction_id,
        .pki_status = decision.pki_status,
        .fail_info = decision.fail_info,
        .fail_info_text = service->ndes ? NULL : decision.reason,
        .hresult = service->ndes && decision.fail_info ? "-2147024809" : NULL,  /* 0x80070057, as seen from NDES */
        .server_message = service->ndes && payload ? "Issued" : NULL,
        .sender_nonce = nonce,
        .recipient_nonce = received->sender_nonce,
        .signer = service->authority.signer.certificate,
        .signer_key = service->authority.signer.key,
        .content = payload ? SCEP_CONTENT_ENVELOPE : service->ndes ? SCEP_CONTENT_ZERO_BYTE : SCEP_CONTENT_ABSENT,
        .payload = payload,
        .recipient = received->signer,
        .digest = service->digest ? service->digest : received->digest,
        .cipher = service->cipher ? service->cipher : received->cipher,
        .oaep = service->key_transport ? g_str_equal(service->key_transport, "oaep") : received->oaep,
        .no_certificates = service->ndes,
    };
    shown_id = received->transaction_id ? g_strescape(received->transaction_id, NULL) : NULL;
    g_string_append_printf(log, " messageType=%d transactionID=%s digest=%s cipher=%s pkiStatus=%s failInfo=%s%s%s",
                           received->message_type ? atoi(received->message_type) : -1, shown_id ? shown_id : "-",
                           received->digest, received->cipher ? received->cipher : "-", decision.pki_status,
                           decision.fail_info ? decision.fail_info : "-", decision.reason ? " reason=" : "",
                           decision.reason ? decision.reason : "");
    return scep_message_build(&reply, error);
}
