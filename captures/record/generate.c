/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scep-generate: single SCEP messages for curl to send, and the made samples, which no peer at hand produces. */
#include <string.h>

#include "scenarios.h"

static struct {
    char *captures, *keys, *only;
    char *message, *out;
    char *recipient, *ca, *signer, *signer_key, *key;
    char *common_name, *challenge, *alt_names, *serial;
    char *message_type, *transaction_id, *digest, *cipher, *encoding;
    gboolean oaep, ber, no_certificates, break_signature, random_nonce;
    int nonce_length;
} options = {
    .keys = RECORD_KEYS, .common_name = "device-1.contoso.com", .transaction_id = "0123456789ABCDEF",
    .digest = "SHA256", .cipher = "AES-128-CBC", .encoding = "none", .nonce_length = 16,
};

static const GOptionEntry option_entries[] = {
    { "captures", 0, 0, G_OPTION_ARG_FILENAME, &options.captures, "Make the samples in this folder", "DIR" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &options.only, "… this one alone", "NAME" },
    { "keys", 0, 0, G_OPTION_ARG_FILENAME, &options.keys, "Where keys and certificates are", "DIR" },
    { "message", 0, 0, G_OPTION_ARG_STRING, &options.message, "Make one message",
      "PKCSReq|RenewalReq|CertPoll|GetCert|GetCRL" },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &options.out, "… in this file", "FILE" },
    { "recipient", 0, 0, G_OPTION_ARG_FILENAME, &options.recipient, "Encrypt to this certificate (ra-encryption)", "FILE" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &options.ca, "The issuer that is meant (ca)", "FILE" },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &options.key, "The PKCS #10's key (device)", "FILE" },
    { "signer", 0, 0, G_OPTION_ARG_FILENAME, &options.signer, "Sign with this certificate (a self-signed one)", "FILE" },
    { "signer-key", 0, 0, G_OPTION_ARG_FILENAME, &options.signer_key, "… and its key", "FILE" },
    { "common-name", 0, 0, G_OPTION_ARG_STRING, &options.common_name, "The subject's common name", "NAME" },
    { "challenge", 0, 0, G_OPTION_ARG_STRING, &options.challenge, "The challenge password", "TEXT" },
    { "alt-names", 0, 0, G_OPTION_ARG_STRING, &options.alt_names, "subjectAltName as OpenSSL writes it", "DNS:…,…" },
    { "serial", 0, 0, G_OPTION_ARG_STRING, &options.serial, "The serial number for GetCert and GetCRL", "HEX" },
    { "message-type", 0, 0, G_OPTION_ARG_STRING, &options.message_type, "Another messageType than the kind's", "N" },
    { "transaction-id", 0, 0, G_OPTION_ARG_STRING, &options.transaction_id, "The transactionID", "TEXT" },
    { "digest", 0, 0, G_OPTION_ARG_STRING, &options.digest, "MD5, SHA1, SHA256 or SHA512", "NAME" },
    { "cipher", 0, 0, G_OPTION_ARG_STRING, &options.cipher, "DES-CBC, DES-EDE3-CBC, AES-128-CBC, …", "NAME" },
    { "nonce-length", 0, 0, G_OPTION_ARG_INT, &options.nonce_length, "Bytes of senderNonce (16)", "N" },
    { "oaep", 0, 0, G_OPTION_ARG_NONE, &options.oaep, "RSAES-OAEP instead of rsaEncryption", NULL },
    { "ber", 0, 0, G_OPTION_ARG_NONE, &options.ber, "Indefinite lengths, as iOS", NULL },
    { "no-certificates", 0, 0, G_OPTION_ARG_NONE, &options.no_certificates, "Leave the signer's certificate out", NULL },
    { "break-signature", 0, 0, G_OPTION_ARG_NONE, &options.break_signature, "Make the signature wrong", NULL },
    { "unknown-attribute", 0, 0, G_OPTION_ARG_NONE, &options.random_nonce, "Add an attribute that SCEP does not know", NULL },
    { "encoding", 0, 0, G_OPTION_ARG_STRING, &options.encoding, "Write the GET's message parameter instead",
      "none|raw|escaped|lf|crlf" },
    G_OPTION_ENTRY_NULL
};

/* --- one message --- */

static X509 *certificate_or(const char *file, const char *name)
{
    g_autofree char *usual = g_strdup_printf("%s/%s.crt", options.keys, name);
    g_autoptr(GError) error = NULL;
    X509 *certificate = load_certificate(file ? file : usual, &error);

    must(certificate != NULL, error);
    return certificate;
}

static EVP_PKEY *key_or(const char *file, const char *name)
{
    g_autofree char *usual = g_strdup_printf("%s/%s.key", options.keys, name);
    g_autoptr(GError) error = NULL;
    EVP_PKEY *key = load_key(file ? file : usual, &error);

    must(key != NULL, error);
    return key;
}

static GBytes *random_bytes(int length)
{
    GByteArray *bytes = g_byte_array_new();

    while ((int)bytes->len < length) {
        guint32 word = g_random_int();

        g_byte_array_append(bytes, (const guint8 *)&word, (guint)MIN(4, length - (int)bytes->len));
    }
    return g_byte_array_free_to_bytes(bytes);
}

/* What goes into the envelope, and the messageType of the kind. */
static GBytes *payload_for(const char *kind, X509 *ca, X509_REQ *request, GBytes *pkcs10, const char **message_type)
{
    static const struct {
        const char *kind, *message_type;
    } kinds[] = { { "PKCSReq", "19" }, { "RenewalReq", "17" }, { "CertPoll", "20" }, { "GetCert", "21" }, { "GetCRL", "22" } };
    g_autoptr(ASN1_INTEGER) serial = NULL;
    BIGNUM *number = NULL;

    *message_type = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_ascii_strcasecmp(kind, kinds[i].kind) == 0)
            *message_type = kinds[i].message_type;
    }
    if (!*message_type)
        return NULL;
    if (g_str_equal(*message_type, "19") || g_str_equal(*message_type, "17"))
        return g_bytes_ref(pkcs10);
    if (g_str_equal(*message_type, "20"))
        return scep_issuer_and_subject(X509_get_subject_name(ca), X509_REQ_get_subject_name(request));
    BN_hex2bn(&number, options.serial ? options.serial : "1");
    serial = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return serial ? scep_issuer_and_serial(X509_get_subject_name(ca), serial) : NULL;
}

static void write_message(GBytes *message)
{
    static const struct {
        const char *name, *escaped, *line_end;
    } encodings[] = { { "raw", "", NULL }, { "escaped", "+/=", NULL }, { "lf", "+", "%0A" }, { "crlf", "+/=", "%0D%0A" } };
    g_autoptr(GBytes) content = g_bytes_ref(message);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(encodings); i++) {
        if (g_str_equal(options.encoding, encodings[i].name)) {
            char *text = encode_message(message, encodings[i].escaped, encodings[i].line_end);

            g_bytes_unref(content);
            content = g_bytes_new_take(text, strlen(text));
        }
    }
    must(g_file_set_contents(options.out, g_bytes_get_data(content, NULL), (gssize)g_bytes_get_size(content), &error), error);
}

static void make_message(void)
{
    g_autoptr(X509) ca = certificate_or(options.ca, "ca");
    g_autoptr(X509) recipient = certificate_or(options.recipient, "ra-encryption");
    g_autoptr(EVP_PKEY) key = key_or(options.key, "device");
    g_autoptr(EVP_PKEY) signer_key = options.signer ? key_or(options.signer_key, "device-old") : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) pkcs10 = scep_pkcs10(options.common_name, key, options.challenge, options.alt_names, &error);
    const unsigned char *der = pkcs10 ? g_bytes_get_data(pkcs10, NULL) : NULL;
    g_autoptr(X509_REQ) request = der ? d2i_X509_REQ(NULL, &der, (long)g_bytes_get_size(pkcs10)) : NULL;
    g_autoptr(X509) signer = NULL;
    g_autoptr(GBytes) payload = NULL;
    g_autoptr(GBytes) sender_nonce = random_bytes(options.nonce_length);
    g_autoptr(GBytes) random_nonce = random_bytes(8);
    g_autoptr(GBytes) built = NULL;
    const char *message_type;
    struct scep_message message;

    must(request != NULL, error);
    signer = options.signer ? load_certificate(options.signer, &error) : self_signed(request, key, time(NULL), &error);
    must(signer != NULL, error);
    payload = payload_for(options.message, ca, request, pkcs10, &message_type);
    must(payload != NULL, NULL);
    message = (struct scep_message){
        .message_type = options.message_type ? options.message_type : message_type,
        .transaction_id = options.transaction_id,
        .sender_nonce = sender_nonce,
        .random_nonce = options.random_nonce ? random_nonce : NULL,
        .signer = signer,
        .signer_key = signer_key ? signer_key : key,
        .payload = payload,
        .recipient = recipient,
        .digest = options.digest,
        .cipher = options.cipher,
        .oaep = options.oaep,
        .no_certificates = options.no_certificates,
        .ber = options.ber,
        .break_signature = options.break_signature,
    };
    built = scep_message_build(&message, &error);
    must(built != NULL, error);
    write_message(built);
}

/* --- the samples --- */

static const struct {
    const char *name, *vantage;
    void (*play)(struct sample *s);
} scenarios[] = {
    { "made-ndes-failure", "device", play_ndes_failure },
    { "made-ndes-success", "device", play_ndes_success },
    { "made-ios-ber", "device", play_ios_ber },
    { "made-pending-poll", "device", play_pending_poll },
    { "made-renewal", "device", play_renewal },
    { "made-algorithms", "device", play_algorithms },
    { "made-inconsistent", "device", play_inconsistent },
    { "made-all-failinfo", "device", play_all_failinfo },
    { "made-getcert-getcrl-nextca", "device", play_getcert_getcrl_nextca },
    { "made-get-encodings", "device", play_get_encodings },
    { "made-pipelined", "device", play_pipelined },
    { "made-many-segments", "device", play_many_segments },
    { "made-chunked-gzip", "device", play_chunked_gzip },
    { "made-keepalive-two-transactions", "ndes", play_keepalive_two_transactions },
    { "made-lf-only", "device", play_lf_only },
    { "made-empty-answers", "device", play_empty_answers },
    { "made-odd-attributes", "device", play_odd_attributes },
};

/* Makes the samples; each begins an hour after the one before it. */
static void make_samples(void)
{
    const time_t first = 1741078800;  /* 2025-03-04 09:00 UTC, when the fixtures' expired RA certificate had expired */

    for (guint i = 0; i < G_N_ELEMENTS(scenarios); i++) {
        struct sample *s;

        if (options.only && !g_str_equal(options.only, scenarios[i].name))
            continue;
        s = sample_open(options.captures, options.keys, scenarios[i].name, scenarios[i].vantage, first + 3600 * (time_t)i);
        scenarios[i].play(s);
        sample_close(s, scenarios[i].vantage);
    }
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- SCEP messages and samples");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, option_entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("scep-generate: %s\n", error->message);
        return 2;
    }
    if (!options.captures && !(options.message && options.out)) {
        g_printerr("scep-generate: give --captures DIR, or --message KIND and --out FILE\n");
        return 2;
    }
    if (!scep_enable_legacy_ciphers())
        g_printerr("scep-generate: OpenSSL's legacy provider is missing: no single DES\n");
    if (options.message)
        make_message();
    if (options.captures)
        make_samples();
    return 0;
}
