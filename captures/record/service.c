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

/* A request for a certificate, as the commands are told of it. */
struct application {
    const char *transaction_id;
    X509_REQ *request;
};

/*
 * Runs a command (NULL: none, which is as good as consent) that finds the application, and the certificate if there is
 * one, in its environment; true when it exits with 0. OUTPUT, when not NULL, gets what it prints. Many may run at once:
 * the lock is released meanwhile.
 */
static gboolean run(struct service *service, const char *command, const struct application *application, X509 *issued,
                    char **output)
{
    char *arguments[] = { (char *)command, NULL };
    g_autofree char *challenge = scep_challenge_of(application->request);
    g_autofree unsigned char *der = NULL;
    g_autofree char *pkcs10 = NULL;
    g_autofree char *certificate = NULL;
    g_auto(GStrv) environment = g_get_environ();
    int size, wait_status;
    gboolean good;

    if (!command)
        return TRUE;
    size = i2d_X509_REQ(application->request, NULL);
    if (size > 0) {
        unsigned char *end = der = g_malloc((gsize)size);

        i2d_X509_REQ(application->request, &end);
        pkcs10 = g_base64_encode(der, (gsize)size);
    }
    if (issued) {
        g_autoptr(GBytes) bytes = certificate_der(issued);

        certificate = g_base64_encode(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    }
    environment = g_environ_setenv(environment, "SCEP_TRANSACTION_ID", application->transaction_id, TRUE);
    environment = g_environ_setenv(environment, "SCEP_CHALLENGE", challenge ? challenge : "", TRUE);
    environment = g_environ_setenv(environment, "SCEP_PKCS10", pkcs10 ? pkcs10 : "", TRUE);
    environment = g_environ_setenv(environment, "SCEP_CERTIFICATE", certificate ? certificate : "", TRUE);
    if (service->lock)
        g_mutex_unlock(service->lock);
    good = g_spawn_sync(NULL, arguments, environment, G_SPAWN_DEFAULT, NULL, NULL, output, NULL, &wait_status,
                        NULL)
        && g_spawn_check_wait_status(wait_status, NULL);
    if (service->lock)
        g_mutex_lock(service->lock);
    return good;
}

/* The certificate that the issue command prints as PEM; our own when it prints none; NULL when it refuses. */
static X509 *issued_for(struct service *service, const struct application *application)
{
    g_autofree char *output = NULL;

    if (!run(service, service->issue_command, application, NULL, &output))
        return NULL;
    if (output && *output) {
        g_autoptr(BIO) text = BIO_new_mem_buf(output, -1);

        return PEM_read_bio_X509(text, NULL, NULL, NULL);
    }
    return authority_issue(&service->authority, application->request, NULL);
}

static void issue(struct service *service, const struct application *application, struct decision *decision)
{
    g_autoptr(X509) certificate = issued_for(service, application);
    X509 *const set[] = { certificate, NULL };

    if (certificate)
        succeed(decision, certs_only(set, NULL));
    else
        fail(decision, bad_request, "not issued");
    run(service, service->notify_command, application, certificate, NULL);
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
    const struct application application = { received->transaction_id, request };
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
    if (!run(service, service->verify_command, &application, NULL, NULL)) {
        fail(decision, bad_request, "refused by the verify command");
        return;
    }
    if (service->pending < 0) {
        issue(service, &application, decision);
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
        g_autoptr(X509_REQ) request = g_steal_pointer(&waiting->request);
        const struct application application = { transaction_id, request };

        /* Nobody else may find it while a command runs. */
        g_hash_table_remove(service->waiting, transaction_id);
        issue(service, &application, decision);
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
