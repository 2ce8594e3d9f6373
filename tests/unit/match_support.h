/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of scepmatch's files share: a scratch folder, Wireshark's programs, and pcapng files
 * (draft-ietf-opsawg-pcapng) made and taken apart octet by octet, without libwiretap; little-endian.
 */
#ifndef TESTS_MATCH_SUPPORT_H
#define TESTS_MATCH_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "match/merged.h"

/* Readies GLib's test framework and a scratch folder; runs the tests, removes it, returns the exit status. */
void match_test_init(int *argc, char ***argv);
int  match_test_run(void);

/* Paths, to be freed with g_free(). */
char *scratch_file(const char *name);
char *source_file(const char *path);
char *sample_file(const char *sample, const char *name);

/* How many files are in the scratch folder. */
unsigned scratch_count(void);

GBytes *contents_of(const char *path);
void    write_file(const char *path, const void *octets, size_t length);

/* Runs a program, a NULL-terminated vector, away from the user's settings; it must succeed. What it prints. */
char *run(const char *const *arguments);
#define RUN(...)  run((const char *const[]){ __VA_ARGS__, NULL })
#define MAKE(...) g_free(RUN(__VA_ARGS__)) /* for what it writes into a file */

/* Lines of a program's output. */
unsigned count_lines(const char *text);

/* --- pcapng, taken apart --- */

enum {
    INTERFACE = 1,
    NAMES = 4,
    STATISTICS = 5,
    PACKET = 6,
    JOURNAL = 9,
    SECRETS = 10,
    CUSTOM = 0xBAD,
    SECTION = 0x0A0D0D0A,
};

typedef struct {
    uint32_t       type;
    const uint8_t *body; /* without head and trailer */
    size_t         length;
} png_block;

typedef struct {
    GBytes *octets;
    GArray *blocks; /* of png_block */
} png_file;

png_file *png_read(const char *path);
void      png_free(png_file *file);

/* The nth block of a type, from 0; NULL when there are fewer. */
const png_block *png_find(const png_file *file, uint32_t type, unsigned n);
unsigned         png_count(const png_file *file, uint32_t type);

typedef struct {
    uint32_t       interface, captured, length;
    uint64_t       ticks;
    const uint8_t *octets;
    const uint8_t *options;
    size_t         options_length;
} png_packet;

png_packet png_packet_of(const png_file *file, unsigned n);

/* The nth option of a code as text, to be freed with g_free(), or NULL; the octets of one, which must be there. */
char   *option_text(const uint8_t *options, size_t length, unsigned code, unsigned n);
GBytes *option_octets(const uint8_t *options, size_t length, unsigned code, unsigned n);

/* So many octets of a block come before its options. */
#define SECTION_FIXED    16
#define INTERFACE_FIXED  8
#define STATISTICS_FIXED 12

/* An option of an interface or of the section, as text. */
char *interface_text(const png_file *file, unsigned interface, unsigned code);
char *section_text(const png_file *file, unsigned code, unsigned n);

uint32_t u32_at(const uint8_t *octets);
uint64_t u64_at(const uint8_t *octets);

/* --- and made --- */

void put_u16(GByteArray *to, unsigned number);
void put_u32(GByteArray *to, uint32_t number);
void put_u64(GByteArray *to, uint64_t number);
void put_option(GByteArray *to, unsigned code, const void *octets, size_t length);
void put_text_option(GByteArray *to, unsigned code, const char *text);

/* `body` and `options` may be NULL; they are freed. */
void put_block(GByteArray *file, uint32_t type, GByteArray *body);
void put_section(GByteArray *file, GByteArray *options);
void put_interface(GByteArray *file, unsigned link_type, uint32_t snap_length, GByteArray *options);
void put_packet(GByteArray *file, uint32_t interface, uint64_t ticks, const void *octets, size_t captured, uint32_t length,
                GByteArray *options);
void put_secrets(GByteArray *file, uint32_t type, const char *text);

/* Writes the file into the scratch folder and frees it; its path. */
char *made_file(const char *name, GByteArray *file);

/* --- merging --- */

GPtrArray *no_sources(void);
void       add_source(GPtrArray *sources, const char *name, const char *path);

/* Each must succeed. */
merged *begin_merging(const char *path, GPtrArray *sources, const char *keylog);
void    write_record(merged *file, kept_record *record, int64_t time, const char *comment);
void    end_merging(merged *file);

/* Writes all records of a source, later by `shift`. */
void write_source(merged *file, GPtrArray *sources, unsigned number, int64_t shift, const char *comment);

/* Writes all records of all sources, one source after the other, into the scratch folder; what is in that file. */
png_file *merge(const char *name, GPtrArray *sources, const char *keylog, const char *comment);

/* Likewise, of one source ("client"), which is made of a file. */
png_file *merge_file(GByteArray *file, const char *comment);

/* A file so far: a section and an interface. */
GByteArray *file_of(unsigned link_type);

#endif
