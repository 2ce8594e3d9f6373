/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening envelopes with keys from files of every kind, against what openssl says.
 */
#include <string.h>

#include "scep/envelope.h"
#include "support.h"

#define SAMPLE "made-algorithms" /* DES to AES-256, each with rsaEncryption and RSAES-OAEP: made.md */

/* The keys of these files of the sample's truth. */
static GPtrArray *
keys_of(const char *sample, const char *const *files)
{
    GPtrArray *keys = scep_keys_new();

    for (; *files; files++) {
        char *path = truth_path(sample, *files);

        g_assert_cmpstr(scep_keys_add_file(keys, path, NULL), ==, NULL);
        g_free(path);
    }
    return keys;
}

static scep_octets
opened_with(const GPtrArray *keys, const uint8_t *key_id, GBytes *bytes)
{
    scep_message message;
    scep_parts   parts;

    message_of(bytes, &message, &parts);
    return scep_envelope_open(support_scope(), keys, key_id, &message, &parts);
}

/* What openssl finds in the envelope of a message. */
static GBytes *
opened_by_openssl(const char *sample, const char *file, const char *key_file)
{
    char *message = truth_path(sample, file), *key = truth_path(sample, key_file);
    char *signer = truth_path(sample, "ra-signing.crt"); /* answers do not bring it along */
    char *envelope = scratch_path("envelope"), *content = scratch_path("content");

    const char *const unwrap[] = { "cms",   "-verify", "-nosigs", "-noverify", "-inform",  "DER", "-in",
                                   message, "-binary", "-certfile", signer,    "-out", envelope, NULL };
    const char *const decrypt[] = { "cms", "-decrypt",  "-inform", "DER", "-in",       envelope,   "-binary", "-inkey",
                                    key,   "-provider", "legacy",  "-provider", "default", "-out", content,   NULL };
    GBytes           *bytes;

    g_bytes_unref(openssl(unwrap));
    g_bytes_unref(openssl(decrypt));
    bytes = bytes_of_file(content);
    g_free(message);
    g_free(key);
    g_free(signer);
    g_free(envelope);
    g_free(content);
    return bytes;
}

static void
test_algorithms(void)
{
    static const char *const recipient[] = { "recipient.key", NULL }, *const device[] = { "device.key", NULL };
    static const char *const ciphers[] = { "DES-CBC", "DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };
    static const char *const transports[] = { "rsaEncryption", "rsaesOaep" };
    unsigned                 met[G_N_ELEMENTS(ciphers)][G_N_ELEMENTS(transports)] = { { 0 } };

    for (int exchange = 3; exchange <= 12; exchange++) {
        for (int is_response = 0; is_response <= 1; is_response++) {
            const char *const *files = is_response ? device : recipient;
            char        *file = g_strdup_printf("%02d-%s.p7m", exchange, is_response ? "response" : "request");
            GBytes      *bytes = bytes_of_truth(SAMPLE, file);
            GBytes      *expected = opened_by_openssl(SAMPLE, file, files[0]);
            GPtrArray   *keys = keys_of(SAMPLE, files);
            scep_octets  content = opened_with(keys, NULL, bytes);
            scep_message message;
            scep_parts   parts;

            g_assert_cmpmem(content.data, content.length, g_bytes_get_data(expected, NULL),
                            g_bytes_get_size(expected));
            message_of(bytes, &message, &parts);
            for (size_t cipher = 0; cipher < G_N_ELEMENTS(ciphers); cipher++) {
                for (size_t transport = 0; transport < G_N_ELEMENTS(transports); transport++) {
                    if (strcmp(message.cipher.name, ciphers[cipher]) == 0 &&
                        strcmp(message.key_encryption.name, transports[transport]) == 0)
                        met[cipher][transport]++;
                }
            }
            g_ptr_array_unref(keys);
            g_bytes_unref(expected);
            g_bytes_unref(bytes);
            g_free(file);
            support_free_scope();
        }
    }
    for (size_t cipher = 0; cipher < G_N_ELEMENTS(ciphers); cipher++) {
        for (size_t transport = 0; transport < G_N_ELEMENTS(transports); transport++)
            g_assert_cmpuint(met[cipher][transport], ==, 2); /* the request and its answer */
    }
}

/* The digest of RSAES-OAEP may be any, if that of its mask is the same; RFC 8017 A.2.1 names both. */
static void
test_oaep_digests(void)
{
    static const struct {
        const char *digest, *mask_digest;
        bool        opens;
    } cases[] = {
        { "sha1", "sha1", true },     { "sha224", "sha224", true }, { "sha256", "sha256", true },
        { "sha384", "sha384", true }, { "sha512", "sha512", true }, { "sha256", "sha1", false },
        { "sha1", "sha256", false },
    };
    static const char *const files[] = { "recipient.key", NULL };
    char      *recipient = truth_path(SAMPLE, "ra.crt"), *signer = truth_path(SAMPLE, "issued.crt");
    char      *key = truth_path(SAMPLE, "device.key"), *content = scratch_path("content");
    char      *envelope = scratch_path("envelope"), *sealed = scratch_path("sealed");
    GPtrArray *keys = keys_of(SAMPLE, files);
    GBytes    *expected = bytes_of_pem(recipient); /* any DER */
    gsize      size;
    gconstpointer data = g_bytes_get_data(expected, &size);

    g_assert_true(g_file_set_contents(content, data, (gssize)size, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *digest = g_strconcat("rsa_oaep_md:", cases[i].digest, NULL);
        char *mask_digest = g_strconcat("rsa_mgf1_md:", cases[i].mask_digest, NULL);

        const char *const encrypt[] = { "cms",       "-encrypt",  "-binary",  "-in",  content,  "-outform", "DER",
                                        "-out",      envelope,    "-aes128",  "-recip", recipient, "-keyopt", digest,
                                        "-keyopt",   mask_digest, "-keyopt",  "rsa_padding_mode:oaep", NULL };
        const char *const sign[] = { "cms", "-sign", "-binary", "-nodetach", "-in",    envelope, "-outform", "DER",
                                     "-out", sealed, "-signer", signer,      "-inkey", key,      NULL };
        GBytes     *bytes;
        scep_octets opened;

        g_bytes_unref(openssl(encrypt));
        g_bytes_unref(openssl(sign));
        bytes = bytes_of_file(sealed);
        opened = opened_with(keys, NULL, bytes);
        g_test_message("%s %s", cases[i].digest, cases[i].mask_digest);
        g_assert_cmpmem(opened.data, opened.length, data, cases[i].opens ? size : 0);
        g_bytes_unref(bytes);
        g_free(digest);
        g_free(mask_digest);
        support_free_scope();
    }
    g_bytes_unref(expected);
    g_ptr_array_unref(keys);
    g_free(recipient);
    g_free(signer);
    g_free(key);
    g_free(content);
    g_free(envelope);
    g_free(sealed);
}

/* BER with the encrypted content in parts. */
static void
test_ber(void)
{
    static const char *const files[] = { "recipient.key", NULL };
    GBytes     *bytes = bytes_of_truth("made-ios-ber", "03-request.p7m");
    GBytes     *expected = opened_by_openssl("made-ios-ber", "03-request.p7m", files[0]);
    GPtrArray  *keys = keys_of("made-ios-ber", files);
    scep_octets content = opened_with(keys, NULL, bytes);

    g_assert_cmpmem(content.data, content.length, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
    g_ptr_array_unref(keys);
    g_bytes_unref(expected);
    g_bytes_unref(bytes);
    support_free_scope();
}

static void
test_wrong_keys(void)
{
    static const char *const none[] = { NULL }, *const device[] = { "device.key", NULL };

    for (int exchange = 3; exchange <= 12; exchange++) {
        char      *file = g_strdup_printf("%02d-request.p7m", exchange);
        GBytes    *bytes = bytes_of_truth(SAMPLE, file);
        GPtrArray *keys = keys_of(SAMPLE, none);

        g_assert_cmpuint(opened_with(keys, NULL, bytes).length, ==, 0);
        g_ptr_array_unref(keys);
        keys = keys_of(SAMPLE, device);
        g_assert_cmpuint(opened_with(keys, NULL, bytes).length, ==, 0);
        g_ptr_array_unref(keys);
        g_bytes_unref(bytes);
        g_free(file);
        support_free_scope();
    }
}

/* Among several keys the right one is found, whoever is said to be the recipient. */
static void
test_several_keys(void)
{
    static const char *const files[] = { "device.key", "ca.key", "recipient.key", NULL };
    GBytes    *bytes = bytes_of_truth("made-inconsistent", "03-request.p7m");
    GBytes    *expected = opened_by_openssl("made-inconsistent", "03-request.p7m", "recipient.key");
    GPtrArray *keys = keys_of("made-inconsistent", files);

    for (unsigned i = 0; i < keys->len; i++) {
        const scep_key *key = g_ptr_array_index(keys, i);
        scep_octets     content = opened_with(keys, key->key_id, bytes);

        g_assert_cmpmem(content.data, content.length, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
    }
    g_ptr_array_unref(keys);
    g_bytes_unref(expected);
    g_bytes_unref(bytes);
    support_free_scope();
}

/* The key of a certificate is known by its identifier. */
static void
test_key_id(void)
{
    static const char *const files[] = { "recipient.key", "device.key", NULL };
    char             *path = truth_path(SAMPLE, "ra.crt");
    GBytes           *der = bytes_of_pem(path);
    scep_certificate *certificate = scep_certificate_read(support_scope(), slice_of(der));
    GPtrArray        *keys = keys_of(SAMPLE, files);
    const scep_key   *recipient = g_ptr_array_index(keys, 0), *device = g_ptr_array_index(keys, 1);

    g_assert_cmpmem(certificate->key_id, sizeof certificate->key_id, recipient->key_id, sizeof recipient->key_id);
    g_assert_true(memcmp(certificate->key_id, device->key_id, sizeof device->key_id) != 0);
    g_ptr_array_unref(keys);
    g_bytes_unref(der);
    g_free(path);
    support_free_scope();
}

static void
test_truncation(void)
{
    static const char *const files[] = { "recipient.key", NULL };
    GBytes    *bytes = bytes_of_truth(SAMPLE, "03-request.p7m");
    GBytes    *expected = opened_by_openssl(SAMPLE, "03-request.p7m", files[0]);
    GPtrArray *keys = keys_of(SAMPLE, files);
    size_t     opened = 0;

    for (size_t length = 0; length < g_bytes_get_size(bytes); length += 7) { /* RSA takes its time */
        GBytes      *cut = bytes_cut(bytes, length);
        scep_message message;
        scep_parts   parts;

        if (scep_message_read(support_scope(), support_scope(), slice_of(cut), &message, &parts)) {
            scep_octets content = scep_envelope_open(support_scope(), keys, NULL, &message, &parts);

            if (content.length > 0) { /* all of it or nothing */
                g_assert_cmpmem(content.data, content.length, g_bytes_get_data(expected, NULL),
                                g_bytes_get_size(expected));
                opened++;
            }
        }
        g_bytes_unref(cut);
        support_free_scope();
    }
    g_assert_cmpuint(opened, >, 0); /* the envelope comes before certificates and signature */
    g_assert_cmpuint(opened, <, g_bytes_get_size(bytes) / 2 + g_bytes_get_size(bytes) / 4);
    g_ptr_array_unref(keys);
    g_bytes_unref(expected);
    g_bytes_unref(bytes);
}

/* RFC 5652 6.3: every octet of the padding tells its length. In CBC a bit that flips in one block flips the same bit of
 * the next block's content. */
static void
test_padding(void)
{
    static const char *const files[] = { "recipient.key", NULL };
    GPtrArray *keys = keys_of(SAMPLE, files);
    unsigned   tested = 0;

    for (int exchange = 3; exchange <= 12; exchange++) {
        char        *file = g_strdup_printf("%02d-request.p7m", exchange);
        GBytes      *bytes = bytes_of_truth(SAMPLE, file);
        size_t       length = opened_with(keys, NULL, bytes).length;
        scep_message message;
        scep_parts   parts;

        message_of(bytes, &message, &parts);

        size_t   sealed = parts.encrypted_content.length, block = parts.initialization_vector.length;
        uint8_t *changed = g_memdup2(parts.encrypted_content.data, sealed);

        parts.encrypted_content.data = changed;
        for (size_t back = 1; back <= sealed - length; back++) {
            changed[sealed - block - back] ^= 1;
            g_assert_cmpuint(scep_envelope_open(support_scope(), keys, NULL, &message, &parts).length, ==, 0);
            changed[sealed - block - back] ^= 1;
            tested += back > 1;
        }
        g_assert_cmpuint(scep_envelope_open(support_scope(), keys, NULL, &message, &parts).length, ==, length);
        g_free(changed);
        g_bytes_unref(bytes);
        g_free(file);
        support_free_scope();
    }
    g_assert_cmpuint(tested, >, 0);
    g_ptr_array_unref(keys);
}

/* Adds a key file with a password; the problem, or NULL when the key then opens a request. */
static char *
problem_with(const char *path, const char *password)
{
    GPtrArray *keys = scep_keys_new();
    char      *problem = scep_keys_add_file(keys, path, password);

    g_assert_cmpuint(keys->len, ==, problem == NULL);
    if (!problem) {
        GBytes *bytes = bytes_of_truth(SAMPLE, "03-request.p7m");

        g_assert_cmpuint(opened_with(keys, NULL, bytes).length, >, 0);
        g_bytes_unref(bytes);
        support_free_scope();
    }
    g_ptr_array_unref(keys);
    return problem;
}

static void
assert_opens(const char *path, const char *password)
{
    g_assert_cmpstr(problem_with(path, password), ==, NULL);
}

/* The file is named in what is said about it. */
static void
assert_problem(const char *path, const char *password, const char *said)
{
    char *problem = problem_with(path, password);

    g_assert_nonnull(problem);
    g_assert_nonnull(strstr(problem, path));
    if (said)
        g_assert_nonnull(strstr(problem, said));
    g_free(problem);
}

static void
test_key_files(void)
{
    char *key = truth_path(SAMPLE, "recipient.key"), *certificate = truth_path(SAMPLE, "ra.crt");
    char *path = scratch_path("key");

    const char *const pkcs8_der[] = { "pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER", "-out", path, NULL };
    const char *const pkcs8_pem[] = { "pkcs8", "-topk8", "-passout", "pass:secret", "-in", key, "-out", path, NULL };
    const char *const pkcs1_pem[] = { "rsa", "-traditional", "-in", key, "-out", path, NULL };
    const char *const pkcs1_der[] = { "rsa", "-traditional", "-in", key, "-outform", "DER", "-out", path, NULL };

    assert_opens(key, NULL);
    assert_opens(key, "");
    assert_opens(key, "not needed");
    g_bytes_unref(openssl(pkcs8_der));
    assert_opens(path, NULL);
    g_bytes_unref(openssl(pkcs1_pem));
    assert_opens(path, NULL);
    g_bytes_unref(openssl(pkcs1_der));
    assert_opens(path, NULL);
    g_bytes_unref(openssl(pkcs8_pem));
    assert_opens(path, "secret");
    assert_problem(path, "wrong", NULL);
    assert_problem(path, NULL, NULL);
    assert_problem(certificate, NULL, NULL);
    g_free(key);
    g_free(certificate);
    g_free(path);
}

/* Writes the key of `from` to `to` with its two primes in the other order, which PKCS #1 leaves open. */
static void
write_swapped_primes(const char *from, const char *to)
{
    GBytes               *pem = bytes_of_file(from);
    gnutls_datum_t        data = { NULL, 0 }, n, e, d, p, q, u, out;
    gnutls_x509_privkey_t key;
    gsize                 size;

    data.data = (unsigned char *)g_bytes_get_data(pem, &size);
    data.size = (unsigned)size;
    gnutls_x509_privkey_init(&key);
    g_assert_cmpint(gnutls_x509_privkey_import(key, &data, GNUTLS_X509_FMT_PEM), >=, 0);
    g_assert_cmpint(gnutls_x509_privkey_export_rsa_raw(key, &n, &e, &d, &p, &q, &u), >=, 0);
    gnutls_x509_privkey_deinit(key);
    gnutls_x509_privkey_init(&key);
    g_assert_cmpint(gnutls_x509_privkey_import_rsa_raw2(key, &n, &e, &d, &q, &p, NULL, NULL, NULL), >=, 0);
    g_assert_cmpint(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &out), >=, 0);
    g_assert_true(g_file_set_contents(to, (const char *)out.data, (gssize)out.size, NULL));
    gnutls_x509_privkey_deinit(key);
    gnutls_free(n.data);
    gnutls_free(e.data);
    gnutls_free(d.data);
    gnutls_free(p.data);
    gnutls_free(q.data);
    gnutls_free(u.data);
    gnutls_free(out.data);
    g_bytes_unref(pem);
}

/* libgcrypt takes the primes in one order only, and with the other goes wrong at random, once in some eighty times. */
static void
test_order_of_primes(void)
{
    enum { TIMES = 500 };
    char       *paths[] = { truth_path(SAMPLE, "recipient.key"), scratch_path("swapped") };
    GBytes     *bytes = bytes_of_truth(SAMPLE, "03-request.p7m");

    write_swapped_primes(paths[0], paths[1]);
    for (int i = 0; i < 2; i++) {
        GPtrArray *keys = scep_keys_new();

        g_assert_cmpstr(scep_keys_add_file(keys, paths[i], NULL), ==, NULL);
        for (int times = 0; times < TIMES; times++) {
            g_assert_cmpuint(opened_with(keys, NULL, bytes).length, >, 0);
            support_free_scope();
        }
        g_ptr_array_unref(keys);
        g_free(paths[i]);
    }
    g_bytes_unref(bytes);
}

static void
test_pkcs12(void)
{
    char *key = truth_path(SAMPLE, "recipient.key"), *certificate = truth_path(SAMPLE, "ra.crt");
    char *path = scratch_path("key.p12");

    /* RC2 and 3DES, as Windows exports by default, and AES, as openssl does. */
    const char *const modern[] = { "pkcs12", "-export",  "-inkey",      key,    "-in", certificate,
                                   "-passout", "pass:secret", "-out", path, NULL };
    const char *const legacy[] = { "pkcs12", "-export", "-legacy",  "-inkey",      key,    "-in", certificate,
                                   "-passout", "pass:secret", "-out", path, NULL };
    const char *const open[] = { "pkcs12", "-export", "-inkey", key, "-in", certificate, "-passout", "pass:", "-out",
                                 path, NULL };
    const char *const no_key[] = { "pkcs12", "-export", "-nokeys", "-in", certificate, "-passout", "pass:secret",
                                   "-out", path, NULL };

    g_bytes_unref(openssl(modern));
    assert_opens(path, "secret");
    assert_problem(path, "wrong", NULL);
    assert_problem(path, NULL, NULL);
    g_bytes_unref(openssl(legacy));
    assert_opens(path, "secret");
    assert_problem(path, "wrong", NULL);
    g_bytes_unref(openssl(open));
    assert_opens(path, NULL);
    assert_opens(path, "");
    g_bytes_unref(openssl(no_key));
    assert_problem(path, "secret", NULL);
    g_free(key);
    g_free(certificate);
    g_free(path);
}

static void
test_unusable_files(void)
{
    char *path = scratch_path("key"), *capture = source_path("captures/samples/" SAMPLE "/device.pcapng");

    const char *const elliptic[] = { "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path,
                                     NULL };

    g_bytes_unref(openssl(elliptic));
    assert_problem(path, NULL, "not an RSA key");
    assert_problem("/nowhere/key.pem", NULL, NULL);
    assert_problem(capture, NULL, "PEM or PKCS #12");
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    assert_problem(path, NULL, "PEM or PKCS #12");
    g_assert_true(g_file_set_contents(path, "-----BEGIN PRIVATE KEY-----\n", -1, NULL));
    assert_problem(path, NULL, "PEM or PKCS #12");
    g_free(path);
    g_free(capture);
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/envelope/algorithms", test_algorithms);
    g_test_add_func("/envelope/oaep-digests", test_oaep_digests);
    g_test_add_func("/envelope/ber", test_ber);
    g_test_add_func("/envelope/wrong-keys", test_wrong_keys);
    g_test_add_func("/envelope/several-keys", test_several_keys);
    g_test_add_func("/envelope/key-id", test_key_id);
    g_test_add_func("/envelope/truncation", test_truncation);
    g_test_add_func("/envelope/padding", test_padding);
    g_test_add_func("/envelope/key-files", test_key_files);
    g_test_add_func("/keys/order-of-primes", test_order_of_primes);
    g_test_add_func("/envelope/pkcs12", test_pkcs12);
    g_test_add_func("/envelope/unusable-files", test_unusable_files);
    return support_run();
}
