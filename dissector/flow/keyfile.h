/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files of groups, keys and values, as GKeyFile reads them, and what is wrong with them. Values are taken as they are
 * written, without escapes: paths of Windows need none. Items of a list are separated by semicolons.
 */
#ifndef FLOW_KEYFILE_H
#define FLOW_KEYFILE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* A file while it is read. Strings that are given out live in `strings`. */
typedef struct {
    const char   *name;     /* for the problems */
    GKeyFile     *keys;
    GHashTable   *unsound;  /* the groups with a mistake */
    GPtrArray    *problems; /* of char *: "FILE: [GROUP] KEY: what is wrong and what was expected" */
    GStringChunk *strings;
} keyfile;

/* False when the text cannot be read at all, which has become a problem; else keyfile_close() is due. */
bool keyfile_open(keyfile *file, const char *name, const char *text, size_t length, GPtrArray *problems,
                  GStringChunk *strings);
void keyfile_close(keyfile *file);

/* One more problem, of a group or of a key in it (`key` NULL: of the group), which is not sound any more. */
void keyfile_complain(keyfile *file, const char *group, const char *key, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* True when there is no problem with a group, or with any (NULL). */
bool keyfile_is_sound(const keyfile *file, const char *group);

/* A line for `problems`, when no keyfile is open; `group` and `key` may be NULL. */
void keyfile_problem(GPtrArray *problems, const char *name, const char *group, const char *key, const char *what);

/* Names of the groups and of a group's keys, in the order of the file; free with g_strfreev(). */
char **keyfile_groups(const keyfile *file);
char **keyfile_keys(const keyfile *file, const char *group);

/* Complains about keys that are not among these, NULL-terminated. */
void keyfile_check_keys(keyfile *file, const char *group, const char *const *known);

/* NULL when the key is absent, which is a problem of required ones, or its value is empty, which always is one. */
const char *keyfile_text(keyfile *file, const char *group, const char *key, bool is_required);

/* The items of a list, NULL-terminated; to be freed with g_free(), which leaves the strings; NULL as above. */
const char **keyfile_list(keyfile *file, const char *group, const char *key, bool is_required);

/* Globs, for text in lower case, NULL-terminated; NULL like keyfile_text(). Free with keyfile_free_patterns(). */
GPatternSpec **keyfile_patterns(keyfile *file, const char *group, const char *key);
void           keyfile_free_patterns(GPatternSpec **patterns);

/* "true" or "false"; false when absent. */
bool keyfile_boolean(keyfile *file, const char *group, const char *key);

/* The position of a value among these, NULL-terminated; -1 when absent or none of them. */
int keyfile_choice(keyfile *file, const char *group, const char *key, bool is_required, const char *const *choices);

/* A decimal number at the beginning of `text` that is at most `limit`, and where it ends; NULL when there is none. */
const char *keyfile_number(const char *text, uint64_t limit, uint64_t *number);

/* The nanoseconds of 90s, 5m, 2h or 1d; -1 when `text` is no such duration, or an empty one. */
int64_t keyfile_duration(const char *text);

#endif
