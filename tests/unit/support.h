/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the unit tests share: files of the source tree, octets in hexadecimal, and openssl, which knows better.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <glib.h>
#include <wsutil/wmem/wmem.h>

#include "scep/ber.h"
#include "scep/certificate.h"
#include "scep/message.h"

/* Readies GLib's test framework, libgcrypt and a scratch folder. */
void support_init(int *argc, char ***argv);

/* Runs the tests, removes the scratch folder, returns the exit status. */
int support_run(void);

/* The scope of the test that runs; support_free_scope() empties it. */
wmem_allocator_t *support_scope(void);
void              support_free_scope(void);

/* Paths, to be freed with g_free(): of a file of the source tree, of a sample's truth, in the scratch folder. */
char *source_path(const char *file);
char *truth_path(const char *sample, const char *file);
char *scratch_path(const char *file);

/* Contents of a file, which must be there. */
GBytes *bytes_of_file(const char *path);
GBytes *bytes_of_truth(const char *sample, const char *file);

/* The DER in a PEM file of one object. */
GBytes *bytes_of_pem(const char *path);

/* Octets written as hexadecimal digits; blanks do not count. */
GBytes *bytes_of_hex(const char *hex);

/* The first `length` octets in an allocation of just that size, where a checker of memory sees a read beyond them. */
GBytes *bytes_cut(GBytes *bytes, size_t length);

ber_slice slice_of(GBytes *bytes);

/* The octets as lower case hexadecimal digits, to be freed with g_free(). */
char *hex_of(const uint8_t *data, size_t length);

void assert_hex(const uint8_t *data, size_t length, const char *hex);

/* Runs openssl with the given arguments, a NULL-terminated vector, which must succeed; what it prints. */
GBytes *openssl(const char *const *arguments);

/* Reads a message in the scope of the test; it must be one. */
void message_of(GBytes *bytes, scep_message *message, scep_parts *parts);

#endif
