/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files of groups, keys and values.
 */
#include "keyfile.h"

#include <string.h>

void
keyfile_problem(GPtrArray *problems, const char *name, const char *group, const char *key, const char *what)
{
    GString *line = g_string_new(name);

    g_string_append(line, ": ");
    if (group)
        g_string_append_printf(line, "[%s]%s%s: ", group, key ? " " : "", key ? key : "");
    g_string_append(line, what);
    g_strdelimit(line->str, "\r\n", ' ');
    g_ptr_array_add(problems, g_string_free(line, FALSE));
}

void
keyfile_complain(keyfile *file, const char *group, const char *key, const char *format, ...)
{
    va_list arguments;
    char   *what;

    va_start(arguments, format);
    what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    keyfile_problem(file->problems, file->name, group, key, what);
    g_hash_table_add(file->unsound, g_strdup(group));
    g_free(what);
}

/* GKeyFile joins groups of one name, and of a key's values it takes the last. */
static void
find_duplicates(keyfile *file, const char *text)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char      **lines = g_strsplit(text, "\n", -1);
    char       *group = g_strdup("");
    bool        is_again = false;

    for (char **line = lines; *line; line++) {
        const char *sign = strchr(*line, '=');

        g_strstrip(*line);
        if (**line == '[') {
            g_free(group);
            group = g_strndup(*line + 1, strcspn(*line + 1, "]"));
            is_again = !g_hash_table_add(seen, g_strdup(group));
            if (is_again)
                keyfile_complain(file, group, NULL, "given twice in this file; expected once");
        } else if (!is_again && **line != '#' && sign) {
            char *key = g_strndup(*line, (gsize)(sign - *line));

            g_strstrip(key);
            if (!g_hash_table_add(seen, g_strjoin("\n", group, key, NULL)))
                keyfile_complain(file, group, key, "given twice; expected once");
            g_free(key);
        }
    }
    g_free(group);
    g_strfreev(lines);
    g_hash_table_unref(seen);
}

bool
keyfile_open(keyfile *file, const char *name, const char *text, size_t length, GPtrArray *problems,
             GStringChunk *strings)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    const char       *end;
    char             *copy;
    GError           *error = NULL;

    file->name = name;
    file->problems = problems;
    file->strings = strings;
    if (!g_utf8_validate(text, (gssize)length, &end)) {
        char *what = g_strdup_printf("octet %zu is not UTF-8; expected UTF-8 text", (size_t)(end - text) + 1);

        keyfile_problem(problems, name, NULL, NULL, what);
        g_free(what);
        return false;
    }
    copy = g_strndup(text, length);
    if (g_str_has_prefix(copy, byte_order_mark))
        memset(copy, ' ', strlen(byte_order_mark));
    file->keys = g_key_file_new();
    /* With translations kept, one is an unknown key whatever the locale. */
    if (!g_key_file_load_from_data(file->keys, copy, strlen(copy), G_KEY_FILE_KEEP_TRANSLATIONS, &error)) {
        keyfile_problem(problems, name, NULL, NULL, error->message);
        g_error_free(error);
        g_key_file_free(file->keys);
        g_free(copy);
        return false;
    }
    file->unsound = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    find_duplicates(file, copy);
    g_free(copy);
    return true;
}

void
keyfile_close(keyfile *file)
{
    g_hash_table_unref(file->unsound);
    g_key_file_free(file->keys);
}

bool
keyfile_is_sound(const keyfile *file, const char *group)
{
    return group ? !g_hash_table_contains(file->unsound, group) : g_hash_table_size(file->unsound) == 0;
}

char **
keyfile_groups(const keyfile *file)
{
    return g_key_file_get_groups(file->keys, NULL);
}

char **
keyfile_keys(const keyfile *file, const char *group)
{
    return g_key_file_get_keys(file->keys, group, NULL, NULL);
}

void
keyfile_check_keys(keyfile *file, const char *group, const char *const *known)
{
    char **keys = keyfile_keys(file, group);

    for (char **key = keys; key && *key; key++) {
        if (!g_strv_contains(known, *key)) {
            char *expected = g_strjoinv(", ", (char **)known);

            keyfile_complain(file, group, *key, "unknown key; expected one of %s", expected);
            g_free(expected);
        }
    }
    g_strfreev(keys);
}

const char *
keyfile_text(keyfile *file, const char *group, const char *key, bool is_required)
{
    char       *raw = g_key_file_get_value(file->keys, group, key, NULL);
    const char *text = NULL;

    if (!raw) {
        if (is_required)
            keyfile_complain(file, group, key, "missing; expected in every such group");
        return NULL;
    }
    g_strstrip(raw);
    if (*raw)
        text = g_string_chunk_insert_const(file->strings, raw);
    else
        keyfile_complain(file, group, key, "empty; expected a value, or no such line");
    g_free(raw);
    return text;
}

const char **
keyfile_list(keyfile *file, const char *group, const char *key, bool is_required)
{
    const char *text = keyfile_text(file, group, key, is_required);
    GPtrArray  *list;
    char      **items;

    if (!text)
        return NULL;
    list = g_ptr_array_new();
    items = g_strsplit(text, ";", -1);
    for (char **item = items; *item; item++) {
        g_strstrip(*item);
        if (**item)
            g_ptr_array_add(list, g_string_chunk_insert_const(file->strings, *item));
        else if (item[1] || list->len == 0) /* one at the end is GKeyFile's custom */
            keyfile_complain(file, group, key, "an empty item; expected items separated by single semicolons");
    }
    g_strfreev(items);
    g_ptr_array_add(list, NULL);
    return (const char **)g_ptr_array_free(list, FALSE);
}

GPatternSpec **
keyfile_patterns(keyfile *file, const char *group, const char *key)
{
    const char **list = keyfile_list(file, group, key, false);
    GPtrArray   *patterns;

    if (!list)
        return NULL;
    patterns = g_ptr_array_new();
    for (const char **item = list; *item; item++) {
        char *lower = g_utf8_strdown(*item, -1);

        g_ptr_array_add(patterns, g_pattern_spec_new(lower));
        g_free(lower);
    }
    g_free(list);
    g_ptr_array_add(patterns, NULL);
    return (GPatternSpec **)g_ptr_array_free(patterns, FALSE);
}

void
keyfile_free_patterns(GPatternSpec **patterns)
{
    for (GPatternSpec **pattern = patterns; pattern && *pattern; pattern++)
        g_pattern_spec_free(*pattern);
    g_free(patterns);
}

bool
keyfile_boolean(keyfile *file, const char *group, const char *key)
{
    static const char *const choices[] = { "false", "true", NULL };

    return keyfile_choice(file, group, key, false, choices) == 1;
}

int
keyfile_choice(keyfile *file, const char *group, const char *key, bool is_required, const char *const *choices)
{
    const char *text = keyfile_text(file, group, key, is_required);
    char       *expected;

    if (!text)
        return -1;
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0)
            return i;
    }
    expected = g_strjoinv(", ", (char **)choices);
    keyfile_complain(file, group, key, "\"%s\" is none of its values; expected one of %s", text, expected);
    g_free(expected);
    return -1;
}

const char *
keyfile_number(const char *text, uint64_t limit, uint64_t *number)
{
    char *end;

    if (!g_ascii_isdigit(*text))
        return NULL;
    *number = g_ascii_strtoull(text, &end, 10);
    return *number <= limit ? end : NULL;
}

int64_t
keyfile_duration(const char *text)
{
    static const struct {
        char    unit;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    uint64_t    number;
    const char *unit = keyfile_number(text, 10000, &number);

    for (size_t i = 0; unit && i < G_N_ELEMENTS(units); i++) {
        if (*unit == units[i].unit && !unit[1] && number > 0)
            return (int64_t)number * units[i].seconds * INT64_C(1000000000);
    }
    return -1;
}
