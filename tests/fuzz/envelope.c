/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A message, its envelope opened with the keys of the samples, its signature checked with its own certificates.
 */
#include "fuzz.h"
#include "scep/envelope.h"

static wmem_allocator_t *scope;
static GPtrArray        *keys;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    static const char *const files[] = { "ra-encryption.key", "device.key" };

    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    keys = scep_keys_new();
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        char *path = g_build_filename(SOURCE_ROOT, "captures/record/keys", files[i], NULL);
        char *problem = scep_keys_add_file(keys, path, NULL);

        if (problem)
            g_error("%s", problem);
        g_free(path);
    }
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ber_slice    in = { data, size };
    scep_message message;
    scep_parts   parts;

    if (scep_message_read(scope, scope, in, &message, &parts)) {
        scep_octets content = scep_envelope_open(scope, keys, NULL, &message, &parts);

        g_assert_true((content.data == NULL) == (content.length == 0));
        if (content.length > 0) {
            ber_slice opened = { content.data, content.length };

            g_assert_true(content.length < size && content.data[0] == BER_SEQUENCE);
            scep_request_read(scope, opened);
            scep_certificates_read(scope, opened);
        }
        for (unsigned i = 0; i < wmem_array_get_count(parts.certificates); i++)
            scep_signature_check(*(ber_slice *)wmem_array_index(parts.certificates, i), &message, &parts);
    }
    wmem_free_all(scope);
    return 0;
}
